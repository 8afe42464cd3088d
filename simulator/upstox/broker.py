"""The simulated Upstox as a whole, on one port: the host for orders and the other one are the same."""

from simulator.upstox.desk import Desk
from simulator.upstox.limits import limits
from simulator.upstox.orders import written
from simulator.upstox.routes import router
from simulator.upstox.rows import Row
from simulator.upstox.sessions import Sessions
from simulator.wire.broker import SimulatedBroker
from simulator.wire.calls import encoded
from simulator.wire.journal import Update
from simulator.wire.postbacks import Letter, Postbacks
from simulator.wire.process import Venue
from simulator.wire.server import WireServer


def simulated_upstox(venue: Venue, *, has_limits: bool = True) -> SimulatedBroker:
    """Return the broker, serving from `start` to `close`."""
    desk = Desk(venue.exchange, listings=venue.listings, sessions=Sessions(venue.apps, venue.clock))
    answers = router(desk, limits(venue.clock) if has_limits else None)
    server = WireServer(venue.port, answers.answer, plan=desk.plan)
    broker = SimulatedBroker(desk, server, postbacks=Postbacks(desk, lambda update: _letter(desk, update)))
    broker.chores.append(desk.gtts.step)
    return broker


def _letter(desk: Desk, update: Update) -> Letter:
    """Return an order's state as the webhook posts it: unsigned."""
    row = {"update_type": "order", **written(desk, update.order)}
    return Letter(
        status=str(row["status"]),
        order_id=update.order.order_id,
        body=lambda _app, fault: encoded(row | (_forged(row) if fault.forges else {})),
    )


def _forged(row: Row) -> Row:
    return {"status": "complete", "filled_quantity": row["quantity"], "pending_quantity": 0}
