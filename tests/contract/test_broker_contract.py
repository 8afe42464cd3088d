"""What every broker adapter promises, run against each of them."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pytest

from broker.base import OrderRejected, Symbol, TellsUser
from broker.registry import BROKERS, import_broker_module
from services.bracket.model import (
    GttRequest,
    GttStatus,
    OrderRequest,
    OrderRow,
    OrderType,
    Product,
    RefusalKind,
    RowStatus,
    Side,
    Terms,
    Topology,
)
from tests.contract.adapters import ADAPTERS, Rig, declared_by

SETTLES_WITHIN_SECONDS = 5.0


@pytest.fixture(params=sorted(ADAPTERS))
def named_rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Rig]]:
    with ADAPTERS[request.param](tmp_path) as ready:
        yield request.param, ready


@pytest.fixture(params=sorted(ADAPTERS))
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    with ADAPTERS[request.param](tmp_path) as ready:
        yield ready


def _holds_by_oco(name: str) -> bool:
    capabilities = declared_by(name)
    return Topology.OCO in {*capabilities.topologies.values(), *capabilities.fallbacks.values()}


def _has_login(name: str) -> bool:
    return import_broker_module(name).daily_login() is not None


@pytest.fixture(params=sorted(name for name in ADAPTERS if _holds_by_oco(name)))
def oco_rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    with ADAPTERS[request.param](tmp_path) as ready:
        yield ready


@pytest.fixture(params=sorted(name for name in ADAPTERS if not _holds_by_oco(name)))
def rig_without_oco(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    with ADAPTERS[request.param](tmp_path) as ready:
        yield ready


@pytest.fixture(params=sorted(name for name in BROKERS if name in ADAPTERS and _has_login(name)))
def rig_with_login(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    with ADAPTERS[request.param](tmp_path) as ready:
        yield ready


def limit(quantity: int, price: str) -> Terms:
    return Terms(order_type=OrderType.LIMIT, quantity=quantity, price=Decimal(price))


def stop(quantity: int, *, price: str, trigger: str) -> Terms:
    return Terms(
        order_type=OrderType.SL,
        quantity=quantity,
        price=Decimal(price),
        trigger_price=Decimal(trigger),
    )


def request(
    rig: Rig, side: Side, terms: Terms, *, tag: str = "b1e1", product: Product = Product.MIS
) -> OrderRequest:
    return request_for(rig.share, side, terms, tag=tag, product=product)


def request_for(
    share: Symbol, side: Side, terms: Terms, *, tag: str = "b1e1", product: Product = Product.MIS
) -> OrderRequest:
    exchange, symbol = share
    return OrderRequest(tag=tag, exchange=exchange, symbol=symbol, product=product, side=side, terms=terms)


def oco(rig: Rig, quantity: int = 10, *, stop_at: str = "490", target: str = "510") -> GttRequest:
    return GttRequest(
        exchange=rig.share[0],
        symbol=rig.share[1],
        product=Product.CNC,
        side=Side.SELL,
        last_price=Decimal("500"),
        tag="b1x1",  # where a broker's GTT has none, it is not sent
        terms=Terms(
            order_type=OrderType.LIMIT,
            quantity=quantity,
            trigger_price=Decimal(stop_at),
            price=Decimal(stop_at) - 2,
            target_trigger=Decimal(target),
            target_price=Decimal(target),
        ),
    )


def tag_of(rig: Rig, tag: str) -> str | None:
    """Return a tag as the broker's book shows it."""
    return tag if rig.account.capabilities.tag_length else None


def settled(rig: Rig, order_id: str, *, until: Callable[[OrderRow], bool]) -> OrderRow:
    """Read the book until the row is as expected; brokers take their time."""
    deadline = time.monotonic() + SETTLES_WITHIN_SECONDS
    while True:
        rows = [r for r in rig.account.order_book() if r.broker_order_id == order_id]
        if rows and until(rows[0]):
            return rows[0]
        assert time.monotonic() < deadline, f"still {rows}"


def has(status: RowStatus) -> Callable[[OrderRow], bool]:
    return lambda row: row.status is status


def test_the_module_says_the_same_capabilities_as_its_accounts(named_rig: tuple[str, Rig]) -> None:
    name, rig = named_rig

    capabilities = declared_by(name)

    assert capabilities == rig.account.capabilities
    assert capabilities.overnight <= set(capabilities.topologies)
    assert all(capabilities.topologies[key] is not Topology.LOOSE for key in capabilities.overnight)


def test_a_fresh_account_has_empty_books_money_and_a_live_session(rig: Rig) -> None:
    account = rig.account

    assert (account.order_book(), account.gtt_book(), account.trade_book()) == ((), (), ())
    assert account.positions() == ()
    assert account.funds().available > 0
    assert account.session_alive()


def test_a_placed_order_is_found_in_the_book_by_its_tag_with_its_terms(rig: Rig) -> None:
    ack = rig.account.place_order(request(rig, Side.BUY, limit(10, "495"), tag="b9e1"))

    row = settled(rig, ack.broker_order_id, until=has(RowStatus.OPEN))

    assert (row.tag, row.side, row.quantity, row.price) == (tag_of(rig, "b9e1"), Side.BUY, 10, Decimal("495"))
    assert (row.exchange, row.symbol, row.product) == (*rig.share, "MIS")
    assert (row.filled, row.average_price) == (0, None)
    assert row.updated_at is not None
    assert row.updated_at.utcoffset() == UTC.utcoffset(None)


def test_a_fill_shows_in_the_order_the_trades_and_the_position(rig: Rig) -> None:
    ack = rig.account.place_order(request(rig, Side.BUY, limit(10, "500")))

    row = settled(rig, ack.broker_order_id, until=has(RowStatus.FILLED))

    (trade,) = rig.account.trade_book()
    (position,) = rig.account.positions()
    assert (row.filled, row.average_price) == (10, Decimal("500"))
    assert (trade.broker_order_id, trade.quantity, trade.price) == (
        row.broker_order_id,
        10,
        Decimal("500"),
    )
    assert (position.quantity, position.average_price) == (10, Decimal("500"))


def test_a_part_fill_stays_open_with_what_is_filled(rig: Rig) -> None:
    rig.set_price(Decimal("500"), 4)

    ack = rig.account.place_order(request(rig, Side.BUY, limit(10, "500")))

    row = settled(rig, ack.broker_order_id, until=lambda row: row.filled == 4)
    assert (row.status, row.quantity) == (RowStatus.OPEN, 10)


def test_a_stop_becomes_a_target_by_modify_and_keeps_its_id_and_tag_where_the_broker_does_that(
    rig: Rig,
) -> None:
    rig.account.place_order(request(rig, Side.BUY, limit(10, "500")))
    terms = stop(10, price="489", trigger="490")
    ack = rig.account.place_order(request(rig, Side.SELL, terms, tag="b1x1"))
    settled(rig, ack.broker_order_id, until=has(RowStatus.TRIGGER_PENDING))

    if not rig.account.capabilities.sl_to_limit:
        with pytest.raises(OrderRejected):
            rig.account.modify_order(ack.broker_order_id, limit(10, "510"))
        return
    rig.account.modify_order(ack.broker_order_id, limit(10, "510"))

    row = settled(rig, ack.broker_order_id, until=has(RowStatus.OPEN))
    assert (row.order_type, row.price, row.tag) == (OrderType.LIMIT, Decimal("510"), tag_of(rig, "b1x1"))
    rig.set_price(Decimal("511"), None)
    settled(rig, ack.broker_order_id, until=has(RowStatus.FILLED))


def test_a_stop_fires_when_the_price_falls_through_it(rig: Rig) -> None:
    rig.account.place_order(request(rig, Side.BUY, limit(10, "500")))
    terms = stop(10, price="488", trigger="490")
    ack = rig.account.place_order(request(rig, Side.SELL, terms, tag="b1x1"))
    settled(rig, ack.broker_order_id, until=has(RowStatus.TRIGGER_PENDING))

    rig.set_price(Decimal("489"), None)

    row = settled(rig, ack.broker_order_id, until=has(RowStatus.FILLED))
    assert row.average_price == Decimal("489")


def test_a_cancelled_order_ends_and_cannot_be_cancelled_or_changed_again(rig: Rig) -> None:
    ack = rig.account.place_order(request(rig, Side.BUY, limit(10, "495")))
    settled(rig, ack.broker_order_id, until=has(RowStatus.OPEN))

    rig.account.cancel_order(ack.broker_order_id)

    settled(rig, ack.broker_order_id, until=has(RowStatus.CANCELLED))
    with pytest.raises(OrderRejected) as cancelled:
        rig.account.cancel_order(ack.broker_order_id)
    with pytest.raises(OrderRejected) as modified:
        rig.account.modify_order(ack.broker_order_id, limit(10, "496"))
    assert cancelled.value.kind is modified.value.kind is RefusalKind.ALREADY_DONE


def test_saying_the_same_change_twice_does_no_harm(rig: Rig) -> None:
    ack = rig.account.place_order(request(rig, Side.BUY, limit(10, "495")))
    settled(rig, ack.broker_order_id, until=has(RowStatus.OPEN))

    rig.account.modify_order(ack.broker_order_id, limit(8, "494"))
    rig.account.modify_order(ack.broker_order_id, limit(8, "494"))

    row = settled(rig, ack.broker_order_id, until=lambda row: row.price == Decimal("494"))
    assert (row.quantity, row.status) == (8, RowStatus.OPEN)


def test_an_off_tick_price_is_rejected_with_its_kind_and_the_brokers_words(rig: Rig) -> None:
    with pytest.raises(OrderRejected) as rejected:
        rig.account.place_order(request(rig, Side.BUY, limit(10, rig.off_tick)))

    assert rejected.value.kind is RefusalKind.TICK
    assert rejected.value.reason
    assert rig.account.order_book() == ()


def test_a_stop_the_price_has_already_crossed_is_refused_as_such(rig: Rig) -> None:
    with pytest.raises(OrderRejected) as rejected:
        rig.account.place_order(request(rig, Side.SELL, stop(10, price="505", trigger="510")))

    assert rejected.value.kind is RefusalKind.TRIGGER_CROSSED


def test_an_unknown_order_is_not_found(rig: Rig) -> None:
    with pytest.raises(OrderRejected) as rejected:
        rig.account.cancel_order("1")

    assert rejected.value.kind is RefusalKind.NOT_FOUND


def test_a_gtt_is_listed_with_its_legs_changed_as_a_whole_and_deleted(oco_rig: Rig) -> None:
    ack = oco_rig.account.place_order(request(oco_rig, Side.BUY, limit(10, "500"), product=Product.CNC))
    settled(oco_rig, ack.broker_order_id, until=has(RowStatus.FILLED))
    trigger_id = oco_rig.account.place_gtt(oco(oco_rig)).broker_order_id
    (placed,) = oco_rig.account.gtt_book()
    oco_rig.account.modify_gtt(trigger_id, oco(oco_rig, 6, stop_at="485"))
    (changed,) = oco_rig.account.gtt_book()

    oco_rig.account.cancel_gtt(trigger_id)

    assert (placed.trigger_id, placed.status) == (trigger_id, GttStatus.ACTIVE)
    assert [leg.trigger_price for leg in placed.legs] == [Decimal("490"), Decimal("510")]
    assert [(leg.trigger_price, leg.quantity) for leg in changed.legs] == [
        (Decimal("485"), 6),
        (Decimal("510"), 6),
    ]
    assert all(gtt.status is not GttStatus.ACTIVE for gtt in oco_rig.account.gtt_book())


def test_a_fired_gtt_names_its_child_which_is_in_the_order_book(oco_rig: Rig) -> None:
    bought = request(oco_rig, Side.BUY, limit(10, "500"), product=Product.CNC)
    ack = oco_rig.account.place_order(bought)
    settled(oco_rig, ack.broker_order_id, until=has(RowStatus.FILLED))
    oco_rig.account.place_gtt(oco(oco_rig))

    oco_rig.set_price(Decimal("510"), None)

    (gtt,) = oco_rig.account.gtt_book()
    lower, upper = gtt.legs
    assert (gtt.status, lower.child_order_id) == (GttStatus.TRIGGERED, None)
    assert upper.child_order_id is not None
    child = settled(oco_rig, upper.child_order_id, until=has(RowStatus.FILLED))
    assert (child.side, child.quantity) == (Side.SELL, 10)


def test_a_broker_that_holds_nothing_by_an_oco_refuses_one_before_it_is_sent(rig_without_oco: Rig) -> None:
    with pytest.raises(OrderRejected):
        rig_without_oco.account.place_gtt(oco(rig_without_oco))

    assert rig_without_oco.account.gtt_book() == ()
    capabilities = rig_without_oco.account.capabilities
    assert Topology.LOOSE not in {*capabilities.topologies.values(), *capabilities.fallbacks.values()}


def test_an_account_with_a_login_says_whose_session_it_is(rig_with_login: Rig) -> None:
    account = rig_with_login.account

    assert isinstance(account, TellsUser)
    assert account.user_id()


def test_quotes_leave_out_what_is_not_known(rig: Rig) -> None:
    quotes = rig.account.quotes(frozenset({rig.share, (rig.share[0], "NOSUCH")}))

    assert set(quotes) == {rig.share}
    assert quotes[rig.share].last == Decimal("500")
    assert quotes[rig.share].at.utcoffset() is not None


def test_a_push_wakes_whoever_listens_when_somebody_else_trades_the_account(rig: Rig) -> None:
    woken: list[bool] = []
    rig.account.listen(lambda: woken.append(True))

    rig.act_elsewhere().place_order(request(rig, Side.BUY, limit(10, "500"), tag=""))

    assert woken or not rig.account.capabilities.pushes_orders
    rig.account.close()


def test_an_order_placed_elsewhere_without_a_tag_has_none_in_the_book(rig: Rig) -> None:
    ack = rig.act_elsewhere().place_order(request(rig, Side.BUY, limit(10, "495"), tag=""))

    assert settled(rig, ack.broker_order_id, until=has(RowStatus.OPEN)).tag is None
