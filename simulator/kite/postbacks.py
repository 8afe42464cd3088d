"""Kite's postbacks: an order's state, signed with the app's secret."""

from simulator.kite.desk import Desk
from simulator.kite.rows import Row
from simulator.kite.sessions import App
from simulator.kite.updates import checksum, update_row
from simulator.wire.calls import encoded
from simulator.wire.journal import Update
from simulator.wire.postbacks import Letter, Postbacks
from simulator.wire_faults import Fault


def kite_postbacks(desk: Desk) -> Postbacks:
    """Return what posts a desk's updates, at work."""

    def write(update: Update) -> Letter:
        row = update_row(desk, update)
        return Letter(
            status=row["status"],
            order_id=row["order_id"],
            body=lambda app, fault: encoded(_signed(row, app, fault)),
        )

    return Postbacks(desk, write)


def _signed(row: Row, app: App, fault: Fault) -> Row:
    """Return the row with its checksum; a forged one claims to be filled and knows no secret."""
    if fault.forges:
        claimed = row | {"status": "COMPLETE", "filled_quantity": row["quantity"], "pending_quantity": 0}
        return claimed | {"checksum": checksum(row, "not the secret")}
    return row | {"checksum": checksum(row, app.api_secret)}
