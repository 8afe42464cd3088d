"""Native brackets at the simulated exchange, in every manner that brokers have."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from services.bracket.model import OrderRow, Product, Purpose, RefusalKind, RowStatus
from simulator import ExchangeSettings, NativeSettings, Refused, SimulatedExchange
from tests.unit.simulated import ACCOUNT, BUY, LIMIT, SBIN, SELL, net, opened, order, price, terms

D = Decimal
HELD, RESTS, OPEN = RowStatus.PENDING, RowStatus.TRIGGER_PENDING, RowStatus.OPEN
CANCELLED, FILLED, EXPIRED = RowStatus.CANCELLED, RowStatus.FILLED, RowStatus.EXPIRED


def a_market(*, depth: int | None = None, path: Path | None = None, **manners: bool) -> SimulatedExchange:
    return opened(ExchangeSettings(native=NativeSettings(**manners), depth=depth), path=path)


def a_bracket(exchange: SimulatedExchange, *, limit: str = "500", quantity: int = 100) -> str:
    """Buy with a stop at 490 (limit 489) and a target at 520, in one order."""
    request = order(BUY, LIMIT, price=limit, quantity=quantity)
    native = replace(request.terms, stop_trigger=D(490), stop_limit=D(489), target_price=D(520))
    return exchange.place(ACCOUNT, replace(request, terms=native))


def exits(exchange: SimulatedExchange) -> tuple[OrderRow, OrderRow]:
    """The stop and the target, as the book shows them."""
    rows = {row.exit_purpose: row for row in exchange.order_book(ACCOUNT)}
    return rows[Purpose.STOP], rows[Purpose.TARGET]


def shown(exchange: SimulatedExchange) -> list[tuple[RowStatus, int]]:
    return [(row.status, row.quantity - row.filled) for row in exits(exchange)]


def test_exits_wait_for_the_entry_and_name_it() -> None:
    exchange = a_market()

    entry = a_bracket(exchange, limit="495")

    stop, target = exits(exchange)
    assert shown(exchange) == [(HELD, 100), (HELD, 100)]
    assert {stop.parent_order_id, target.parent_order_id} == {entry}
    assert (stop.trigger_price, stop.price, target.price) == (D(490), D(489), D(520))
    assert (stop.tag, target.tag, stop.side) == (None, None, SELL)


def test_exits_work_once_the_entry_has_filled() -> None:
    exchange = a_market()

    a_bracket(exchange)

    assert shown(exchange) == [(RESTS, 100), (OPEN, 100)]


@pytest.mark.parametrize(
    ("arms_each_fill", "expected"),
    [(True, [(RESTS, 40), (OPEN, 40)]), (False, [(HELD, 100), (HELD, 100)])],
)
def test_a_part_fill_arms_the_exits_or_not(
    arms_each_fill: bool, expected: list[tuple[RowStatus, int]]
) -> None:
    exchange = a_market(depth=40, arms_each_fill=arms_each_fill)

    a_bracket(exchange)

    assert shown(exchange) == expected


@pytest.mark.parametrize("arms_each_fill", [True, False])
@pytest.mark.parametrize(
    ("keeps_exits", "expected"),
    [(True, [(RESTS, 40), (OPEN, 40)]), (False, [CANCELLED, CANCELLED])],
)
def test_exits_stay_or_go_with_the_entrys_rest(
    arms_each_fill: bool, keeps_exits: bool, expected: list[object]
) -> None:
    exchange = a_market(depth=40, arms_each_fill=arms_each_fill, keeps_exits=keeps_exits)
    entry = a_bracket(exchange)

    exchange.cancel(ACCOUNT, entry)

    found = shown(exchange) if keeps_exits else [row.status for row in exits(exchange)]
    assert found == expected


def test_exits_go_with_an_entry_that_never_filled() -> None:
    exchange = a_market()

    exchange.cancel(ACCOUNT, a_bracket(exchange, limit="495"))

    assert [row.status for row in exits(exchange)] == [CANCELLED, CANCELLED]


@pytest.mark.parametrize(("last", "filled"), [("489.5", 0), ("520", 1)])
@pytest.mark.parametrize("reduces_sibling", [True, False])
def test_one_exit_fills_and_the_other_is_gone(last: str, filled: int, reduces_sibling: bool) -> None:
    exchange = a_market(reduces_sibling=reduces_sibling)
    a_bracket(exchange)

    price(exchange, last)

    found = exits(exchange)
    assert (found[filled].status, found[1 - filled].status) == (FILLED, CANCELLED)
    assert net(exchange) == 0


def test_a_part_fill_of_one_reduces_the_other() -> None:
    exchange = a_market()
    a_bracket(exchange)

    price(exchange, "520", depth=30)

    assert shown(exchange) == [(RESTS, 70), (OPEN, 70)]


def test_a_part_fill_of_one_cancels_the_other_where_that_is_the_manner() -> None:
    exchange = a_market(reduces_sibling=False)
    a_bracket(exchange)

    price(exchange, "520", depth=30)

    assert shown(exchange) == [(CANCELLED, 100), (OPEN, 70)]


def test_both_crossing_at_once_take_no_more_than_is_held() -> None:
    exchange = a_market()
    a_bracket(exchange)
    price(exchange, "489.9", depth=0)  # fires, and finds no buyer

    price(exchange, "521")

    assert net(exchange) == 0
    assert sum(row.filled for row in exits(exchange)) == 100


def test_an_exit_that_trades_as_it_is_armed_still_changes_the_other() -> None:
    exchange = a_market(depth=40)
    exchange.set_price(*SBIN, last=D(489), bid=D(489), ask=D(500), depth=40)

    a_bracket(exchange)

    assert net(exchange) == 0
    assert [row.status for row in exits(exchange)] == [FILLED, CANCELLED]


@pytest.mark.parametrize("cancels_both", [True, False])
def test_cancelling_one_exit_takes_the_other_or_not(cancels_both: bool) -> None:
    exchange = a_market(cancels_both=cancels_both)
    a_bracket(exchange)

    exchange.cancel(ACCOUNT, exits(exchange)[0].broker_order_id)

    assert exits(exchange)[0].status is CANCELLED
    assert (exits(exchange)[1].status is CANCELLED) is cancels_both


def test_a_held_exit_can_be_cancelled_and_not_moved() -> None:
    exchange = a_market()
    a_bracket(exchange, limit="495")
    stop, target = exits(exchange)

    exchange.cancel(ACCOUNT, stop.broker_order_id)

    assert shown(exchange) == [(CANCELLED, 100), (HELD, 100)]
    with pytest.raises(Refused):
        exchange.modify(ACCOUNT, target.broker_order_id, terms=terms(LIMIT, 100, price="519"))


def test_a_working_exit_is_moved_and_keeps_its_quantity() -> None:
    exchange = a_market(depth=40)
    a_bracket(exchange)
    _, target = exits(exchange)

    exchange.modify(ACCOUNT, target.broker_order_id, terms=terms(LIMIT, 100, price="519"))

    assert (exits(exchange)[1].price, exits(exchange)[1].quantity) == (D(519), 40)


def test_an_exit_that_covers_an_overfill_can_still_be_moved() -> None:
    exchange = a_market()
    a_bracket(exchange)
    stop, target = exits(exchange)
    exchange.instruments[SBIN] = replace(exchange.instruments[SBIN], freeze_quantity=50)

    exchange.modify(ACCOUNT, target.broker_order_id, terms=terms(LIMIT, 100, price="519"))

    assert exits(exchange)[1].price == D(519)
    assert stop.quantity == 100


def test_the_second_exit_needs_no_shares_of_its_own() -> None:
    exchange = a_market()
    request = order(BUY, LIMIT, price="500", product=Product.CNC)
    native = replace(request.terms, stop_trigger=D(490), stop_limit=D(489), target_price=D(520))
    exchange.place(ACCOUNT, replace(request, terms=native))
    exchange.place(ACCOUNT, order(BUY, LIMIT, price="500", product=Product.CNC))

    other = exchange.place(ACCOUNT, order(SELL, LIMIT, price="530", product=Product.CNC))

    assert next(row.status for row in exchange.order_book(ACCOUNT) if row.broker_order_id == other) is OPEN


def test_exits_off_the_tick_are_refused_with_the_entry() -> None:
    request = order(BUY, LIMIT, price="500")
    native = replace(request.terms, stop_trigger=D("490.01"), stop_limit=D(489), target_price=D(520))

    with pytest.raises(Refused) as refused:
        a_market().place(ACCOUNT, replace(request, terms=native))
    assert refused.value.kind is RefusalKind.TICK


def test_the_day_ends_them_too() -> None:
    exchange = a_market()
    a_bracket(exchange, limit="495")

    exchange.close_session()

    assert {row.status for row in exchange.order_book(ACCOUNT)} <= {EXPIRED, CANCELLED}


def test_a_broker_may_hide_the_tag() -> None:
    exchange = a_market(shows_tag=False)

    a_bracket(exchange)

    assert {row.tag for row in exchange.order_book(ACCOUNT)} == {None}


def test_a_bracket_outlives_the_exchanges_process(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    first = a_market(path=file, depth=40)
    a_bracket(first)
    a_bracket(first, limit="480")
    before = first.order_book(ACCOUNT)
    first.close()

    second = a_market(path=file, depth=40)

    assert second.order_book(ACCOUNT) == before
    second.set_price(*SBIN, last=D(521), depth=100)
    assert net(second) == 0
