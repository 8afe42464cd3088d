"""What the broker's books say to a person who asks: at most a second old, or as one read under way has it.

A quote that the worker has, for an open bracket, is told as long as it is young enough for the worker.
"""

from collections.abc import Callable
from typing import TypeVar

from broker.base import AuthDead, BrokerAccount, Funds, ReadFailed
from database.auth_db import Caller
from services.bracket.model import GttRow, OrderRow, PositionRow, Quote, TradeRow
from services.desk import Desk
from services.errors import BrokerUnavailable

READ_SECONDS = 5.0

T = TypeVar("T")
Symbol = tuple[str, str]


def order_book(desk: Desk, caller: Caller) -> tuple[OrderRow, ...]:
    """Return the day's orders. Raises BrokerUnavailable, as all of these do."""
    return _look(desk, caller, "orders", lambda broker: broker.order_book())


def trade_book(desk: Desk, caller: Caller) -> tuple[TradeRow, ...]:
    """Return the day's trades."""
    return _look(desk, caller, "trades", lambda broker: broker.trade_book())


def position_book(desk: Desk, caller: Caller) -> tuple[PositionRow, ...]:
    """Return net positions, holdings among them."""
    return _look(desk, caller, "positions", lambda broker: broker.positions())


def gtt_book(desk: Desk, caller: Caller) -> tuple[GttRow, ...]:
    """Return the GTTs, active ones and those that ended lately."""
    return _look(desk, caller, "gtts", lambda broker: broker.gtt_book())


def funds(desk: Desk, caller: Caller) -> Funds:
    """Return cash available and used."""
    return _look(desk, caller, "funds", lambda broker: broker.funds())


def quotes(desk: Desk, caller: Caller, symbols: frozenset[Symbol]) -> dict[Symbol, Quote]:
    """Return what is known of each symbol; one without a quote is left out."""
    worker = desk.supervisor.worker(caller.account_id, caller.mode)
    known = {symbol: quote for symbol in symbols if (quote := worker.quote(symbol)) is not None}
    missing = symbols - known.keys()
    if not missing:
        return known
    name = "quotes " + " ".join(f"{exchange}:{symbol}" for exchange, symbol in sorted(missing))
    return known | _look(desk, caller, name, lambda broker: broker.quotes(missing))


def _look(desk: Desk, caller: Caller, name: str, call: Callable[[BrokerAccount], T]) -> T:
    line = desk.supervisor.worker(caller.account_id, caller.mode).line
    try:
        return line.recent(name, call, wait_seconds=READ_SECONDS)
    except (ReadFailed, AuthDead, TimeoutError) as exc:
        raise BrokerUnavailable("Broker API error") from exc
