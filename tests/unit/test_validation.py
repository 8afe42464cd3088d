"""Every reason to refuse a bracket order, with its exact sentence, and what a faultless one becomes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bracket.calendar import AlwaysOpen, Session, parse_calendar, session_at
from services.bracket.model import (
    BrokerCapabilities,
    Instrument,
    Mode,
    OrderType,
    Plan,
    PriceMode,
    PriceSpec,
    Quote,
    Side,
    Topology,
)
from services.bracket.planning import Account, make_plan
from services.bracket.protection import describe_protection, plan_warnings
from services.bracket.request import (
    BracketOrderRequest,
    SlippageRequest,
    TargetRequest,
    TrailRequest,
    normalised,
    parse_price,
    parse_quantity,
)
from services.bracket.validation import Code, Violation, check, summary
from utils.constants import EXCHANGE_ZONE

D = Decimal
FILE = Path(__file__).parents[2] / "services" / "data" / "exchange_calendar.json"
CALENDAR = parse_calendar(FILE.read_text(encoding="utf-8"))


def ist(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=EXCHANGE_ZONE).astimezone(UTC)


MORNING = ist("2026-12-09 10:00")
BROKER = BrokerCapabilities(
    topologies={
        "MIS": Topology.MORPH,
        "CNC": Topology.OCO,
        "NRML": Topology.OCO,
        "NRML:MCX": Topology.MORPH,
        "NRML:CDS": Topology.LOOSE,
    },
    overnight=frozenset({"CNC", "NRML"}),
    oco_short_exchanges=frozenset({"NFO"}),
    stop_market_exchanges=frozenset({"NSE"}),
)
SHARE = Instrument(exchange="NSE", symbol="SBIN", tick_size=D("0.05"), lot_size=1)
FUTURE = Instrument(
    exchange="NFO", symbol="NIFTY26DECFUT", tick_size=D("0.10"), lot_size=75, freeze_quantity=1800, kind="FUT"
)
OPTION = Instrument(exchange="NFO", symbol="NIFTY26DEC25000CE", tick_size=D("0.05"), lot_size=75, kind="CE")


def request(**changes: Any) -> BracketOrderRequest:
    """Return a faultless intraday BUY of 10 SBIN at 100, stop 95, target 110, with changes."""
    faultless = BracketOrderRequest(
        symbol="SBIN",
        exchange="NSE",
        product="MIS",
        action="BUY",
        quantity=10,
        entry_price=D(100),
        sl_price=D(95),
        target_price=D(110),
    )
    return replace(faultless, **changes)


def short(**changes: Any) -> BracketOrderRequest:
    return request(**{"action": "SELL", "sl_price": D(105), "target_price": D(90), **changes})


def several(*prices: str, quantities: tuple[int | None, ...] = ()) -> dict[str, Any]:
    parts = quantities or (None,) * len(prices)
    targets = tuple(
        TargetRequest(price=D(price), quantity=part) for price, part in zip(prices, parts, strict=True)
    )
    return {"target_price": None, "targets": targets}


def on(instrument: Instrument, **changes: Any) -> dict[str, Any]:
    """Return the request's words for another instrument, one lot of it."""
    return {
        "symbol": instrument.symbol,
        "exchange": instrument.exchange,
        "quantity": instrument.lot_size,
        **changes,
    }


def quote(last: str | int = 100, **changes: Any) -> Quote:
    return replace(Quote(last=D(last), at=MORNING), **changes)


def session(now: datetime = MORNING, exchange: str = "NSE") -> Session:
    return session_at(CALENDAR, exchange, now=now)


def faults(
    asked: BracketOrderRequest,
    *,
    capabilities: BrokerCapabilities = BROKER,
    instrument: Instrument | None = SHARE,
    market: Quote | None = None,
    now: datetime = MORNING,
    running: Session | None = None,
) -> list[Violation]:
    exchange = (asked.exchange or "NSE").upper()
    known = exchange if exchange in ("NSE", "NFO", "MCX", "CDS") else "NSE"
    return check(
        asked,
        capabilities=capabilities,
        instrument=instrument,
        quote=market,
        session=session(now, known) if running is None else running,
        now=now,
    )


def planned(
    asked: BracketOrderRequest,
    *,
    capabilities: BrokerCapabilities = BROKER,
    instrument: Instrument = SHARE,
    market: Quote | None = None,
    now: datetime = MORNING,
) -> Plan:
    return make_plan(
        asked,
        account=Account(account_id="a1", owner_id="o1", broker="paper", mode=Mode.LIVE),
        capabilities=capabilities,
        instrument=instrument,
        quote=market,
        session=session(now, instrument.exchange),
        now=now,
    )


@pytest.mark.parametrize(
    "asked",
    [
        request(),
        short(),
        request(action="buy", exchange="nse", product="mis", pricetype="limit", validity="day"),
        request(product="CNC"),
        request(pricetype="MARKET", entry_price=None),
        request(pricetype="MARKET", entry_price=D(0)),
        request(pricetype="SL", trigger_price=D("99.5")),
        request(pricetype="SL-M", trigger_price=D(100), entry_price=None),
        request(trigger_price=D(0)),
        request(sl_price=None, sl_points=D("3.33")),
        request(sl_price=None, sl_percent=D("1.5")),
        request(target_price=None, target_points=D("0.07")),
        request(validity="IOC"),
        request(**several("105", "110")),
        request(**several("105", "110", quantities=(6, 4))),
        request(quantity=None, risk_amount=D(50)),
        request(trailing_sl=TrailRequest(points=D(2), activate_at=D(102), breakeven_at=D(101))),
        request(trailing_sl=TrailRequest(breakeven_at=D(101))),
        request(max_slippage=SlippageRequest(percent=D("0.5"))),
        request(exit_at="15:10"),
        request(client_order_id="x" * 64, strategy="s" * 64),
        request(sl_price=D(5), target_price=D(2000), confirm_prices=True),
    ],
)
def test_a_faultless_request_has_no_faults(asked: BracketOrderRequest) -> None:
    assert faults(asked) == []
    assert planned(asked).quantity == 10


# field, code, sentence, request; checked against SBIN on NSE at 10:00 without a quote.
ROWS: list[tuple[str, str, str, BracketOrderRequest]] = [
    ("symbol", "request_invalid", "Missing mandatory field(s): symbol", request(symbol=" ")),
    ("quantity", "request_invalid", "Missing mandatory field(s): quantity", request(quantity=None)),
    ("entry_price", "request_invalid", "Missing mandatory field(s): entry_price", request(entry_price=None)),
    ("sl_price", "request_invalid", "Missing mandatory field(s): sl_price", request(sl_price=None)),
    (
        "target_price",
        "request_invalid",
        "Missing mandatory field(s): target_price",
        request(target_price=None),
    ),
    (
        "trigger_price",
        "request_invalid",
        "Missing mandatory field(s): trigger_price",
        request(pricetype="SL"),
    ),
    (
        "exchange",
        "request_invalid",
        "Invalid exchange. Must be one of: NSE, BSE, NFO, BFO, CDS, BCD, MCX, NCDEX, FOREX, US",
        request(exchange="NYSE"),
    ),
    (
        "exchange",
        "exchange_not_served",
        "exchange FOREX is not served by this account's broker, which serves:"
        " NSE, BSE, NFO, BFO, CDS, BCD, MCX, NCDEX",
        request(exchange="FOREX", product="CNC"),
    ),
    (
        "action",
        "request_invalid",
        "Invalid action. Must be BUY or SELL (case insensitive)",
        request(action="HOLD"),
    ),
    (
        "product",
        "request_invalid",
        "Invalid product type. Must be one of: MIS, CNC, NRML, MTF",
        request(product="BO"),
    ),
    (
        "product",
        "request_invalid",
        "product NRML is not valid on NSE. Must be one of: CNC, MIS, MTF",
        request(product="NRML"),
    ),
    (
        "pricetype",
        "request_invalid",
        "pricetype STOP is not valid. Must be one of: LIMIT, MARKET, SL, SL-M",
        request(pricetype="STOP"),
    ),
    (
        "ordertype",
        "request_invalid",
        "ordertype AMO is not valid. Must be one of: REGULAR",
        request(ordertype="AMO"),
    ),
    (
        "validity",
        "request_invalid",
        "validity GTC is not valid. Must be one of: DAY, IOC",
        request(validity="GTC"),
    ),
    (
        "validity",
        "request_invalid",
        "validity IOC is not possible with pricetype SL: send DAY",
        request(validity="IOC", pricetype="SL", trigger_price=D(99)),
    ),
    (
        "on_manual_change",
        "request_invalid",
        "on_manual_change keep is not valid. Must be one of: restore, respect",
        request(on_manual_change="keep"),
    ),
    (
        "unknown_stop",
        "request_invalid",
        "unknown_stop retry is not valid. Must be one of: wait, duplicate_stop",
        request(unknown_stop="retry"),
    ),
    (
        "on_opposite",
        "request_invalid",
        "on_opposite net is not valid. Must be one of: reject, close_first, ignore",
        request(on_opposite="net"),
    ),
    (
        "client_order_id",
        "request_invalid",
        "client_order_id must be 1 to 64 printable characters, not 65",
        request(client_order_id="x" * 65),
    ),
    (
        "client_order_id",
        "request_invalid",
        "client_order_id must be 1 to 64 printable characters, not 0",
        request(client_order_id=""),
    ),
    (
        "client_order_id",
        "request_invalid",
        "client_order_id must be 1 to 64 printable characters, not 3",
        request(client_order_id="a\nb"),
    ),
    (
        "strategy",
        "request_invalid",
        "strategy must be at most 64 characters, not 65",
        request(strategy="s" * 65),
    ),
    ("quantity", "request_invalid", "Quantity must be greater than 0", request(quantity=0)),
    (
        "risk_amount",
        "request_invalid",
        "quantity 10 and risk_amount exclude each other: send one",
        request(risk_amount=D(50)),
    ),
    (
        "risk_amount",
        "request_invalid",
        "risk_amount 0 must be greater than 0",
        request(quantity=None, risk_amount=D(0)),
    ),
    (
        "risk_amount",
        "request_invalid",
        "risk_amount 4 is less than one lot of 1 risks: 5 between entry 100 and stop 95",
        request(quantity=None, risk_amount=D(4)),
    ),
    (
        "risk_amount",
        "request_invalid",
        "risk_amount 50 needs an entry price: there is no quote",
        request(quantity=None, risk_amount=D(50), pricetype="MARKET", entry_price=None),
    ),
    (
        "disclosed_quantity",
        "request_invalid",
        "disclosed_quantity 11 must be between 0 and quantity 10",
        request(disclosed_quantity=11),
    ),
    (
        "targets",
        "request_invalid",
        "targets of 6 + 5 must add up to quantity 10",
        request(**several("105", "110", quantities=(6, 5))),
    ),
    (
        "targets",
        "request_invalid",
        "target quantity 0 must be greater than 0",
        request(**several("105", "110", quantities=(0, 10))),
    ),
    (
        "entry_price",
        "request_invalid",
        "Entry price must be greater than 0",
        request(entry_price=D(0)),
    ),
    ("sl_price", "request_invalid", "SL price must be greater than 0", request(sl_price=D(0))),
    ("target_price", "request_invalid", "Target price must be greater than 0", request(target_price=D(-1))),
    (
        "sl_points",
        "request_invalid",
        "sl_points 0 must be greater than 0",
        request(sl_price=None, sl_points=D(0)),
    ),
    (
        "targets[1].price",
        "request_invalid",
        "targets[1].price 0 must be greater than 0",
        request(**several("105", "0")),
    ),
    ("target_price", "request_invalid", "Invalid price values", request(target_price=D("1E+30"))),
    (
        "sl_limit_offset",
        "request_invalid",
        "sl_limit_offset -1 must be greater than 0",
        request(sl_limit_offset=D(-1)),
    ),
    (
        "sl_price",
        "request_invalid",
        "sl_price and sl_points exclude each other: send one",
        request(sl_points=D(5)),
    ),
    (
        "target_price",
        "request_invalid",
        "target_price and target_percent exclude each other: send one",
        request(target_percent=D(5)),
    ),
    (
        "targets",
        "request_invalid",
        "targets and target_price exclude each other: send one",
        request(targets=(TargetRequest(price=D(105)),)),
    ),
    (
        "targets[0]",
        "request_invalid",
        "targets[0] must have a price, points or percent",
        request(target_price=None, targets=(TargetRequest(quantity=10),)),
    ),
    (
        "targets[0].price",
        "request_invalid",
        "targets[0].price and targets[0].points exclude each other: send one",
        request(target_price=None, targets=(TargetRequest(price=D(105), points=D(5)),)),
    ),
    (
        "sl_price",
        "price_off_tick",
        "sl_price 95.03 is not a multiple of the tick 0.05: send 95.00 or 95.05",
        request(sl_price=D("95.03")),
    ),
    (
        "entry_price",
        "price_off_tick",
        "entry_price 100.01 is not a multiple of the tick 0.05: send 100.00 or 100.05",
        request(entry_price=D("100.01")),
    ),
    (
        "targets[1].price",
        "price_off_tick",
        "targets[1].price 110.02 is not a multiple of the tick 0.05: send 110.00 or 110.05",
        request(**several("105", "110.02")),
    ),
    (
        "trigger_price",
        "price_off_tick",
        "trigger_price 99.99 is not a multiple of the tick 0.05: send 99.95 or 100.00",
        request(pricetype="SL", trigger_price=D("99.99")),
    ),
    (
        "sl_price",
        "price_relationship",
        "For BUY orders, SL price must be less than entry price",
        request(sl_price=D(100)),
    ),
    (
        "target_price",
        "price_relationship",
        "For BUY orders, target price must be greater than entry price",
        request(target_price=D(100)),
    ),
    (
        "sl_price",
        "price_relationship",
        "For SELL orders, SL price must be greater than entry price",
        short(sl_price=D(100)),
    ),
    (
        "target_price",
        "price_relationship",
        "For SELL orders, target price must be less than entry price",
        short(target_price=D(100)),
    ),
    (
        "targets[1].price",
        "price_relationship",
        "For BUY orders, target price must be greater than entry price (targets[1].price 99, entry 100)",
        request(**several("105", "99")),
    ),
    (
        "target_points",
        "price_relationship",
        "target_points 200 puts the target at -100: it must be greater than 0",
        short(target_price=None, target_points=D(200)),
    ),
    (
        "sl_points",
        "price_relationship",
        "sl_points 100 puts the stop at 0: it must be greater than 0",
        request(sl_price=None, sl_points=D(100)),
    ),
    (
        "trigger_price",
        "price_relationship",
        "For BUY SL orders, trigger price must be less than or equal to entry price",
        request(pricetype="SL", trigger_price=D("100.05")),
    ),
    (
        "trigger_price",
        "price_relationship",
        "For SELL SL orders, trigger price must be greater than or equal to entry price",
        short(pricetype="SL", trigger_price=D("99.95")),
    ),
    (
        "sl_price",
        "price_relationship",
        "For BUY orders, SL price must be less than entry price",
        request(pricetype="SL", trigger_price=D(95)),  # it can fill at its trigger
    ),
    (
        "sl_price",
        "price_insane",
        "sl_price 5 puts the stop 95.00 % from the entry 100, outside 0.05 to 25 %: as sl_price the stop"
        " is 5, as sl_points the stop is 95; send the one you mean, or confirm_prices true",
        request(sl_price=D(5)),
    ),
    (
        "sl_points",
        "price_insane",
        "sl_points 95 puts the stop 95.00 % from the entry 100, outside 0.05 to 25 %:"
        " as sl_points the stop is 5, as sl_price the stop is 95;"
        " send the one you mean, or confirm_prices true",
        request(sl_price=None, sl_points=D(95)),
    ),
    (
        "sl_percent",
        "price_insane",
        "sl_percent 0.04 puts the stop 0.04 % from the entry 100, outside 0.05 to 25 %: as sl_percent the"
        " stop is 99.96, as sl_price the stop is 0.04, as sl_points the stop is 99.96; send the one you mean,"
        " or confirm_prices true",
        request(sl_price=None, sl_percent=D("0.04")),
    ),
    (
        "trailing_sl",
        "request_invalid",
        "trailing_sl must have points or percent",
        request(trailing_sl=TrailRequest(activate_at=D(102))),
    ),
    (
        "trailing_sl.points",
        "request_invalid",
        "trailing_sl.points and trailing_sl.percent exclude each other: send one",
        request(trailing_sl=TrailRequest(points=D(1), percent=D(1))),
    ),
    (
        "trailing_sl",
        "request_invalid",
        "trailing_sl must have points or percent",
        request(trailing_sl=TrailRequest(activate_at=D(102), breakeven_at=D(101))),
    ),
    (
        "trailing_sl.points",
        "request_invalid",
        "trailing_sl.points 0 must be greater than 0",
        request(trailing_sl=TrailRequest(points=D(0))),
    ),
    (
        "sl_price",
        "price_off_tick",
        "sl_price 0.03 is not a multiple of the tick 0.05: send 0.05",
        request(sl_price=D("0.03"), confirm_prices=True),
    ),
    (
        "target_price",
        "request_invalid",
        "Missing mandatory field(s): target_price",
        request(target_price=None, targets=()),
    ),
    (
        "trailing_sl.activate_at",
        "price_relationship",
        "trailing_sl.activate_at 99 must be above entry 100 for BUY",
        request(trailing_sl=TrailRequest(points=D(1), activate_at=D(99))),
    ),
    (
        "trailing_sl.breakeven_at",
        "price_relationship",
        "trailing_sl.breakeven_at 101 must be below entry 100 for SELL",
        short(trailing_sl=TrailRequest(points=D(1), breakeven_at=D(101))),
    ),
    (
        "max_slippage",
        "request_invalid",
        "max_slippage must have points or percent",
        request(max_slippage=SlippageRequest()),
    ),
    (
        "max_slippage",
        "request_invalid",
        "max_slippage of a MARKET order needs entry_price to count from: there is no quote",
        request(
            pricetype="MARKET",
            entry_price=None,
            sl_price=None,
            target_price=None,
            sl_percent=D(1),
            target_percent=D(2),
            max_slippage=SlippageRequest(points=D(1)),
        ),
    ),
    (
        "max_slippage.points",
        "request_invalid",
        "max_slippage.points 0 must be greater than 0",
        request(max_slippage=SlippageRequest(points=D(0))),
    ),
    (
        "product",
        "cannot_protect",
        "product MTF on NSE cannot be protected at this broker; use CNC or MIS",
        request(product="MTF"),
    ),
    (
        "action",
        "cannot_protect",
        "product CNC cannot be sold short on NSE: shares must be owned to deliver them; use MIS",
        short(product="CNC"),
    ),
    (
        "entry_expires_in_seconds",
        "request_invalid",
        "entry_expires_in_seconds 0 must be greater than 0",
        request(entry_expires_in_seconds=0),
    ),
    (
        "entry_max_age_seconds",
        "request_invalid",
        "entry_max_age_seconds -1 must be greater than 0",
        request(entry_max_age_seconds=-1),
    ),
    ("exit_at", "request_invalid", "exit_at 25:00 must be HH:MM exchange time", request(exit_at="25:00")),
    ("exit_at", "past_cutoff", "exit_at 10:00 must be after now (10:00)", request(exit_at="10:00")),
    (
        "exit_at",
        "past_cutoff",
        "exit_at 15:20 must be before 15:20, the cut-off of MIS on NSE",
        request(exit_at="15:20"),
    ),
    (
        "exit_at",
        "past_cutoff",
        "exit_at 15:30 must be before 15:30, the cut-off of CNC on NSE",
        request(exit_at="15:30", product="CNC"),
    ),
]


@pytest.mark.parametrize(("field", "code", "sentence", "asked"), ROWS)
def test_a_fault_is_named_with_its_field_code_and_sentence(
    field: str, code: str, sentence: str, asked: BracketOrderRequest
) -> None:
    assert faults(asked) == [Violation(field=field, code=Code(code), sentence=sentence)]


def only(found: list[Violation]) -> tuple[str, str, str]:
    assert len(found) == 1, found
    return found[0].field, found[0].code.value, found[0].sentence


def test_all_faults_are_reported_not_the_first() -> None:
    asked = request(
        exchange="NYSE", action="HOLD", product="BO", quantity=0, entry_price=D("100.01"), strategy="s" * 65
    )

    found = faults(asked)

    assert [violation.field for violation in found] == [
        "exchange", "action", "product", "strategy", "entry_price", "quantity"
    ]  # fmt: skip
    assert summary(found).count("; ") == 5


def test_every_missing_field_is_named_in_one_sentence() -> None:
    found = faults(BracketOrderRequest(), instrument=None)

    sentence = (
        "Missing mandatory field(s): symbol, exchange, product, action, quantity, entry_price, sl_price,"
        " target_price"
    )
    assert {violation.sentence for violation in found} == {sentence}
    assert len(found) == 8
    assert summary(found) == sentence


def test_an_unknown_symbol_is_named_with_its_exchange() -> None:
    assert only(faults(request(symbol="SBINN"), instrument=None)) == (
        "symbol",
        "request_invalid",
        "symbol SBINN is not in the instrument list of NSE",
    )


def test_a_pricetype_the_broker_does_not_place_is_refused_with_those_it_does() -> None:
    limited = replace(BROKER, order_types=frozenset({OrderType.LIMIT, OrderType.SL}))

    assert only(faults(request(pricetype="MARKET"), capabilities=limited)) == (
        "pricetype",
        "request_invalid",
        "pricetype MARKET is not valid. Must be one of: LIMIT, SL",
    )


@pytest.mark.parametrize(
    ("quantity", "code", "sentence"),
    [
        (80, "quantity_off_lot", "quantity 80 is not a multiple of the lot size 75: send 75 or 150"),
        (10, "quantity_off_lot", "quantity 10 is not a multiple of the lot size 75: send 75"),
        (
            3750,
            "request_invalid",
            "quantity 3750 is above the freeze quantity 1800 of NIFTY26DECFUT: send 3 brackets"
            " of at most 1800",
        ),
    ],
)
def test_derivatives_trade_in_lots_up_to_the_freeze_quantity(quantity: int, code: str, sentence: str) -> None:
    asked = request(**on(FUTURE, quantity=quantity))

    assert only(faults(asked, instrument=FUTURE)) == ("quantity", code, sentence)


def test_the_freeze_quantity_itself_is_taken() -> None:
    assert faults(request(**on(FUTURE, quantity=1800)), instrument=FUTURE) == []


def test_a_contract_trades_on_its_expiry_day_and_not_after() -> None:
    today = replace(FUTURE, expiry=date(2026, 12, 9))
    over = replace(FUTURE, expiry=date(2026, 12, 8))

    assert faults(request(**on(today)), instrument=today) == []
    assert only(faults(request(**on(over)), instrument=over)) == (
        "symbol",
        "request_invalid",
        "symbol NIFTY26DECFUT expired on 2026-12-08",
    )


def test_a_market_entry_without_a_quote_is_checked_against_the_price_the_caller_gave() -> None:
    assert only(faults(request(pricetype="MARKET", sl_price=D(101))))[1] == "price_relationship"
    assert faults(request(pricetype="MARKET", sl_price=D(101), target_price=D(120)), market=quote(110)) == []


def test_target_quantities_fall_on_lots() -> None:
    asked = request(**on(FUTURE, quantity=225), **several("105", "110", quantities=(100, 125)))

    assert only(faults(asked, instrument=FUTURE)) == (
        "targets",
        "quantity_off_lot",
        "target quantity 100 is not a multiple of the lot size 75",
    )


def test_an_option_may_lose_most_of_its_premium_but_not_a_sliver() -> None:
    wide = request(**on(OPTION, sl_price=D(10)))
    narrow = request(**on(OPTION, sl_price=D("99.5")))

    assert faults(wide, instrument=OPTION) == []
    assert only(faults(narrow, instrument=OPTION))[1] == "price_insane"
    assert "outside 1 to 95 %" in only(faults(narrow, instrument=OPTION))[2]


def test_a_delivery_product_is_refused_on_a_derivative() -> None:
    assert only(faults(request(**on(FUTURE, product="CNC")), instrument=FUTURE))[2] == (
        "product CNC is not valid on NFO. Must be one of: NRML, MIS"
    )


@pytest.mark.parametrize(
    ("asked", "last", "field", "code", "sentence"),
    [
        (
            request(pricetype="MARKET"),
            "94.9",
            "sl_price",
            "would_trigger_now",
            "sl_price 95 would trigger now: the last price is 94.9",
        ),
        (
            short(pricetype="MARKET"),
            "105",
            "sl_price",
            "would_trigger_now",
            "sl_price 105 would trigger now: the last price is 105",
        ),
        (
            request(),  # a limit above the market fills at the market, already below its stop
            "94",
            "sl_price",
            "would_trigger_now",
            "sl_price 95 would trigger now: the last price is 94",
        ),
        (
            request(pricetype="MARKET"),
            "111",
            "target_price",
            "price_relationship",
            "For BUY orders, target price must be greater than entry price",
        ),
        (
            request(pricetype="SL", trigger_price=D("99.5")),
            "99.5",
            "trigger_price",
            "would_trigger_now",
            "trigger_price 99.5 would trigger now: the last price is 99.5",
        ),
        (
            short(pricetype="SL-M", trigger_price=D(100), entry_price=None),
            "99",
            "trigger_price",
            "would_trigger_now",
            "trigger_price 100 would trigger now: the last price is 99",
        ),
    ],
)
def test_prices_are_checked_against_the_market_when_there_is_a_quote(
    asked: BracketOrderRequest, last: str, field: str, code: str, sentence: str
) -> None:
    assert only(faults(asked, market=quote(last))) == (field, code, sentence)
    assert faults(asked) == []


def test_a_stop_on_the_wrong_side_of_its_entry_is_told_as_such_whatever_the_market_does() -> None:
    assert only(faults(request(sl_price=D(101)), market=quote(99)))[1] == "price_relationship"


def test_a_limit_that_waits_below_the_market_is_not_through_it() -> None:
    assert faults(request(), market=quote(105)) == []


def test_a_stop_outside_todays_price_band_could_not_rest() -> None:
    below = quote(100, lower_band=D(96), upper_band=D(104))

    assert only(faults(request(), market=below)) == (
        "sl_price",
        "cannot_protect",
        "stop 95 is below today's lower price band 96",
    )
    assert only(faults(short(), market=below))[2] == "stop 105 is above today's upper price band 104"
    assert faults(request(product="CNC"), market=below) == []  # a trigger rests at the broker


def test_a_short_oco_is_only_taken_where_the_broker_can_hold_it() -> None:
    asked = short(**on(FUTURE, product="NRML"))
    nowhere = replace(BROKER, oco_short_exchanges=frozenset())

    assert faults(asked, instrument=FUTURE) == []
    assert only(faults(asked, instrument=FUTURE, capabilities=nowhere)) == (
        "action",
        "cannot_protect",
        "a short position of product NRML on NFO cannot be protected at this broker; use MIS",
    )


def test_exits_that_do_not_cancel_each_other_are_refused_whatever_is_consented_to() -> None:
    currency = replace(FUTURE, exchange="CDS", symbol="USDINR26DECFUT", freeze_quantity=None)
    asked = request(**on(currency, product="NRML"), exit_at="16:00")

    refused = (
        "product",
        "cannot_protect",
        "product NRML on CDS can only be held by two exits that do not cancel each other, which this version"
        " does not place, with allow_unlinked_exits neither; use MIS",
    )
    assert only(faults(asked, instrument=currency)) == refused
    assert only(faults(replace(asked, allow_unlinked_exits=True), instrument=currency)) == refused


def test_protection_that_dies_at_the_close_needs_an_exit_before_it() -> None:
    metal = replace(FUTURE, exchange="MCX", symbol="GOLD26DECFUT", freeze_quantity=None)
    asked = request(**on(metal, product="NRML"))

    assert only(faults(asked, instrument=metal)) == (
        "exit_at",
        "cannot_protect",
        "product NRML on MCX cannot be protected overnight at this broker:"
        " send exit_at before 23:55, or use MIS",
    )
    consenting = only(faults(replace(asked, allow_unlinked_exits=True), instrument=metal))
    assert consenting[2].endswith(
        "or use MIS; two exits that do not cancel each other are no way out, which this version does not"
        " place, with allow_unlinked_exits neither"
    )
    assert faults(replace(asked, exit_at="23:00"), instrument=metal) == []
    always = session_at(AlwaysOpen(), "MCX", now=MORNING)
    assert faults(asked, instrument=metal, running=always) == []


@pytest.mark.parametrize(
    ("now", "code", "sentence"),
    [
        (
            "2026-12-09 15:30:00",
            "market_closed",
            "exchange NSE is closed: it opens at 2026-12-10 09:15 exchange time",
        ),
        (
            "2026-12-12 11:00:00",
            "market_closed",
            "exchange NSE is closed: it opens at 2026-12-14 09:15 exchange time",
        ),
        ("2026-12-09 14:50:00", "past_cutoff", "product MIS takes no new entries on NSE after 14:50"),
    ],
)
def test_a_closed_market_and_a_late_intraday_entry_are_refused(now: str, code: str, sentence: str) -> None:
    assert only(faults(request(), now=ist(now)))[1:] == (code, sentence)


def test_a_contract_takes_no_new_entries_in_the_last_half_hour_of_its_life() -> None:
    ending = replace(FUTURE, expiry=date(2026, 12, 9))
    asked = request(**on(FUTURE, product="NRML"))

    assert faults(asked, instrument=ending, now=ist("2026-12-09 15:14:59")) == []
    assert only(faults(asked, instrument=ending, now=ist("2026-12-09 15:15:00")))[1:] == (
        "past_cutoff",
        "symbol NIFTY26DECFUT expires today and is left at 15:15: no new entries",
    )


def test_the_second_before_the_cut_off_is_in_time() -> None:
    assert faults(request(), now=ist("2026-12-09 14:49:59")) == []
    assert faults(request(product="CNC"), now=ist("2026-12-09 15:29:59")) == []


def test_an_exchange_whose_hours_nobody_knows_takes_no_orders() -> None:
    def found(asked: BracketOrderRequest, capabilities: BrokerCapabilities = BROKER) -> list[Violation]:
        return check(
            asked, capabilities=capabilities, instrument=SHARE, quote=None, session=None, now=MORNING
        )

    abroad = replace(BROKER, exchanges=frozenset({"US"}))
    assert only(found(request(exchange="US"), abroad)) == (
        "exchange",
        "market_closed",
        "the trading hours of exchange US are not known",
    )
    assert only(found(request(exchange="FOREX")))[1] == "exchange_not_served"


def test_a_market_without_hours_takes_orders_at_any_time() -> None:
    now = ist("2026-12-13 03:00")
    always = session_at(AlwaysOpen(), "NSE", now=now)

    assert faults(request(), now=now, running=always) == []
    assert faults(request(exit_at="03:30"), now=now, running=always) == []


def test_a_plan_carries_everything_that_was_asked() -> None:
    asked = request(
        entry_expires_in_seconds=60,
        sl_limit_offset=D("0.5"),
        trailing_sl=TrailRequest(percent=D(1), breakeven_at=D(103)),
        max_slippage=SlippageRequest(points=D(1)),
        on_manual_change="respect",
        unknown_stop="duplicate_stop",
        strategy="breakout",
        client_order_id="abc",
        exit_at="15:00",
    )

    plan = planned(asked)

    assert (plan.account_id, plan.owner_id, plan.broker, plan.mode) == ("a1", "o1", "paper", Mode.LIVE)
    assert (plan.side, plan.quantity, plan.topology, plan.survives_day) == (
        Side.BUY,
        10,
        Topology.MORPH,
        False,
    )
    assert (plan.entry.order_type, plan.entry.price, plan.entry.trigger_price) == (
        OrderType.LIMIT,
        D(100),
        None,
    )
    assert (plan.entry.expires_in, plan.entry.max_age) == (timedelta(seconds=60), timedelta(seconds=10))
    assert plan.entry.max_slippage == PriceSpec(mode=PriceMode.POINTS, value=D(1))
    assert plan.stop == PriceSpec(mode=PriceMode.ABSOLUTE, value=D(95))
    assert plan.trail is not None
    assert plan.trail.distance == PriceSpec(mode=PriceMode.PERCENT, value=D(1))
    assert plan.trail.breakeven_at == D(103)
    assert plan.exit_at == ist("2026-12-09 15:00")
    assert plan.stop_limit_offset == D("0.5")
    assert (plan.policies.on_manual_change, plan.policies.unknown_stop) == ("respect", "duplicate_stop")
    assert (plan.strategy, plan.client_order_id) == ("breakout", "abc")


def test_the_zero_trigger_that_old_clients_send_is_no_trigger() -> None:
    assert planned(request(trigger_price=D(0))).entry.trigger_price is None


def test_targets_are_planned_nearest_first() -> None:
    buy = planned(request(**several("120", "105", "110", quantities=(1, 6, 3))))
    sell = planned(short(**several("80", "95", quantities=(4, 6))))
    mixed = planned(
        request(
            target_price=None,
            targets=(TargetRequest(percent=D(10)), TargetRequest(price=D(105)), TargetRequest(points=D(7))),
        )
    )
    unpriced = planned(
        request(
            pricetype="MARKET",
            target_price=None,
            targets=(TargetRequest(points=D(9)), TargetRequest(points=D(4))),
        )
    )

    assert [(target.price.value, target.quantity) for target in buy.targets] == [
        (D(105), 6),
        (D(110), 3),
        (D(120), 1),
    ]
    assert [target.price.value for target in sell.targets] == [D(95), D(80)]
    assert [target.price.value for target in mixed.targets] == [D(105), D(7), D(10)]
    assert [target.price.value for target in unpriced.targets] == [D(4), D(9)]


def test_an_intraday_plan_leaves_by_itself_and_an_overnight_plan_stays() -> None:
    assert planned(request()).exit_at == ist("2026-12-09 15:14")
    overnight = planned(request(product="CNC"))
    assert overnight.exit_at is None
    assert overnight.survives_day


def test_quantity_comes_from_the_risk() -> None:
    assert planned(request(quantity=None, risk_amount=D(52))).quantity == 10
    market = request(quantity=None, risk_amount=D(70), pricetype="MARKET", entry_price=None)
    assert planned(market, market=quote(102)).quantity == 10


def test_a_stop_market_entry_becomes_a_stop_limit_where_the_exchange_bans_it() -> None:
    asked = request(pricetype="SL-M", trigger_price=D(100), entry_price=None)
    banned = replace(BROKER, stop_market_exchanges=frozenset())

    taken = planned(asked).entry
    rewritten = planned(asked, capabilities=banned)

    assert (taken.order_type, taken.price, taken.trigger_price) == (OrderType.SL_M, None, D(100))
    assert (rewritten.entry.order_type, rewritten.entry.price) == (OrderType.SL, D(101))
    told = plan_warnings(rewritten, request=asked, quote=quote(), session=session())
    assert "SL-M is not taken on NSE: the entry is sent as SL" in told


def test_a_plan_of_an_unchecked_faulty_request_is_a_bug() -> None:
    with pytest.raises(ValueError, match="action has faults"):
        planned(request(action="HOLD"))


def test_the_caller_is_told_who_holds_the_exits_and_what_outlives_us() -> None:
    asked = request()
    plan = planned(asked)

    told = describe_protection(plan, plan_warnings(plan, request=asked, quote=None, session=session()))

    assert told.topology is Topology.MORPH
    assert told.held_by == "stop resting at the exchange; target by this service"
    assert (told.survives_stop, told.survives_target) == (True, False)
    assert told.warnings == (
        "the target needs this service running; the stop rests at the exchange",
        "if the broker does not answer for the stop, shares may be unprotected for 10 s and three reads"
        " before another is placed",
        "market checks skipped: no quote",
        "leaves at 15:14 exchange time; that needs this service running",
    )
    assert describe_protection(planned(request(product="CNC"))).survives_target


@pytest.mark.parametrize(("stop", "is_near"), [("99.80", True), ("99.75", False)])
def test_the_caller_is_told_when_the_brokers_trigger_cannot_hold_so_near_a_stop(
    stop: str, is_near: bool
) -> None:
    asked = request(product="CNC", sl_price=D(stop))

    told = plan_warnings(planned(asked), request=asked, quote=quote(100), session=session())

    sentence = "the stop is too near the market for the broker's trigger: it rests as an order at first"
    assert (sentence in told) is is_near


def test_the_caller_is_told_of_merged_targets_the_auction_and_a_provisional_year() -> None:
    asked = request(**on(FUTURE), **several("105", "110"))
    plan = planned(asked, instrument=FUTURE)
    auction = session(ist("2026-11-23 10:00"))
    estimated = session(ist("2027-01-04 10:00"))

    def told(running: Session) -> tuple[str, ...]:
        return plan_warnings(plan, request=asked, quote=quote(), session=running)

    assert "targets of less than one lot were merged into the next" in told(auction)
    assert "stocks with derivatives trade until 15:15 only; resting stops are cancelled then" in told(auction)
    assert "the exchange calendar of 2027 is provisional: holidays are not known" in told(estimated)


def test_the_normalised_text_has_one_spelling_for_one_meaning() -> None:
    text = normalised(request())

    assert normalised(request(entry_price=D("100.00"), sl_price=D("9.5E+1"))) == text
    assert normalised(request(action="buy", symbol=" sbin ", pricetype="limit")) == text
    assert normalised(request(client_order_id="abc")) == text
    assert normalised(request(**several("110"))) == text
    assert "client_order_id" not in text
    assert '"entry_price":"100"' in text


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": 11},
        {"entry_price": D("100.05")},
        {"action": "SELL"},
        {"target_price": D(111)},
        {"strategy": "other"},
        {"dry_run": True},
        {"trailing_sl": TrailRequest(points=D(1))},
        {"sl_price": None, "sl_points": D(95)},
    ],
)
def test_another_meaning_has_another_text(changes: dict[str, Any]) -> None:
    assert normalised(request(**changes)) != normalised(request())


@given(value=st.decimals(min_value=D("0.01"), max_value=10**6, places=2), zeros=st.integers(0, 4))
def test_trailing_zeros_never_change_the_normalised_text(value: Decimal, zeros: int) -> None:
    padded = Decimal(str(value) + "0" * zeros)

    assert normalised(request(sl_price=padded)) == normalised(request(sl_price=value))


@pytest.mark.parametrize(
    ("value", "price"), [(100, "100"), (1450.5, "1450.5"), ("99.95", "99.95"), (" 7 ", "7"), (0.1, "0.1")]
)
def test_a_number_or_numeric_text_is_a_price(value: object, price: str) -> None:
    assert parse_price(value) == D(price)


@pytest.mark.parametrize(
    "value", ["1500 - 50", "", "nan", "Infinity", float("nan"), True, None, [], "1E+30", "0.000000001"]
)
def test_anything_else_is_no_price(value: object) -> None:
    with pytest.raises(ValueError, match=r"^Invalid price values$"):
        parse_price(value)


@pytest.mark.parametrize(("value", "quantity"), [(1, 1), ("1", 1), ("1.0", 1), (2.0, 2), ("-3", -3)])
def test_a_whole_number_is_a_quantity(value: object, quantity: int) -> None:
    assert parse_quantity(value) == quantity


@pytest.mark.parametrize("value", [1.9, "1.9", True, float("nan"), "ten", None])
def test_anything_else_is_no_quantity(value: object) -> None:
    with pytest.raises(ValueError, match=r"^Invalid quantity$"):
        parse_quantity(value)


prices = st.decimals(min_value=D("-10"), max_value=D(2000), places=2) | st.none()
words = st.sampled_from(["BUY", "SELL", "MIS", "CNC", "NSE", "NFO", "LIMIT", "MARKET", "SL", "SL-M", "", "x"])


@given(
    asked=st.builds(
        BracketOrderRequest,
        symbol=st.sampled_from(["SBIN", None]),
        exchange=words,
        product=words,
        action=words,
        pricetype=words,
        quantity=st.integers(-5, 100) | st.none(),
        entry_price=prices,
        trigger_price=prices,
        sl_price=prices,
        sl_percent=prices,
        target_price=prices,
        targets=st.none()
        | st.lists(
            st.builds(TargetRequest, price=prices, quantity=st.integers(-2, 9) | st.none()), max_size=3
        ).map(tuple),
        risk_amount=prices,
    ),
    market=st.none() | st.decimals(min_value=1, max_value=2000, places=2).map(lambda last: quote(str(last))),
)
def test_any_request_is_either_refused_in_sentences_or_can_be_planned(
    asked: BracketOrderRequest, market: Quote | None
) -> None:
    found = faults(asked, market=market)

    assert all(violation.sentence and violation.field for violation in found)
    if not found:
        plan = planned(asked, market=market)
        assert sum(target.quantity for target in plan.targets) == plan.quantity > 0


@given(
    side=st.sampled_from(["BUY", "SELL"]),
    entry=st.integers(200, 40000),
    stop=st.integers(100, 10000),
    target=st.integers(1, 10000),
)
def test_a_bracket_on_the_right_sides_is_taken_and_its_mirror_refused(
    side: str, entry: int, stop: int, target: int
) -> None:
    tick, sign = D("0.05"), 1 if side == "BUY" else -1
    price = entry * tick + 1000
    away, gain = (stop * tick / 50, target * tick)
    away = away - away % tick + tick
    right = request(
        action=side, entry_price=price, sl_price=price - sign * away, target_price=price + sign * gain,
        confirm_prices=True,
    )  # fmt: skip
    mirrored = replace(right, action="SELL" if side == "BUY" else "BUY")

    assert faults(right) == []
    assert {violation.code for violation in faults(mirrored)} == {Code.PRICE_RELATIONSHIP}
    assert len(faults(mirrored)) == 2


def test_the_caller_is_told_that_nobody_trails_the_stop_while_we_are_down() -> None:
    asked = request(product="CNC", trailing_sl=TrailRequest(points=D(2)))

    told = plan_warnings(planned(asked), request=asked, quote=quote(), session=session())

    assert "trailing and break-even need this service running: without it the stop stays where it is" in told
