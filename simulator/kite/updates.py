"""An order's state as Kite tells it to apps: the same on the socket and in a postback."""

import hashlib

from simulator.kite.desk import Desk
from simulator.kite.rows import Row, order_row
from simulator.wire.journal import Update


def update_row(desk: Desk, update: Update) -> Row:
    """Return the order's row with what only an update has; UPDATE when it lives on as it did."""
    order = update.order
    row = order_row(order, token=desk.token_of(order.key))
    told = {
        "user_id": order.account_id,
        "unfilled_quantity": order.remaining if order.is_live else 0,
        "app_id": desk.sessions.app_id(update.api_key),
        "checksum": "",
    }
    return row | told | ({"status": "UPDATE"} if update.is_same_status else {})


def checksum(row: Row, api_secret: str) -> str:
    """Return what proves that a postback comes from Kite."""
    text = f"{row['order_id']}{row['order_timestamp']}{api_secret}"
    return hashlib.sha256(text.encode()).hexdigest()
