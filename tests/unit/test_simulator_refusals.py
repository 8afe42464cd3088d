"""What the simulated exchange refuses at once, and with which kind of refusal."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from services.bracket.model import OrderRequest, Product, RefusalKind, RowStatus, Validity
from simulator import ExchangeSettings, Refused, SessionHours, VirtualClock
from tests.unit.simulated import (
    ACCOUNT,
    BUY,
    LIMIT,
    MARKET,
    NIFTY,
    SELL,
    SL,
    SL_M,
    opened,
    order,
    price,
    row,
)

OPTION = ("NFO", "NIFTY29DEC2625000CE")
CRUDE = ("MCX", "CRUDEOIL18DEC26FUT")
OTHER = RefusalKind.UNCLASSIFIED


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (order(BUY, LIMIT, price="500.03"), RefusalKind.TICK),
        (order(SELL, SL, price="494", trigger="494.99"), RefusalKind.TICK),
        (order(BUY, LIMIT, price="600.05"), RefusalKind.BAND),
        (order(SELL, LIMIT, price="399.95"), RefusalKind.BAND),
        (order(SELL, SL, price="499", trigger="500"), RefusalKind.TRIGGER_CROSSED),
        (order(SELL, SL_M, trigger="501"), RefusalKind.TRIGGER_CROSSED),
        (order(BUY, SL, price="501", trigger="500"), RefusalKind.TRIGGER_CROSSED),
        (order(SELL, SL, price="495.05", trigger="495"), OTHER),
        (order(BUY, SL, price="504.95", trigger="505"), OTHER),
        (order(BUY, LIMIT), OTHER),
        (order(BUY, SL, price="505"), OTHER),
        (order(BUY, MARKET, quantity=0), OTHER),
        (order(BUY, MARKET, product=Product.NRML), OTHER),
        (order(BUY, MARKET, product=Product.CNC, key=NIFTY, quantity=65), OTHER),
        (order(BUY, MARKET, product=Product.NRML, key=NIFTY, quantity=66), OTHER),
        (order(BUY, MARKET, product=Product.NRML, key=NIFTY, quantity=1820), RefusalKind.FREEZE),
        (
            order(SELL, SL_M, trigger="390", key=OPTION, quantity=65, product=Product.NRML),
            RefusalKind.STOP_MARKET_BANNED,
        ),
        (order(SELL, SL_M, trigger="490", key=("BSE", "SBIN")), RefusalKind.STOP_MARKET_BANNED),
        (order(BUY, MARKET, key=CRUDE, validity=Validity.IOC), OTHER),
        (order(SELL, SL, price="494", trigger="495", validity=Validity.IOC), OTHER),
        (order(BUY, MARKET, key=("NSE", "NOSUCH")), OTHER),
        (order(BUY, MARKET, tag="x" * 21), OTHER),
    ],
)
def test_a_wrong_order_is_refused_at_once_and_leaves_nothing(
    request_: OrderRequest, kind: RefusalKind
) -> None:
    exchange = opened()

    with pytest.raises(Refused) as refused:
        exchange.place(ACCOUNT, request_)

    assert refused.value.kind is kind
    assert len(refused.value.reason) > 20
    assert exchange.order_book(ACCOUNT) == ()


def test_an_order_outside_the_hours_is_refused_and_resting_ones_wait_for_the_opening() -> None:
    clock = VirtualClock(datetime(2026, 12, 7, 9, 59, tzinfo=UTC))  # one minute before the close
    exchange = opened(ExchangeSettings(hours=SessionHours()), clock)
    order_id = exchange.place(ACCOUNT, order(BUY, LIMIT, price="490"))
    clock.advance(datetime(2026, 12, 7, 10, 1, tzinfo=UTC) - clock.now())

    with pytest.raises(Refused) as refused:
        exchange.place(ACCOUNT, order(BUY, MARKET))
    price(exchange, "489")

    assert refused.value.kind is RefusalKind.SESSION_CLOSED
    assert row(exchange, order_id).status is RowStatus.OPEN
    clock.advance(datetime(2026, 12, 8, 3, 46, tzinfo=UTC) - clock.now())
    exchange.tick()
    assert row(exchange, order_id).average_price == Decimal("489")


def test_a_contract_past_its_expiry_is_refused() -> None:
    exchange = opened(clock=VirtualClock(datetime(2026, 12, 30, 4, 30, tzinfo=UTC)))

    with pytest.raises(Refused) as refused:
        exchange.place(ACCOUNT, order(BUY, MARKET, key=NIFTY, quantity=65, product=Product.NRML))

    assert refused.value.kind is RefusalKind.CONTRACT_EXPIRED


def test_a_sale_of_holdings_without_authorisation_is_rejected_but_one_of_todays_shares_is_not() -> None:
    exchange = opened(ExchangeSettings(demat_authorised=False))
    exchange.place(ACCOUNT, order(BUY, MARKET, product=Product.CNC))
    today = exchange.place(ACCOUNT, order(SELL, MARKET, quantity=40, product=Product.CNC))
    assert row(exchange, today).status is RowStatus.FILLED
    exchange.end_of_day()

    held = exchange.place(ACCOUNT, order(SELL, MARKET, quantity=60, product=Product.CNC))

    assert row(exchange, held).refusal is RefusalKind.DEMAT_AUTHORISATION
