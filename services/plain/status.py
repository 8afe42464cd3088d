"""Where an order stands, by the id a client knows: as its book shows it, else as far as the store knows."""

from dataclasses import dataclass, replace

from database.auth_db import Caller
from database.bracket_db import load
from database.order_owner import bracket_of_order
from database.plain_order_db import PlainOrder, plain_order
from services import account_books
from services.bracket.model import Bracket, Leg, LegKind, Mode, OrderRow
from services.bracket_order_service import entry_leg
from services.desk import Desk
from services.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class BracketsOrder:
    """An order of a bracket; leg is None while its entry is not even intended."""

    bracket: Bracket
    leg: Leg | None

    @property
    def mode(self) -> Mode:
        return self.bracket.plan.mode

    @property
    def broker_order_id(self) -> str | None:
        return None if self.leg is None else self.leg.broker_order_id


def order_status(desk: Desk, order_id: str, caller: Caller) -> OrderRow | PlainOrder | BracketsOrder:
    """Return the row of the order's own book, or what is stored of an order that no book shows.

    A bracket's own id means its entry. Raises NotFound and BrokerUnavailable.
    """
    known = _brackets_order(desk, order_id, caller) or plain_order(
        desk.db, caller.account_id, order_id=order_id
    )
    if known is not None and known.broker_order_id is None:
        return known
    wanted, mode = (order_id, caller.mode) if known is None else (known.broker_order_id, known.mode)
    for row in account_books.order_book(desk, replace(caller, mode=mode)):
        if row.broker_order_id == wanted:
            return row
    if known is None:
        raise NotFound(f"Order {order_id} not found")
    return known


def _brackets_order(desk: Desk, order_id: str, caller: Caller) -> BracketsOrder | None:
    named = load(desk.db, order_id)
    if named is not None:
        is_theirs = named.plan.account_id == caller.account_id
        return BracketsOrder(bracket=named, leg=entry_leg(named)) if is_theirs else None
    owner = bracket_of_order(desk.db, caller.account_id, order_id=order_id)
    legs = () if owner is None else owner.legs
    leg = next((one for one in legs if one.broker_order_id == order_id and one.kind is LegKind.ORDER), None)
    return None if owner is None or leg is None else BracketsOrder(bracket=owner, leg=leg)
