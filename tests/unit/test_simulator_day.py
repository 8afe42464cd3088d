"""Positions, holdings, funds and the end of the day at the simulated exchange."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from services.bracket.model import PositionRow, Product, RowStatus
from simulator import ExchangeSettings, VirtualClock
from tests.unit.simulated import (
    ACCOUNT,
    BUY,
    LIMIT,
    MARKET,
    NIFTY,
    SBIN,
    SELL,
    net,
    oco,
    opened,
    order,
    price,
    row,
)


def held(rows: tuple[PositionRow, ...]) -> list[tuple[str, int]]:
    return [(r.symbol, r.quantity) for r in rows]


def test_a_position_averages_what_is_added_and_keeps_its_average_when_reduced() -> None:
    exchange = opened()
    exchange.place(ACCOUNT, order(BUY, MARKET))
    price(exchange, "510")
    exchange.place(ACCOUNT, order(BUY, MARKET))
    exchange.place(ACCOUNT, order(SELL, MARKET, quantity=150))

    (position,) = exchange.positions(ACCOUNT)

    assert (position.quantity, position.average_price) == (50, Decimal("505"))


def test_a_reversed_position_has_the_average_of_its_new_side() -> None:
    exchange = opened()
    exchange.place(ACCOUNT, order(BUY, MARKET))
    price(exchange, "510")
    exchange.place(ACCOUNT, order(SELL, MARKET, quantity=160))

    (position,) = exchange.positions(ACCOUNT)

    assert (position.quantity, position.average_price) == (-60, Decimal("510"))


def test_products_of_one_symbol_are_separate_positions() -> None:
    exchange = opened()
    exchange.place(ACCOUNT, order(BUY, MARKET, quantity=10))
    exchange.place(ACCOUNT, order(BUY, MARKET, quantity=7, product=Product.CNC))

    assert (net(exchange), net(exchange, product=Product.CNC)) == (10, 7)


def test_closing_a_position_gives_its_margin_back_with_the_profit() -> None:
    exchange = opened()
    before = exchange.funds(ACCOUNT)
    exchange.place(ACCOUNT, order(BUY, MARKET))
    assert exchange.funds(ACCOUNT).used == Decimal("10000")

    price(exchange, "510")
    exchange.place(ACCOUNT, order(SELL, MARKET))

    after = exchange.funds(ACCOUNT)
    assert after.used == 0
    assert after.available - before.available == 1000


def test_a_resting_order_holds_its_margin_until_it_is_cancelled() -> None:
    exchange = opened()
    order_id = exchange.place(ACCOUNT, order(BUY, LIMIT, price="490"))
    assert exchange.funds(ACCOUNT).used == Decimal("9800")

    exchange.cancel(ACCOUNT, order_id)

    assert exchange.funds(ACCOUNT).used == 0


def test_delivery_buys_become_holdings_overnight_and_can_be_sold_from_there() -> None:
    exchange = opened()
    exchange.place(ACCOUNT, order(BUY, MARKET, product=Product.CNC))
    assert exchange.holdings(ACCOUNT) == ()

    exchange.end_of_day()

    assert held(exchange.holdings(ACCOUNT)) == [("SBIN", 100)]
    assert exchange.positions(ACCOUNT) == ()
    sale = exchange.place(ACCOUNT, order(SELL, MARKET, quantity=30, product=Product.CNC))
    assert row(exchange, sale).status is RowStatus.FILLED
    assert (net(exchange, product=Product.CNC), held(exchange.holdings(ACCOUNT))) == (-30, [("SBIN", 100)])
    exchange.end_of_day()
    assert held(exchange.holdings(ACCOUNT)) == [("SBIN", 70)]


def test_the_end_of_the_day_closes_intraday_carries_overnight_and_empties_the_books() -> None:
    exchange = opened()
    exchange.place(ACCOUNT, order(BUY, MARKET))
    exchange.place(ACCOUNT, order(SELL, MARKET, key=NIFTY, quantity=65, product=Product.NRML))
    exchange.place(ACCOUNT, order(BUY, LIMIT, price="490"))

    exchange.end_of_day()

    assert net(exchange) == 0
    assert net(exchange, product=Product.NRML, key=NIFTY) == -65
    assert exchange.order_book(ACCOUNT) == ()
    assert exchange.trade_book(ACCOUNT) == ()


def test_after_the_close_the_books_still_tell_what_expired() -> None:
    exchange = opened()
    price(exchange, "500", depth=40)
    part = exchange.place(ACCOUNT, order(BUY, LIMIT, price="500", product=Product.CNC))

    exchange.close_session()

    ended = row(exchange, part)
    assert (ended.status, ended.filled) == (RowStatus.EXPIRED, 40)
    price(exchange, "490")
    assert row(exchange, part).filled == 40


def test_a_square_off_cancels_the_products_orders_and_closes_it_whatever_the_depth() -> None:
    exchange = opened()
    exchange.place(ACCOUNT, order(BUY, MARKET))
    exchange.place(ACCOUNT, order(BUY, MARKET, product=Product.CNC))
    stop = exchange.place(ACCOUNT, order(SELL, LIMIT, price="510"))
    price(exchange, "495", depth=1)

    exchange.square_off(Product.MIS)

    *_, squared = exchange.order_book(ACCOUNT)
    assert (net(exchange), net(exchange, product=Product.CNC)) == (0, 100)
    assert row(exchange, stop).status is RowStatus.EXPIRED
    assert (squared.tag, squared.average_price) == (None, Decimal("495"))


def test_a_position_in_a_contract_that_expires_today_is_settled_at_the_close() -> None:
    exchange = opened(clock=VirtualClock(datetime(2026, 12, 29, 4, 30, tzinfo=UTC)))
    exchange.place(ACCOUNT, order(BUY, MARKET, key=NIFTY, quantity=65, product=Product.NRML))

    exchange.end_of_day()

    assert exchange.positions(ACCOUNT) == ()


def test_gtts_live_on_overnight_and_fire_the_next_day() -> None:
    exchange = opened()
    exchange.place(ACCOUNT, order(BUY, MARKET, product=Product.CNC))
    exchange.place_gtt(ACCOUNT, oco())
    exchange.end_of_day()

    price(exchange, "489")

    (child,) = exchange.order_book(ACCOUNT)
    assert child.status is RowStatus.FILLED


def test_the_band_follows_the_close_into_the_next_day() -> None:
    exchange = opened()
    price(exchange, "550")

    exchange.end_of_day()

    quote = exchange.quote(*SBIN)
    assert quote is not None
    assert (quote.lower_band, quote.upper_band) == (Decimal("440"), Decimal("660"))


def test_an_exchange_that_ends_its_days_by_itself_does_so_at_midnight_in_india() -> None:
    clock = VirtualClock(datetime(2026, 12, 7, 18, 29, tzinfo=UTC))  # 23:59 in India
    exchange = opened(ExchangeSettings(ends_days_by_itself=True), clock)
    exchange.place(ACCOUNT, order(BUY, MARKET, product=Product.CNC))
    exchange.tick()
    assert len(exchange.order_book(ACCOUNT)) == 1

    clock.advance(timedelta(minutes=1))
    exchange.tick()

    assert exchange.order_book(ACCOUNT) == ()
    assert held(exchange.holdings(ACCOUNT)) == [("SBIN", 100)]
