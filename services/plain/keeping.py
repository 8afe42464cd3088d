"""What happens to plain orders, stored and then told of."""

from database.plain_order_db import PlainOrder, change_plain_order
from services.desk import Desk


def keep(desk: Desk, order: PlainOrder, kind: str, *, reason: str | None = None) -> PlainOrder:
    """Store the order's new self with the event that made it so, let it be told of, and return it.

    Raises PlainOrderChanged and NotStored.
    """
    detail = {"broker_order_id": order.broker_order_id, "reason": reason}
    kept = change_plain_order(desk.db, order, kind, at=desk.clock.now(), detail=detail)
    desk.announcer.notify(order.account_id)
    return kept
