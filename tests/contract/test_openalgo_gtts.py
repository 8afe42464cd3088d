"""An account at a simulated OpenAlgo server with GTTs: what it makes of lists and books that do not agree."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from broker.base import (
    GttRequest,
    GttRow,
    NotSent,
    OrderRejected,
    OrderRequest,
    OutcomeUnknown,
    PlacedGtt,
    ReadFailed,
)
from broker.openalgo import capabilities, capabilities_with
from broker.openalgo.account import OpenalgoAccount
from broker.openalgo.gtt_memory import CANCELLED_AFTER, LAGS
from services.bracket.model import GttStatus, OrderType, Product, Side, Terms, Topology
from services.bracket.terms import topology_of
from simulator import ExchangeSettings
from tests.openalgo_served import SBIN, ServedOpenalgo
from utils.config import OcoBroker

FUTURE = ("NFO", "NIFTY29DEC26FUT")
LIST = "gttorderbook"


@pytest.fixture
def served() -> Iterator[ServedOpenalgo]:
    settings = ExchangeSettings(gtt_minimum_distance=Decimal(0))
    with ServedOpenalgo(settings, has_limits=False) as ready:
        ready.ordered(product="CNC")
        yield ready


@pytest.fixture
def account(served: ServedOpenalgo) -> OpenalgoAccount:
    return served.connect(behind=OcoBroker.ZERODHA, clock=served.clock)


def oco(stop: str = "490", target: str = "510", *, side: Side = Side.SELL, quantity: int = 10) -> GttRequest:
    """Return an OCO for shares, or for a short future when it buys."""
    exchange, symbol = SBIN if side is Side.SELL else FUTURE
    return GttRequest(
        exchange=exchange,
        symbol=symbol,
        product=Product.CNC if side is Side.SELL else Product.NRML,
        side=side,
        last_price=Decimal(500),
        tag="ABCDEFGHX02A",
        terms=Terms(
            order_type=OrderType.LIMIT,
            quantity=quantity,
            trigger_price=Decimal(stop),
            price=Decimal(stop) - 2 * side.opposite.sign,
            target_trigger=Decimal(target),
            target_price=Decimal(target),
        ),
    )


def fired(rows: tuple[GttRow, ...]) -> list[str | None]:
    """Return what the legs of the only GTT have placed, the lower one's first."""
    (row,) = rows
    assert row.status is GttStatus.TRIGGERED
    return [leg.child_order_id for leg in row.legs]


def a_strangers_exit(served: ServedOpenalgo, price: str) -> str:
    return served.ordered(action="SELL", product="CNC", price=price)


def test_a_shorts_stop_is_the_upper_leg_from_placing_to_firing(
    served: ServedOpenalgo, account: OpenalgoAccount
) -> None:
    served.exchange.set_price(*FUTURE, last=Decimal(25000))
    trigger_id = account.place_gtt(oco("25300", "24500", side=Side.BUY, quantity=65)).broker_order_id
    (placed,) = account.gtt_book()
    account.modify_gtt(trigger_id, oco("25200", "24500", side=Side.BUY, quantity=65))
    (changed,) = account.gtt_book()

    served.exchange.set_price(*FUTURE, last=Decimal(25200))

    target, stop = fired(account.gtt_book())
    assert [leg.trigger_price for leg in placed.legs] == [24500, 25300]
    assert [leg.price for leg in changed.legs] == [24500, 25202]
    assert target is None
    assert stop in {row.broker_order_id for row in account.order_book()}


def test_a_list_that_lacks_it_for_one_read_does_not_make_a_strangers_order_its_own(
    served: ServedOpenalgo, account: OpenalgoAccount
) -> None:
    account.place_gtt(oco())
    account.gtt_book()
    a_strangers_exit(served, "510")

    served.pass_time(LAGS.total_seconds())
    account.order_book()
    with pytest.raises(ReadFailed, match="seems to have placed"):
        account.gtt_book()
    served.pass_time(LAGS.total_seconds())
    served.let("GTT list is empty", method="BOOK", path=LIST, times=1)
    (row,) = account.gtt_book()

    assert row.status is GttStatus.ACTIVE


def test_a_lagging_list_is_not_read_until_it_has_caught_up(
    served: ServedOpenalgo, account: OpenalgoAccount
) -> None:
    account.place_gtt(oco())
    served.let("GTT list lags", method="BOOK", path=LIST)
    served.pass_time(4)
    account.gtt_book()

    served.price(510)
    account.order_book()
    with pytest.raises(ReadFailed, match="seems to have placed"):
        account.gtt_book()
    served.pass_time(4)
    account.order_book()

    lower, upper = fired(account.gtt_book())
    assert lower is None
    assert upper is not None


def test_an_order_of_ours_is_never_what_a_gtt_has_placed(
    served: ServedOpenalgo, account: OpenalgoAccount
) -> None:
    trigger_id = account.place_gtt(oco()).broker_order_id
    account.gtt_book()
    account.place_order(our_exit())

    served.exchange.cancel_gtt("U00001", trigger_id)

    assert account.gtt_book() == ()


def test_an_order_of_ours_that_nobody_answered_for_puts_it_in_doubt(
    served: ServedOpenalgo, account: OpenalgoAccount
) -> None:
    trigger_id = account.place_gtt(oco()).broker_order_id
    account.gtt_book()
    served.let("502 after acceptance", method="POST", path="placeorder$", times=1)
    with pytest.raises(OutcomeUnknown):
        account.place_order(our_exit())

    served.exchange.cancel_gtt("U00001", trigger_id)

    (row,) = account.gtt_book()
    assert (row.status, [leg.child_order_id for leg in row.legs]) == (GttStatus.UNKNOWN, [None, None])


def our_exit() -> OrderRequest:
    return OrderRequest(
        tag="ABCDEFGHX03A",
        exchange=SBIN[0],
        symbol=SBIN[1],
        product=Product.CNC,
        side=Side.SELL,
        terms=Terms(order_type=OrderType.LIMIT, quantity=10, price=Decimal(510)),
    )


def test_another_terminal_knows_by_the_record_what_was_placed_and_which_orders_are_ours(
    served: ServedOpenalgo, account: OpenalgoAccount
) -> None:
    request = oco()
    trigger_id = account.place_gtt(request).broker_order_id
    ours = a_strangers_exit(served, "510")
    served.price(510, depth=0)
    later = served.connect(behind=OcoBroker.ZERODHA, clock=served.clock)

    placed = PlacedGtt(trigger_id=trigger_id, request=request, sent_at=served.clock.now())
    later.follow(lambda: [placed], lambda ids: frozenset({ours}).intersection(ids))

    lower, upper = fired(later.gtt_book())
    assert lower is None
    assert upper not in (None, ours)


def test_a_cancel_that_the_server_confirmed_ends_it_once_the_list_lacks_it(
    served: ServedOpenalgo, account: OpenalgoAccount
) -> None:
    account.cancel_gtt(account.place_gtt(oco()).broker_order_id)

    soon = account.gtt_book()
    served.pass_time(CANCELLED_AFTER.total_seconds())
    (later,) = account.gtt_book()

    assert soon == ()
    assert later.status is GttStatus.CANCELLED


def test_a_server_that_is_where_it_is_said_to_be_holds_by_oco(account: OpenalgoAccount) -> None:
    account.learn()

    can = account.capabilities
    assert topology_of(can, Product.CNC, exchange="NSE") is Topology.OCO
    assert topology_of(can, Product.NRML, exchange="MCX") is Topology.MORPH


@pytest.mark.parametrize("behind", [OcoBroker.DHAN, OcoBroker.FYERS])
def test_a_server_that_is_somewhere_else_holds_by_one_stop(served: ServedOpenalgo, behind: OcoBroker) -> None:
    account = served.connect(behind=behind, clock=served.clock)

    account.learn()

    assert account.capabilities == capabilities()


@pytest.mark.parametrize("fault", ["no GTT endpoints", "500 before acceptance"])
def test_no_gtt_is_placed_at_a_server_that_does_not_say_where_it_is(
    served: ServedOpenalgo, account: OpenalgoAccount, fault: str
) -> None:
    served.let(fault, method="POST", path="/ping$")

    with pytest.raises((OrderRejected, NotSent)):
        account.place_gtt(oco())

    assert served.exchange.gtt_book("U00001") == ()


def test_no_gtt_is_placed_at_a_server_that_has_moved_since_it_was_asked(served: ServedOpenalgo) -> None:
    account = served.connect(behind=OcoBroker.FYERS, clock=served.clock)

    with pytest.raises(OrderRejected):
        account.place_gtt(oco())

    assert served.exchange.gtt_book("U00001") == ()


@pytest.mark.parametrize("fault", ["no GTT endpoints", "no GTTs at its broker"])
def test_a_server_without_gtts_holds_by_one_stop_until_it_has_some(
    served: ServedOpenalgo, account: OpenalgoAccount, fault: str
) -> None:
    served.let(fault, method="POST", path=LIST)
    account.learn()
    before = account.capabilities
    served.all_well()

    account.learn()

    assert before == capabilities()
    assert account.capabilities != before


@pytest.mark.parametrize(
    ("behind", "future"),
    [(OcoBroker.ZERODHA, Topology.OCO), (OcoBroker.DHAN, Topology.MORPH), (OcoBroker.FYERS, Topology.OCO)],
)
def test_an_oco_holds_what_that_broker_is_known_to_hold(
    served: ServedOpenalgo, behind: OcoBroker, future: Topology
) -> None:
    can = capabilities_with(served.settings_at(behind))

    assert topology_of(can, Product.CNC, exchange="NSE") is Topology.OCO
    assert topology_of(can, Product.MIS, exchange="NSE") is Topology.MORPH
    assert topology_of(can, Product.NRML, exchange="NFO") is future
    assert ("NFO" in can.oco_short_exchanges) is (future is Topology.OCO)
    assert "NSE" not in can.oco_short_exchanges
