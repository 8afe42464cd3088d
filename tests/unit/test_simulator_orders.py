"""Orders at the simulated exchange: how they rest, trigger, trade, change and end."""

from datetime import timedelta
from decimal import Decimal

import pytest

from services.bracket.model import Product, RefusalKind, RowStatus, Side, Validity
from simulator import ExchangeSettings, Refused, VirtualClock
from tests.unit.simulated import (
    ACCOUNT,
    BUY,
    LIMIT,
    MARKET,
    SELL,
    SL,
    SL_M,
    net,
    opened,
    order,
    price,
    row,
    seconds,
    terms,
)


def test_a_limit_order_fills_at_the_market_when_that_is_better_than_its_limit() -> None:
    exchange = opened()

    order_id = exchange.place(ACCOUNT, order(BUY, LIMIT, price="505"))

    filled = row(exchange, order_id)
    assert (filled.status, filled.filled) == (RowStatus.FILLED, 100)
    assert filled.average_price == Decimal("500")


def test_a_limit_order_rests_until_the_market_comes_to_it() -> None:
    exchange = opened()
    order_id = exchange.place(ACCOUNT, order(BUY, LIMIT, price="495"))
    price(exchange, "495.05")
    assert row(exchange, order_id).status is RowStatus.OPEN

    price(exchange, "494")

    assert row(exchange, order_id).average_price == Decimal("494")


def test_a_buy_takes_the_ask_and_a_sale_the_bid() -> None:
    exchange = opened()
    price(exchange, "500", bid="499.50", ask="500.50")

    bought = exchange.place(ACCOUNT, order(BUY, MARKET))
    sold = exchange.place(ACCOUNT, order(SELL, MARKET))

    assert row(exchange, bought).average_price == Decimal("500.50")
    assert row(exchange, sold).average_price == Decimal("499.50")


def test_a_market_order_stays_open_for_what_the_depth_does_not_give() -> None:
    exchange = opened()
    price(exchange, "500", depth=30)

    order_id = exchange.place(ACCOUNT, order(BUY, MARKET))

    part = row(exchange, order_id)
    assert (part.status, part.filled) == (RowStatus.OPEN, 30)
    assert net(exchange) == 30


def test_an_order_that_fills_in_parts_averages_its_prices() -> None:
    exchange = opened()
    price(exchange, "500", depth=40)
    order_id = exchange.place(ACCOUNT, order(BUY, LIMIT, price="502"))

    price(exchange, "501", depth=60)

    filled = row(exchange, order_id)
    assert (filled.status, filled.filled) == (RowStatus.FILLED, 100)
    assert filled.average_price == Decimal("500.6")
    assert [t.quantity for t in exchange.trade_book(ACCOUNT)] == [40, 60]


def test_the_same_depth_is_taken_once_between_two_prices() -> None:
    exchange = opened()
    price(exchange, "500", depth=30)
    first = exchange.place(ACCOUNT, order(BUY, MARKET, quantity=20))

    second = exchange.place(ACCOUNT, order(BUY, MARKET, quantity=20))
    exchange.tick()

    assert row(exchange, first).filled == 20
    assert row(exchange, second).filled == 10


def test_the_better_limit_is_served_first_and_then_the_older_order() -> None:
    exchange = opened()
    late = exchange.place(ACCOUNT, order(BUY, LIMIT, price="490", quantity=10))
    later = exchange.place("other", order(BUY, LIMIT, price="490", quantity=10))
    better = exchange.place(ACCOUNT, order(BUY, LIMIT, price="491", quantity=10))

    price(exchange, "489", depth=15)

    assert row(exchange, better).filled == 10
    assert row(exchange, late).filled == 5
    assert row(exchange, later, account="other").filled == 0


def test_a_changed_price_goes_to_the_end_of_the_queue_but_a_smaller_quantity_does_not() -> None:
    exchange = opened()
    moved = exchange.place(ACCOUNT, order(BUY, LIMIT, price="489", quantity=10))
    shrunk = exchange.place(ACCOUNT, order(BUY, LIMIT, price="490", quantity=20))
    waiting = exchange.place(ACCOUNT, order(BUY, LIMIT, price="490", quantity=10))
    exchange.modify(ACCOUNT, moved, terms=terms(LIMIT, 10, price="490"))
    exchange.modify(ACCOUNT, shrunk, terms=terms(LIMIT, 10, price="490"))

    price(exchange, "490", depth=20)

    assert [row(exchange, i).filled for i in (shrunk, waiting, moved)] == [10, 10, 0]


def test_an_ioc_order_takes_what_is_there_and_is_cancelled() -> None:
    exchange = opened()
    price(exchange, "500", depth=30)

    part = exchange.place(ACCOUNT, order(BUY, LIMIT, price="500", validity=Validity.IOC))
    none = exchange.place(ACCOUNT, order(BUY, LIMIT, price="499", validity=Validity.IOC))

    assert (row(exchange, part).status, row(exchange, part).filled) == (RowStatus.CANCELLED, 30)
    assert (row(exchange, none).status, row(exchange, none).filled) == (RowStatus.CANCELLED, 0)


@pytest.mark.parametrize(
    ("side", "limit", "trigger", "before", "at"),
    [(SELL, "494", "495", "495.05", "495"), (BUY, "506", "505", "504.95", "505")],
)
def test_a_stop_waits_for_its_trigger_and_then_fills_as_a_limit_order(
    side: Side, limit: str, trigger: str, before: str, at: str
) -> None:
    exchange = opened()
    order_id = exchange.place(ACCOUNT, order(side, SL, price=limit, trigger=trigger))
    price(exchange, before)
    assert row(exchange, order_id).status is RowStatus.TRIGGER_PENDING

    price(exchange, at)

    filled = row(exchange, order_id)
    assert (filled.status, filled.order_type) == (RowStatus.FILLED, LIMIT)
    assert filled.average_price == Decimal(at)


def test_a_gap_through_the_limit_leaves_a_triggered_stop_open() -> None:
    exchange = opened()
    order_id = exchange.place(ACCOUNT, order(SELL, SL, price="494", trigger="495"))

    price(exchange, "480")

    resting = row(exchange, order_id)
    assert (resting.status, resting.filled) == (RowStatus.OPEN, 0)
    assert resting.trigger_price == Decimal("495")
    price(exchange, "494")
    assert row(exchange, order_id).status is RowStatus.FILLED


def test_a_triggered_stop_market_order_fills_at_any_price() -> None:
    exchange = opened()
    order_id = exchange.place(ACCOUNT, order(SELL, SL_M, trigger="495"))

    price(exchange, "470")

    assert row(exchange, order_id).average_price == Decimal("470")


def test_a_triggered_stop_cannot_become_a_stop_again() -> None:
    exchange = opened()
    order_id = exchange.place(ACCOUNT, order(SELL, SL, price="494", trigger="495"))
    price(exchange, "480")

    with pytest.raises(Refused) as refused:
        exchange.modify(ACCOUNT, order_id, terms=terms(SL, 100, price="474", trigger="475"))

    assert refused.value.kind is RefusalKind.TRIGGER_CROSSED
    exchange.modify(ACCOUNT, order_id, terms=terms(LIMIT, 100, price="479"))
    assert row(exchange, order_id).average_price == Decimal("480")


def test_a_waiting_stop_becomes_a_target_and_a_stop_again() -> None:
    exchange = opened()
    order_id = exchange.place(ACCOUNT, order(SELL, SL, price="494", trigger="495"))

    exchange.modify(ACCOUNT, order_id, terms=terms(LIMIT, 100, price="510"))
    as_target = row(exchange, order_id)
    exchange.modify(ACCOUNT, order_id, terms=terms(SL, 100, price="496", trigger="497"))

    assert (as_target.status, as_target.trigger_price) == (RowStatus.OPEN, None)
    assert row(exchange, order_id).status is RowStatus.TRIGGER_PENDING
    price(exchange, "497")
    assert row(exchange, order_id).status is RowStatus.FILLED


def test_a_changed_order_trades_at_once_when_it_now_crosses() -> None:
    exchange = opened()
    order_id = exchange.place(ACCOUNT, order(SELL, SL, price="494", trigger="495"))

    exchange.modify(ACCOUNT, order_id, terms=terms(MARKET, 100))

    assert row(exchange, order_id).average_price == Decimal("500")


def test_modify_takes_the_total_quantity_and_not_less_than_is_filled() -> None:
    exchange = opened()
    price(exchange, "500", depth=40)
    order_id = exchange.place(ACCOUNT, order(BUY, LIMIT, price="500"))

    with pytest.raises(Refused, match="cannot be less than the traded quantity 40"):
        exchange.modify(ACCOUNT, order_id, terms=terms(LIMIT, 39, price="500"))
    exchange.modify(ACCOUNT, order_id, terms=terms(LIMIT, 60, price="499"))

    assert (row(exchange, order_id).quantity, row(exchange, order_id).filled) == (60, 40)
    exchange.modify(ACCOUNT, order_id, terms=terms(LIMIT, 40, price="499"))
    assert row(exchange, order_id).status is RowStatus.FILLED


def test_an_order_can_be_modified_twenty_five_times() -> None:
    exchange = opened()
    order_id = exchange.place(ACCOUNT, order(BUY, LIMIT, price="490"))
    for _ in range(25):
        exchange.modify(ACCOUNT, order_id, terms=terms(LIMIT, 100, price="490"))

    with pytest.raises(Refused) as refused:
        exchange.modify(ACCOUNT, order_id, terms=terms(LIMIT, 100, price="491"))

    assert refused.value.kind is RefusalKind.MODIFICATION_CAP


def test_a_cancel_keeps_the_fills_that_came_before_it() -> None:
    exchange = opened()
    price(exchange, "500", depth=40)
    order_id = exchange.place(ACCOUNT, order(BUY, LIMIT, price="500"))

    exchange.cancel(ACCOUNT, order_id)
    price(exchange, "499")

    ended = row(exchange, order_id)
    assert (ended.status, ended.filled, net(exchange)) == (RowStatus.CANCELLED, 40, 40)


def test_a_cancel_that_comes_after_the_last_fill_is_refused() -> None:
    exchange = opened()
    order_id = exchange.place(ACCOUNT, order(BUY, LIMIT, price="495"))
    price(exchange, "495")

    with pytest.raises(Refused) as cancelled:
        exchange.cancel(ACCOUNT, order_id)
    with pytest.raises(Refused) as modified:
        exchange.modify(ACCOUNT, order_id, terms=terms(LIMIT, 100, price="490"))

    assert cancelled.value.kind is RefusalKind.ALREADY_DONE
    assert modified.value.kind is RefusalKind.ALREADY_DONE
    assert net(exchange) == 100


def test_an_unknown_order_or_somebody_elses_is_not_found() -> None:
    exchange = opened()
    foreign = exchange.place("other", order(BUY, LIMIT, price="490"))

    for order_id in (foreign, "1"):
        with pytest.raises(Refused) as refused:
            exchange.cancel(ACCOUNT, order_id)
        assert refused.value.kind is RefusalKind.NOT_FOUND


def test_an_order_is_pending_until_its_time_at_the_desk_is_over() -> None:
    clock = VirtualClock()
    exchange = opened(ExchangeSettings(acceptance_delay=seconds(2)), clock)
    order_id = exchange.place(ACCOUNT, order(BUY, MARKET))
    assert row(exchange, order_id).status is RowStatus.PENDING

    with pytest.raises(Refused, match="being processed"):
        exchange.cancel(ACCOUNT, order_id)
    clock.advance(seconds(2))

    filled = row(exchange, order_id)
    assert (filled.status, filled.updated_at) == (RowStatus.FILLED, clock.now())


def test_a_stop_crossed_while_on_its_way_fires_on_arrival() -> None:
    clock = VirtualClock()
    exchange = opened(ExchangeSettings(acceptance_delay=seconds(2)), clock)
    order_id = exchange.place(ACCOUNT, order(SELL, SL, price="494", trigger="495"))
    price(exchange, "494.50")

    clock.advance(seconds(2))

    assert row(exchange, order_id).average_price == Decimal("494.5")


def test_a_margin_refusal_comes_later_as_a_rejected_row() -> None:
    clock = VirtualClock()
    settings = ExchangeSettings(acceptance_delay=seconds(1), opening_cash=Decimal("9999"))
    exchange = opened(settings, clock)
    order_id = exchange.place(ACCOUNT, order(BUY, LIMIT, price="500"))
    assert row(exchange, order_id).status is RowStatus.PENDING

    clock.advance(seconds(1))

    rejected = row(exchange, order_id)
    assert (rejected.status, rejected.refusal) == (RowStatus.REJECTED, RefusalKind.MARGIN)
    assert "Required margin is 10000.00" in (rejected.reason or "")


def test_the_second_exit_of_a_position_needs_margin_of_its_own() -> None:
    exchange = opened(ExchangeSettings(opening_cash=Decimal("12000")))
    exchange.place(ACCOUNT, order(BUY, MARKET))
    stop = exchange.place(ACCOUNT, order(SELL, SL, price="494", trigger="495"))

    target = exchange.place(ACCOUNT, order(SELL, LIMIT, price="510"))

    assert row(exchange, stop).status is RowStatus.TRIGGER_PENDING
    assert row(exchange, target).refusal is RefusalKind.MARGIN


def test_a_second_delivery_sale_of_the_same_shares_is_refused_by_risk() -> None:
    exchange = opened()
    exchange.place(ACCOUNT, order(BUY, MARKET, product=Product.CNC))
    exchange.place(ACCOUNT, order(SELL, LIMIT, price="510", product=Product.CNC))

    second = exchange.place(ACCOUNT, order(SELL, LIMIT, price="520", product=Product.CNC))

    assert row(exchange, second).refusal is RefusalKind.RMS


def test_every_change_of_a_row_stamps_it() -> None:
    clock = VirtualClock()
    exchange = opened(clock=clock)
    order_id = exchange.place(ACCOUNT, order(BUY, LIMIT, price="490"))
    placed = row(exchange, order_id).updated_at
    clock.advance(timedelta(seconds=5))

    exchange.modify(ACCOUNT, order_id, terms=terms(LIMIT, 100, price="491"))

    assert row(exchange, order_id).updated_at == clock.now() != placed


def test_order_ids_are_long_numbers_that_never_come_twice() -> None:
    exchange = opened()
    ids = [exchange.place(ACCOUNT, order(BUY, LIMIT, price="490")) for _ in range(50)]
    exchange.end_of_day()

    ids += [exchange.place(ACCOUNT, order(BUY, LIMIT, price="490")) for _ in range(50)]

    assert len(set(ids)) == 100
    assert all(i.isdigit() and len(i) == 19 and int(i) > 2**53 for i in ids)


def test_at_the_band_edge_nobody_is_there_to_trade_with() -> None:
    exchange = opened()
    exchange.set_band("NSE", "SBIN", lower=Decimal("475"), upper=Decimal("525"))
    exchange.place(ACCOUNT, order(BUY, MARKET))

    price(exchange, "475")
    exit_id = exchange.place(ACCOUNT, order(SELL, MARKET))

    quote = exchange.quote("NSE", "SBIN")
    assert quote is not None
    assert (quote.bid, quote.ask) == (None, Decimal("475"))
    assert row(exchange, exit_id).status is RowStatus.OPEN
    price(exchange, "476")
    assert row(exchange, exit_id).status is RowStatus.FILLED


def test_somebody_at_another_terminal_places_without_a_tag_and_cancels_our_orders() -> None:
    exchange = opened()
    ours = exchange.place(ACCOUNT, order(BUY, LIMIT, price="490"))

    foreign = exchange.place_foreign(ACCOUNT, order(SELL, MARKET, quantity=10))
    exchange.cancel(ACCOUNT, ours)

    assert (row(exchange, foreign).tag, row(exchange, ours).tag) == (None, "t1")
    assert (net(exchange), row(exchange, ours).status) == (-10, RowStatus.CANCELLED)
