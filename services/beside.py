"""What an account has at its broker beside its brackets: orders, triggers, shares nothing here protects."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from database.auth_db import Caller
from database.order_owner import order_ids_of_brackets
from database.plain_order_db import PlainOrder, plain_order_ids, unsettled_plain_orders
from services import account_books
from services.account_worker import AccountWorker
from services.bracket.model import Bracket, GttRow, GttStatus, Mode, OrderRow, PositionRow, RowStatus
from services.bracket.quantities import net
from services.desk import Desk

# A word nobody knows may be a live order: better shown than missing.
_LIVE_ORDERS = (RowStatus.PENDING, RowStatus.TRIGGER_PENDING, RowStatus.OPEN, RowStatus.UNKNOWN)
_LIVE_GTTS = (GttStatus.ACTIVE, GttStatus.UNKNOWN)

Row = TypeVar("Row")
Holding = tuple[str, str, str]  # exchange, symbol, product


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What no bracket looks after. shares have what the account holds less what its open brackets do.

    placed_here: the broker's ids of plain orders that this service sent. unsettled: plain orders of which
    nobody knows whether the broker has them.
    """

    mode: Mode
    read_at: datetime
    orders: tuple[OrderRow, ...]
    gtts: tuple[GttRow, ...]
    shares: tuple[PositionRow, ...]
    placed_here: frozenset[str]
    unsettled: tuple[PlainOrder, ...]


def beside_brackets(desk: Desk, caller: Caller, worker: AccountWorker) -> Beside:
    """Read the account's books and leave out what is a bracket's. Raises BrokerUnavailable and NotRead."""
    asked = replace(caller, mode=worker.mode)
    orders = [one for one in account_books.order_book(desk, asked) if one.status in _LIVE_ORDERS]
    waiting = [one for one in account_books.gtt_book(desk, asked) if one.status in _LIVE_GTTS]
    positions = account_books.position_book(desk, asked)
    ids = {one.broker_order_id for one in orders} | {one.trigger_id for one in waiting}
    brackets = order_ids_of_brackets(desk.db, caller.account_id, order_ids=ids)
    return Beside(
        mode=worker.mode,
        read_at=desk.clock.now(),
        orders=_others(orders, lambda one: one.broker_order_id, brackets),
        gtts=_others(waiting, lambda one: one.trigger_id, brackets),
        shares=shares_beside(positions, worker.open_brackets()),
        placed_here=plain_order_ids(desk.db, caller.account_id, order_ids=ids),
        unsettled=unsettled_plain_orders(desk.db, caller.account_id, mode=worker.mode),
    )


def shares_beside(positions: Iterable[PositionRow], brackets: Iterable[Bracket]) -> tuple[PositionRow, ...]:
    """Return what is held, bought or sold short, beyond what open brackets hold. Pure."""
    held: Counter[Holding] = Counter()
    for one in brackets:
        plan = one.plan
        held[plan.instrument.exchange, plan.instrument.symbol, str(plan.product)] += plan.side.sign * net(one)
    rest = [
        replace(row, quantity=row.quantity - held[row.exchange, row.symbol, row.product]) for row in positions
    ]
    return tuple(row for row in rest if row.quantity != 0)


def _others(rows: Iterable[Row], id_of: Callable[[Row], str], known: frozenset[str]) -> tuple[Row, ...]:
    return tuple(row for row in rows if id_of(row) not in known)
