"""Orders given after the market, the afternoon's square-off, and hearing of every state of an order."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from services.bracket.model import (
    OrderRequest,
    OrderType,
    Product,
    RefusalKind,
    RowStatus,
    Side,
    Terms,
)
from simulator import ExchangeSettings, Refused, SessionHours, SimulatedExchange, VirtualClock
from simulator.orders import Order

FRIDAY_EVENING = datetime(2026, 12, 4, 14, 0, tzinfo=UTC)
MONDAY_OPENING = datetime(2026, 12, 7, 3, 45, tzinfo=UTC)  # 9:15 in India
ACCOUNT = "one"
SBIN = ("NSE", "SBIN")


def limit(price: str = "980", quantity: int = 10) -> OrderRequest:
    terms = Terms(order_type=OrderType.LIMIT, quantity=quantity, price=Decimal(price))
    return OrderRequest(
        tag="", exchange="NSE", symbol="SBIN", product=Product.CNC, side=Side.BUY, terms=terms
    )


def evening(**more: object) -> tuple[SimulatedExchange, VirtualClock]:
    clock = VirtualClock(FRIDAY_EVENING)
    settings = ExchangeSettings(hours=SessionHours(), ends_days_by_itself=True, **more)  # type: ignore[arg-type]
    return SimulatedExchange(clock, settings), clock


def status(exchange: SimulatedExchange) -> RowStatus:
    (row,) = exchange.order_book(ACCOUNT)
    return row.status


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (FRIDAY_EVENING, MONDAY_OPENING),
        (MONDAY_OPENING - timedelta(minutes=1), MONDAY_OPENING),
        (MONDAY_OPENING, MONDAY_OPENING),
        (MONDAY_OPENING + timedelta(hours=1), MONDAY_OPENING + timedelta(hours=1)),
        (MONDAY_OPENING + timedelta(hours=6, minutes=15), MONDAY_OPENING + timedelta(days=1)),
    ],
)
def test_the_market_opens_next_on_a_weekday_morning_or_is_open(now: datetime, opens: datetime) -> None:
    assert SessionHours().next_open(now) == opens


def test_an_after_market_order_outlives_the_weekend_and_trades_at_the_opening() -> None:
    exchange, clock = evening()
    exchange.place(ACCOUNT, limit(), after_market=True)
    seen = []
    while clock.now() < MONDAY_OPENING:
        seen.append(status(exchange))
        clock.advance(timedelta(hours=1))
        exchange.tick()

    assert set(seen) == {RowStatus.PENDING}
    assert status(exchange) is RowStatus.FILLED


def test_an_after_market_order_is_changed_and_cancelled_while_the_market_is_shut() -> None:
    exchange, _ = evening()
    order_id = exchange.place(ACCOUNT, limit(), after_market=True)
    terms = Terms(order_type=OrderType.LIMIT, quantity=20, price=Decimal(970))
    exchange.modify(ACCOUNT, order_id, terms=terms)
    (changed,) = exchange.order_book(ACCOUNT)
    exchange.cancel(ACCOUNT, order_id)

    assert (changed.status, changed.quantity, changed.price) == (RowStatus.PENDING, 20, Decimal(970))
    assert status(exchange) is RowStatus.CANCELLED


def test_an_after_market_order_that_was_cancelled_does_not_come_back_at_the_opening() -> None:
    clock = VirtualClock(MONDAY_OPENING - timedelta(hours=2))
    exchange = SimulatedExchange(clock, ExchangeSettings(hours=SessionHours()))
    order_id = exchange.place(ACCOUNT, limit(), after_market=True)
    exchange.cancel(ACCOUNT, order_id)
    clock.advance(timedelta(hours=2))
    exchange.tick()

    assert status(exchange) is RowStatus.CANCELLED
    assert exchange.positions(ACCOUNT) == ()


def test_an_order_that_is_not_after_market_is_refused_while_the_market_is_shut() -> None:
    exchange, _ = evening()

    with pytest.raises(Refused) as refused:
        exchange.place(ACCOUNT, limit())
    assert refused.value.kind is RefusalKind.SESSION_CLOSED


def test_an_after_market_order_given_in_an_open_market_trades_at_once() -> None:
    exchange = SimulatedExchange(VirtualClock())
    exchange.place(ACCOUNT, limit(), after_market=True)

    assert status(exchange) is RowStatus.FILLED


def test_after_market_orders_outlive_the_process(tmp_path: Path) -> None:
    clock = VirtualClock(FRIDAY_EVENING)
    settings = ExchangeSettings(hours=SessionHours(), ends_days_by_itself=True)
    path = tmp_path / "exchange.state"
    first = SimulatedExchange(clock, settings, path=path)
    first.place(ACCOUNT, limit(), after_market=True)
    first.close()
    clock.advance(MONDAY_OPENING - FRIDAY_EVENING)
    again = SimulatedExchange(clock, settings, path=path)
    again.tick()

    assert status(again) is RowStatus.FILLED
    again.close()


def test_the_square_off_waits_for_its_time_and_comes_once_a_day() -> None:
    clock = VirtualClock(MONDAY_OPENING)
    settings = ExchangeSettings(hours=SessionHours(), squares_off_at=time(15, 20))
    exchange = SimulatedExchange(clock, settings)
    intraday = OrderRequest(
        tag="",
        exchange="NSE",
        symbol="SBIN",
        product=Product.MIS,
        side=Side.BUY,
        terms=Terms(order_type=OrderType.MARKET, quantity=10),
    )
    exchange.place(ACCOUNT, intraday)
    held = []
    for minutes in (364, 1, 1):  # 15:19, 15:20, 15:21
        clock.advance(timedelta(minutes=minutes))
        exchange.tick()
        held.append(sum(row.quantity for row in exchange.positions(ACCOUNT)))
    exchange.place(ACCOUNT, intraday)
    clock.advance(timedelta(minutes=1))
    exchange.tick()

    assert held == [10, 0, 0]
    assert sum(row.quantity for row in exchange.positions(ACCOUNT)) == 10


def test_every_state_of_an_order_is_told_in_its_order_and_only_until_told_to_stop() -> None:
    exchange = SimulatedExchange(VirtualClock())
    exchange.set_price(*SBIN, last=Decimal(980), depth=4)
    heard: list[Order] = []
    stop = exchange.listen_orders(heard.append)
    exchange.place(ACCOUNT, limit())
    exchange.set_price(*SBIN, last=Decimal(979), depth=50)
    stop()
    exchange.place(ACCOUNT, limit("970"))

    assert [(order.status, order.filled) for order in heard] == [
        (RowStatus.PENDING, 0),
        (RowStatus.OPEN, 0),
        (RowStatus.OPEN, 4),
        (RowStatus.FILLED, 10),
    ]


def test_the_margin_an_order_would_hold_is_told_and_nothing_is_placed() -> None:
    exchange = SimulatedExchange(VirtualClock())

    assert exchange.required_margin(ACCOUNT, limit("970")) == 9700
    assert exchange.order_book(ACCOUNT) == ()
    assert exchange.funds(ACCOUNT).used == 0
