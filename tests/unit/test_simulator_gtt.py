"""GTTs at the simulated exchange: placing, firing, and what their children do."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from services.bracket.model import (
    GttRequest,
    GttRow,
    GttStatus,
    Product,
    RefusalKind,
    RowStatus,
    Side,
)
from simulator import ExchangeSettings, Refused, SimulatedExchange, VirtualClock
from tests.unit.simulated import (
    ACCOUNT,
    BUY,
    MARKET,
    NIFTY,
    SELL,
    net,
    oco,
    opened,
    order,
    price,
    row,
)


def holding_shares(
    settings: ExchangeSettings | None = None, clock: VirtualClock | None = None
) -> SimulatedExchange:
    exchange = opened(settings, clock)
    exchange.place(ACCOUNT, order(BUY, MARKET, product=Product.CNC))
    return exchange


def only(exchange: SimulatedExchange) -> GttRow:
    (gtt,) = exchange.gtt_book(ACCOUNT)
    return gtt


@pytest.mark.parametrize(("at", "leg"), [("490", 0), ("510", 1)])
def test_the_leg_that_fires_places_its_order_and_cancels_its_sibling(at: str, leg: int) -> None:
    exchange = holding_shares()
    exchange.place_gtt(ACCOUNT, oco())

    price(exchange, at)

    gtt = only(exchange)
    child = gtt.legs[leg].child_order_id
    assert gtt.status is GttStatus.TRIGGERED
    assert child is not None
    assert gtt.legs[1 - leg].child_order_id is None
    assert row(exchange, child).tag is None
    assert row(exchange, child).status is RowStatus.FILLED
    assert net(exchange, product=Product.CNC) == 0


def test_a_gap_through_the_childs_limit_leaves_it_open_and_the_trigger_spent() -> None:
    exchange = holding_shares()
    exchange.place_gtt(ACCOUNT, oco(stop="490", stop_limit="488"))

    price(exchange, "480")
    price(exchange, "470")

    gtt = only(exchange)
    assert gtt.status is GttStatus.TRIGGERED
    assert row(exchange, str(gtt.legs[0].child_order_id)).status is RowStatus.OPEN
    assert len(exchange.order_book(ACCOUNT)) == 2


def test_a_child_refused_at_once_is_recorded_on_its_leg() -> None:
    exchange = holding_shares()
    exchange.place_gtt(ACCOUNT, oco(stop="490", stop_limit="380"))

    price(exchange, "489")

    leg = only(exchange).legs[0]
    assert (leg.child_order_id, leg.child_refusal) == (None, RefusalKind.BAND)
    assert "circuit limits" in (leg.child_reason or "")
    assert net(exchange, product=Product.CNC) == 100


def test_a_child_of_shares_already_sold_is_rejected_in_the_order_book() -> None:
    exchange = holding_shares()
    exchange.place_gtt(ACCOUNT, oco())
    exchange.place_foreign(ACCOUNT, order(SELL, MARKET, product=Product.CNC))

    price(exchange, "489")

    child = row(exchange, str(only(exchange).legs[0].child_order_id))
    assert (child.status, child.refusal) == (RowStatus.REJECTED, RefusalKind.RMS)


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (oco(stop="500"), RefusalKind.TRIGGER_CROSSED),
        (oco(stop="501"), RefusalKind.TRIGGER_CROSSED),
        (oco(target="500"), RefusalKind.TRIGGER_CROSSED),
        (oco(stop="498.80"), RefusalKind.TOO_NEAR),
        (oco(target="501.20"), RefusalKind.TOO_NEAR),
        (oco(product=Product.MIS), RefusalKind.UNCLASSIFIED),
        (oco(side=BUY, stop="510", stop_limit="511", target="490"), RefusalKind.UNCLASSIFIED),
        (oco(product=Product.NRML, key=("MCX", "CRUDEOIL18DEC26FUT")), RefusalKind.UNCLASSIFIED),
        (oco(stop="490.03"), RefusalKind.TICK),
    ],
)
def test_a_wrong_gtt_is_refused(request_: GttRequest, kind: RefusalKind) -> None:
    exchange = opened()

    with pytest.raises(Refused) as refused:
        exchange.place_gtt(ACCOUNT, request_)

    assert refused.value.kind is kind
    assert exchange.gtt_book(ACCOUNT) == ()


def test_a_trigger_at_exactly_the_minimum_distance_is_taken() -> None:
    exchange = opened()

    exchange.place_gtt(ACCOUNT, oco(stop="498.75", stop_limit="498"))

    assert only(exchange).status is GttStatus.ACTIVE


def test_a_stale_last_price_makes_the_trigger_fire_at_once() -> None:
    exchange = holding_shares()
    price(exchange, "489")

    exchange.place_gtt(ACCOUNT, oco(last="500"))

    assert only(exchange).status is GttStatus.TRIGGERED


def test_a_short_future_is_bought_back_by_either_leg() -> None:
    exchange = opened()
    exchange.place(ACCOUNT, order(SELL, MARKET, key=NIFTY, quantity=65, product=Product.NRML))
    exchange.place_gtt(
        ACCOUNT,
        oco(
            side=BUY,
            stop="25200",
            stop_limit="25220",
            target="24800",
            quantity=65,
            product=Product.NRML,
            key=NIFTY,
            last="25000",
        ),
    )

    price(exchange, "25210", key=NIFTY)

    assert only(exchange).legs[1].child_order_id is not None
    assert net(exchange, product=Product.NRML, key=NIFTY) == 0


@pytest.mark.parametrize(("trigger", "quiet", "fires"), [("490", "510", "490"), ("510", "490", "510")])
def test_a_single_trigger_waits_on_its_own_side_of_the_price(trigger: str, quiet: str, fires: str) -> None:
    exchange = holding_shares()
    exchange.place_gtt(ACCOUNT, oco(stop=trigger, stop_limit=trigger, target=None))
    price(exchange, quiet)
    assert only(exchange).status is GttStatus.ACTIVE

    price(exchange, fires)

    assert only(exchange).status is GttStatus.TRIGGERED


def test_a_modified_gtt_is_replaced_as_a_whole() -> None:
    exchange = holding_shares()
    trigger_id = exchange.place_gtt(ACCOUNT, oco())

    exchange.modify_gtt(ACCOUNT, trigger_id, gtt=oco(stop="485", stop_limit="484", target=None, quantity=50))
    price(exchange, "511")

    gtt = only(exchange)
    assert (gtt.trigger_id, gtt.status) == (trigger_id, GttStatus.ACTIVE)
    assert [(leg.trigger_price, leg.quantity) for leg in gtt.legs] == [(Decimal("485"), 50)]


def test_a_gtt_that_is_done_can_be_neither_changed_nor_deleted() -> None:
    exchange = holding_shares()
    trigger_id = exchange.place_gtt(ACCOUNT, oco())
    price(exchange, "490")

    with pytest.raises(Refused) as deleted:
        exchange.cancel_gtt(ACCOUNT, trigger_id)
    with pytest.raises(Refused) as modified:
        exchange.modify_gtt(ACCOUNT, trigger_id, gtt=oco())
    with pytest.raises(Refused) as unknown:
        exchange.cancel_gtt("other", trigger_id)

    assert deleted.value.kind is modified.value.kind is RefusalKind.ALREADY_DONE
    assert unknown.value.kind is RefusalKind.NOT_FOUND


def test_a_deleted_gtt_never_fires_and_stays_listed_for_a_week() -> None:
    clock = VirtualClock()
    exchange = holding_shares(clock=clock)
    exchange.cancel_gtt(ACCOUNT, exchange.place_gtt(ACCOUNT, oco()))

    price(exchange, "480")
    clock.advance(timedelta(days=6))
    exchange.end_of_day()

    assert only(exchange).status is GttStatus.DELETED
    clock.advance(timedelta(days=2))
    exchange.end_of_day()
    assert exchange.gtt_book(ACCOUNT) == ()


def test_an_equity_gtt_expires_after_a_year_and_a_futures_one_with_its_contract() -> None:
    clock = VirtualClock()
    exchange = opened(clock=clock)
    exchange.place_gtt(ACCOUNT, oco())
    exchange.place_gtt(
        ACCOUNT,
        oco(
            stop="24800",
            stop_limit="24780",
            target="25200",
            quantity=65,
            product=Product.NRML,
            key=NIFTY,
            last="25000",
        ),
    )

    clock.advance(datetime(2026, 12, 31, tzinfo=UTC) - clock.now())
    exchange.tick()

    statuses = [gtt.status for gtt in exchange.gtt_book(ACCOUNT)]
    assert statuses == [GttStatus.ACTIVE, GttStatus.EXPIRED]
    clock.advance(timedelta(days=365))
    assert exchange.gtt_book(ACCOUNT)[0].status is GttStatus.EXPIRED


def test_an_account_holds_so_many_active_gtts_and_no_more() -> None:
    exchange = opened(ExchangeSettings(active_gtts=2))
    first = exchange.place_gtt(ACCOUNT, oco())
    exchange.place_gtt(ACCOUNT, oco())

    with pytest.raises(Refused, match="Maximum allowed active GTT"):
        exchange.place_gtt(ACCOUNT, oco())

    exchange.cancel_gtt(ACCOUNT, first)
    exchange.place_gtt(ACCOUNT, oco())


def test_legs_are_listed_lower_trigger_first_whatever_the_side() -> None:
    exchange = opened()
    exchange.place_gtt(
        ACCOUNT,
        oco(
            side=Side.BUY,
            stop="25200",
            stop_limit="25220",
            target="24800",
            quantity=65,
            product=Product.NRML,
            key=NIFTY,
            last="25000",
        ),
    )

    assert [leg.trigger_price for leg in only(exchange).legs] == [24800, 25200]
