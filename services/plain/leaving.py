"""What the kill switch lets through of plain orders: those that can only make a position smaller.

Every doubt counts against the order: what rests on its side is taken as filled, what may be on its way too.
Exits of brackets are not counted while entries alone are blocked, for a bracket gives way to shares that
leave beside it; once everything leaves, its shares are its own to sell.
"""

from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass

from broker.base import AuthDead, BrokerAccount, ReadFailed
from database.auth_db import Caller
from database.bracket_db import load_open
from database.plain_order_db import PlainOrder, plain_orders_since
from services.account_books import READ_SECONDS, order_book
from services.bracket.model import KillMode, Mode, OrderRow, PositionRow, RowStatus, Side
from services.bracket.quantities import net
from services.bracket.tags import is_ours
from services.desk import Desk
from services.errors import BrokerUnavailable, Killed

_OVER = (RowStatus.FILLED, RowStatus.CANCELLED, RowStatus.REJECTED, RowStatus.EXPIRED)


@dataclass(frozen=True, slots=True)
class _Books:
    orders: tuple[OrderRow, ...]
    positions: tuple[
        PositionRow, ...
    ]  # read after the orders: a fill in between counts twice, never not at all


def kill_mode(desk: Desk, account_id: str, mode: Mode) -> KillMode:
    """Return the account's switch. Raises Killed while the service is stopping: then nothing is taken.

    Raises BrokerUnavailable where another process has the account's connection: then nothing is stored.
    """
    worker = desk.supervisor.worker(account_id, mode)
    _ = worker.line
    found = worker.kill_mode()
    if desk.supervisor.is_stopping:
        raise Killed("the service is stopping: no new orders")
    return found


def refuse_unless_it_leaves(desk: Desk, order: PlainOrder, mode: KillMode) -> None:
    """Raise Killed for an order that may do more than make a position smaller.

    The caller holds the account's lock until the order is stored. Raises BrokerUnavailable when the books
    cannot be read.
    """
    on_its_way = _on_its_way(desk, order)
    books = _books(desk, order)
    held = sum(row.quantity for row in books.positions if _place(row) == _place(order))
    there = max(0, held if order.side is Side.SELL else -held)
    if mode is KillMode.FLATTEN:
        there -= _of_brackets(desk, order)
    free = there - _leaving(order, books.orders, on_its_way)
    if order.terms.quantity > free:
        raise Killed(
            f"the kill switch is set to {mode}: no new orders but those that leave, and of {order.symbol}"
            f" {order.product} {max(0, free)} can leave by a {order.side}, not {order.terms.quantity}"
        )


def refuse_growth(desk: Desk, caller: Caller, order_id: str, *, to: int) -> None:
    """Raise Killed for a change that makes an order larger, as its book shows it, while the switch is on."""
    mode = kill_mode(desk, caller.account_id, caller.mode)
    if mode is KillMode.OFF:
        return
    rows = order_book(desk, caller)
    now = next((row.quantity for row in rows if row.broker_order_id == order_id), 0)
    if to > now:
        raise Killed(f"the kill switch is set to {mode}: order {order_id} of {now} cannot grow to {to}")


def _on_its_way(desk: Desk, order: PlainOrder) -> tuple[PlainOrder, ...]:
    """Return the account's plain orders that a book may not show yet."""
    worker = desk.supervisor.worker(order.account_id, order.mode)
    since = desk.clock.now() - worker.quiescence
    return plain_orders_since(desk.db, order.account_id, since)


def _books(desk: Desk, order: PlainOrder) -> _Books:
    def read(broker: BrokerAccount) -> _Books:
        orders = broker.order_book()
        return _Books(orders, broker.positions())

    try:
        line = desk.supervisor.worker(order.account_id, order.mode).line
        return line.read(read).result(timeout=READ_SECONDS)
    except (ReadFailed, AuthDead, NotYet) as exc:
        raise BrokerUnavailable("the kill switch is on and the broker's books cannot be read") from exc


def _leaving(order: PlainOrder, rows: tuple[OrderRow, ...], on_its_way: tuple[PlainOrder, ...]) -> int:
    shown = {row.tag for row in rows}
    resting = [row for row in rows if row.status not in _OVER and not is_ours(row.tag) and _fits(row, order)]
    unseen = [
        one for one in on_its_way if one.tag not in shown and one.mode is order.mode and _fits(one, order)
    ]
    return sum(row.quantity - row.filled for row in resting) + sum(one.terms.quantity for one in unseen)


def _of_brackets(desk: Desk, order: PlainOrder) -> int:
    return sum(
        net(bracket)
        for bracket in load_open(desk.db, [order.account_id])
        if bracket.plan.mode is order.mode
        and bracket.plan.product is order.product
        and bracket.plan.side is not order.side
        and (bracket.plan.instrument.exchange, bracket.plan.instrument.symbol)
        == (order.exchange, order.symbol)
    )


def _fits(one: OrderRow | PlainOrder, order: PlainOrder) -> bool:
    return one.side is order.side and _place(one) == _place(order)


def _place(one: OrderRow | PositionRow | PlainOrder) -> tuple[str, str, str]:
    return (one.exchange, one.symbol, str(one.product))
