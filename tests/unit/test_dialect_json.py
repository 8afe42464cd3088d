"""The JSON dialects, each a table of what is understood and one of what is refused."""

import pytest

from database.webhook_settings import PriceUnit, WebhookSettings
from services.alerts.signal import Act
from tests.unit.dialects import Read, Refused, assert_read, assert_refused, without

POINTS = WebhookSettings(price_unit=PriceUnit.POINTS)
AMOUNT = WebhookSettings(price_unit=PriceUnit.AMOUNT)
PERCENT = WebhookSettings(price_unit=PriceUnit.PERCENT)

# --- native

NATIVE = {
    "symbol": "SBIN",
    "exchange": "NSE",
    "product": "MIS",
    "action": "buy",
    "quantity": "10",
    "pricetype": "MARKET",
    "sl_percent": "1",
    "target_percent": "2",
    "timenow": "2026-11-23T04:00:00Z",
}


@pytest.mark.parametrize(
    "case",
    [
        Read(NATIVE, {"action": "BUY", "quantity": 10, "sl_percent": 1}, fired="2026-11-23T04:00:00Z"),
        Read(without(NATIVE, action="SELL"), {"action": "SELL"}, side="SELL"),
        Read(without(NATIVE, action="short"), {"action": "SELL"}, side="SELL"),
        Read(without(NATIVE, "sl_percent", sl_amount="500"), {"sl_amount": 500, "sl_percent": None}),
        Read(without(NATIVE, "target_percent", target_r=2), {"target_r": 2}),
        Read(without(NATIVE, "quantity", lots="2"), {"lots": 2, "quantity": None}),
        Read(without(NATIVE, action="exit"), act=Act.EXIT, side=None),
        Read(without(NATIVE, action="flat"), act=Act.EXIT, side=None),
        Read(without(NATIVE, action="closelong"), act=Act.EXIT, side="BUY"),
        Read(without(NATIVE, action="exit_short"), act=Act.EXIT, side="SELL"),
        Read(without(NATIVE, action="cancel"), act=Act.CANCEL, side=None),
        Read(without(NATIVE, action="sell", market_position="flat"), act=Act.EXIT, side="BUY"),
        Read(without(NATIVE, action="buy", market_position="flat"), act=Act.EXIT, side="SELL"),
        Read(without(NATIVE, market_position="long"), {"quantity": 10}),
        # A reversal's order is 20: 10 to close, 10 to open.
        Read(
            without(NATIVE, action="sell", quantity="20", market_position="short", market_position_size="10"),
            {"quantity": 10},
            side="SELL",
        ),
        # A pyramid's position is 30, its order 10.
        Read(without(NATIVE, market_position="long", market_position_size="30"), {"quantity": 10}),
    ],
)
def test_native_is_understood(case: Read) -> None:
    assert_read(case, "native")


@pytest.mark.parametrize(
    "case",
    [
        Refused({}, "symbol", "Missing mandatory field(s): symbol"),
        Refused({"action": "buy"}, "symbol", "Missing mandatory field(s): symbol"),
        Refused(without(NATIVE, "action"), "action", "send buy, sell, exit or cancel"),
        Refused(without(NATIVE, action=""), "action", "action is missing"),
        Refused(without(NATIVE, action="hold"), "action", "action hold is not known"),
        Refused(without(NATIVE, action=1), "action", "action 1 is not known"),
        Refused(without(NATIVE, action=True), "action", "must be a text"),
        Refused(without(NATIVE, action=["buy"]), "action", "must be a text"),
        Refused(without(NATIVE, market_position="up"), "action", "position up is not valid"),
        Refused(without(NATIVE, market_position="short"), "action", "takes a part of it off"),
        Refused(without(NATIVE, action="sell", market_position="long"), "action", "send exit"),
        Refused(without(NATIVE, market_position={"a": 1}), "market_position", "must be a text"),
        Refused(without(NATIVE, market_position_size="ten"), "market_position_size", "must be a number"),
        Refused(without(NATIVE, market_position_size="NaN"), "market_position_size", "must be a number"),
        Refused(without(NATIVE, signal_id="a", client_order_id="b"), "signal_id", "differ"),
    ],
)
def test_native_is_refused(case: Refused) -> None:
    assert_refused(case)


# --- OpenAlgo

OPENALGO = {
    "strategy": "TradingView Strategy",
    "symbol": "SBIN",
    "exchange": "NSE",
    "action": "BUY",
    "product": "MIS",
    "pricetype": "MARKET",
    "quantity": "10",
    "position_size": "10",
}


@pytest.mark.parametrize(
    "case",
    [
        Read(OPENALGO, {"action": "BUY", "quantity": 10, "pricetype": "MARKET", "product": "MIS"}),
        Read(without(OPENALGO, "product", "pricetype"), {"product": "MIS", "pricetype": "MARKET"}),
        Read(without(OPENALGO, action="sell", position_size="-10"), {"quantity": 10}, side="SELL"),
        Read(without(OPENALGO, quantity="20", position_size="10"), {"quantity": 10}),
        Read(without(OPENALGO, action="sell", position_size="0"), act=Act.EXIT, side="BUY"),
        Read(without(OPENALGO, action="BUY", position_size=0), act=Act.EXIT, side="SELL"),
        Read(
            without(OPENALGO, "position_size", price="0", stoploss="490", target="520"),
            {"entry_price": None, "sl_price": 490, "target_price": 520},
        ),
        Read(
            without(OPENALGO, pricetype="LIMIT", price="500.5", trigger_price="0"),
            {"entry_price": "500.5", "trigger_price": None, "pricetype": "LIMIT"},
        ),
        Read(without(OPENALGO, stoploss=490, trailing_sl="5"), {"trailing_sl": {"points": 5}}),
        Read(without(OPENALGO, sl_percent="1", target_percent="2"), {"sl_percent": 1, "target_percent": 2}),
        Read(without(OPENALGO, trigger_type="", triggerprice_sl="0"), {"quantity": 10}),
    ],
)
def test_openalgo_is_understood(case: Read) -> None:
    assert_read(case, "openalgo")


@pytest.mark.parametrize(
    "case",
    [
        Refused(without(OPENALGO, "action"), "action", "action is missing"),
        Refused(without(OPENALGO, action="HOLD"), "action", "not known"),
        Refused(without(OPENALGO, action="SELL"), "action", "takes a part of it off"),
        Refused(without(OPENALGO, position_size="-10"), "action", "takes a part of it off"),
        Refused(without(OPENALGO, position_size="ten"), "position_size", "must be a number"),
        Refused(without(OPENALGO, position_size="1_0"), "position_size", "must be a number"),
        Refused(without(OPENALGO, position_size=True), "position_size", "must be a number"),
        Refused(without(OPENALGO, quantity="x"), "quantity", "must be a number"),
        Refused(without(OPENALGO, price="-1"), "price", "must not be negative"),
        Refused(without(OPENALGO, price="500 - 5"), "price", "must be a number"),
        Refused(without(OPENALGO, stoploss="inf"), "stoploss", "must be a number"),
        Refused(without(OPENALGO, trailing_sl={"points": 5}), "trailing_sl", "must be a number"),
        Refused(without(OPENALGO, trigger_type="OCO"), "trigger_type", "a GTT"),
        Refused(without(OPENALGO, triggerprice_sl="490"), "trigger_type", "a GTT"),
        Refused(without(OPENALGO, stoploss="490", sl_price="495"), "sl_price", "differ"),
        Refused(without(OPENALGO, target="520", target_r="2"), "target_r", "differ"),
    ],
)
def test_openalgo_is_refused(case: Refused) -> None:
    assert_refused(case)


# --- TradersPost

TRADERSPOST = {
    "ticker": "SBIN",
    "action": "buy",
    "sentiment": "bullish",
    "quantity": 10,
    "time": "2026-11-23T04:00:00Z",
    "takeProfit": {"percent": 2},
    "stopLoss": {"type": "stop", "percent": 1},
}


@pytest.mark.parametrize(
    "case",
    [
        Read(
            TRADERSPOST,
            {"symbol": "SBIN", "quantity": 10, "pricetype": "MARKET", "sl_percent": 1, "target_percent": 2},
            fired="2026-11-23T04:00:00Z",
        ),
        Read(without(TRADERSPOST, "sentiment", action="sell"), {"action": "SELL"}, side="SELL"),
        Read(without(TRADERSPOST, "action", sentiment="short"), side="SELL"),
        Read(without(TRADERSPOST, "action", sentiment="flat"), act=Act.EXIT, side=None),
        Read(without(TRADERSPOST, action="sell", sentiment="flat"), act=Act.EXIT, side="BUY"),
        Read(without(TRADERSPOST, "sentiment", action="exit"), act=Act.EXIT, side=None),
        Read(without(TRADERSPOST, action="cancel"), act=Act.CANCEL, side=None),
        Read(without(TRADERSPOST, stopLoss={"amount": 10}), {"sl_points": 10, "sl_percent": None}),
        Read(without(TRADERSPOST, stopLoss={"stopPrice": "490"}), {"sl_price": 490}),
        Read(
            without(TRADERSPOST, stopLoss={"type": "stop_limit", "stopPrice": 490, "limitPrice": 488}),
            {"sl_price": 490, "sl_limit_offset": 2},
        ),
        Read(
            without(TRADERSPOST, stopLoss={"type": "trailing_stop", "trailPercent": 1}),
            {"sl_percent": 1, "trailing_sl": {"percent": 1}},
        ),
        Read(
            without(TRADERSPOST, stopLoss={"type": "trailing_stop", "trailAmount": "5"}),
            {"sl_points": 5, "trailing_sl": {"points": 5}},
        ),
        Read(without(TRADERSPOST, takeProfit={"limitPrice": 520}), {"target_price": 520}),
        Read(without(TRADERSPOST, takeProfit={"amount": 20}), {"target_points": 20}),
        Read(without(TRADERSPOST, takeProfit={"pnlAmount": 500}), {"target_amount": 500}),
        Read(without(TRADERSPOST, quantityType="dollar_amount"), {"order_value": 10, "quantity": None}),
        Read(without(TRADERSPOST, quantityType="risk_dollar_amount"), {"risk_amount": 10}),
        Read(
            without(TRADERSPOST, orderType="limit", limitPrice=500),
            {"pricetype": "LIMIT", "entry_price": 500},
        ),
        Read(
            without(TRADERSPOST, orderType="stop", stopPrice=505),
            {"pricetype": "SL-M", "trigger_price": 505, "entry_price": None},
        ),
        Read(
            without(TRADERSPOST, orderType="stop_limit", stopPrice=505, limitPrice=506),
            {"pricetype": "SL", "trigger_price": 505, "entry_price": 506},
        ),
        Read(without(TRADERSPOST, test="true"), {"dry_run": True}),
        Read(without(TRADERSPOST, timeInForce="ioc", exchange="BSE"), {"validity": "IOC", "exchange": "BSE"}),
    ],
)
def test_traderspost_is_understood(case: Read) -> None:
    assert_read(case, "traderspost")


@pytest.mark.parametrize(
    "case",
    [
        Refused(without(TRADERSPOST, action="add"), "action", "a bracket of its own"),
        Refused(without(TRADERSPOST, action="breakeven"), "action", "breakeven_at"),
        Refused(without(TRADERSPOST, action="hold"), "action", "not known"),
        Refused(without(TRADERSPOST, sentiment="bearish"), "action", "takes a part of it off"),
        Refused(without(TRADERSPOST, sentiment="sideways"), "sentiment", "Must be one of"),
        Refused(without(TRADERSPOST, quantity="ten"), "quantity", "must be a number"),
        Refused(without(TRADERSPOST, quantityType="percent_of_equity"), "quantityType", "dollar_amount"),
        Refused(without(TRADERSPOST, quantityType="lots"), "quantityType", "Must be one of"),
        Refused(without(TRADERSPOST, orderType="trailing_stop"), "orderType", "is no entry here"),
        Refused(without(TRADERSPOST, orderType="iceberg"), "orderType", "Must be one of"),
        Refused(without(TRADERSPOST, timeInForce="gtc"), "timeInForce", "send day"),
        Refused(without(TRADERSPOST, stopLoss=5), "stopLoss", "must be a JSON object"),
        Refused(without(TRADERSPOST, stopLoss={"type": "stop"}), "stopLoss", "must have one of"),
        Refused(
            without(TRADERSPOST, stopLoss={"percent": 1, "stopPrice": 490}), "stopPrice", "twice: send one"
        ),
        Refused(
            without(TRADERSPOST, stopLoss={"type": "stop_limit", "percent": 1, "limitPrice": 4}),
            "stopLoss.limitPrice",
            "needs a stopPrice",
        ),
        Refused(without(TRADERSPOST, stopLoss={"type": "trailing_stop"}), "stopLoss", "one of trailAmount"),
        Refused(without(TRADERSPOST, stopLoss={"type": "mental", "percent": 1}), "type", "Must be one of"),
        Refused(without(TRADERSPOST, takeProfit={"percent": "2%"}), "percent", "must be a number"),
        Refused(without(TRADERSPOST, takeProfit=[2]), "takeProfit", "must be a JSON object"),
        Refused(without(TRADERSPOST, sl_points=5), "sl_points", "differ"),
        Refused(without(TRADERSPOST, optionType="call"), "optionType", "the contract itself"),
        Refused(without(TRADERSPOST, test="maybe"), "test", "must be true or false"),
    ],
)
def test_traderspost_is_refused(case: Refused) -> None:
    assert_refused(case)


# --- PickMyTrade

PICKMYTRADE = {
    "symbol": "SBIN",
    "date": "2026-11-23T04:00:00Z",
    "data": "buy",
    "quantity": "10",
    "risk_percentage": "0",
    "price": "500.05",
    "tp": "0",
    "percentage_tp": "2",
    "dollar_tp": "0",
    "sl": "0",
    "dollar_sl": "0",
    "percentage_sl": "1",
    "trail": "0",
    "trail_stop": "0",
    "trail_trigger": "0",
    "trail_freq": "0",
    "update_tp": "false",
    "update_sl": False,
    "duplicate_position_allow": "true",
    "reverse_order_close": "true",
}
ONE_ACCOUNT = [{"account_id": "2", "risk_percentage": 2, "quantity_multiplier": 1}]


@pytest.mark.parametrize(
    "case",
    [
        Read(
            PICKMYTRADE,
            {
                "quantity": 10,
                "pricetype": "MARKET",
                "entry_price": None,
                "sl_percent": 1,
                "target_percent": 2,
                "on_opposite": "close_first",
            },
            fired="2026-11-23T04:00:00Z",
        ),
        Read(without(PICKMYTRADE, data="Sell"), {"action": "SELL"}, side="SELL"),
        Read(without(PICKMYTRADE, data="close"), act=Act.EXIT, side=None),
        Read(without(PICKMYTRADE, reverse_order_close="false"), {"on_opposite": "reject"}),
        Read(without(PICKMYTRADE, percentage_sl="0", sl="490"), {"sl_price": 490, "sl_percent": None}),
        Read(without(PICKMYTRADE, percentage_tp="0", tp=520), {"target_price": 520}),
        Read(without(PICKMYTRADE, order_type="LMT"), {"pricetype": "LIMIT", "entry_price": "500.05"}),
        Read(without(PICKMYTRADE, order_type="STP"), {"pricetype": "SL-M", "trigger_price": "500.05"}),
        Read(without(PICKMYTRADE, percentage_sl=0, dollar_sl="5"), {"sl_points": 5}, settings=POINTS),
        Read(without(PICKMYTRADE, percentage_sl=0, dollar_sl="50"), {"sl_amount": 50}, settings=AMOUNT),
        Read(without(PICKMYTRADE, multiple_accounts=ONE_ACCOUNT), {"quantity": 10}),
        Read(without(PICKMYTRADE, quantity="0", risk_amount="500"), {"risk_amount": 500, "quantity": None}),
    ],
)
def test_pickmytrade_is_understood(case: Read) -> None:
    assert_read(case, "pickmytrade")


@pytest.mark.parametrize(
    "case",
    [
        Refused(without(PICKMYTRADE, data="hold"), "data", "not known"),
        Refused(without(PICKMYTRADE, data=""), "data", "data is missing"),
        Refused(without(PICKMYTRADE, quantity="ten"), "quantity", "must be a number"),
        Refused(without(PICKMYTRADE, quantity="-10"), "quantity", "must not be negative"),
        Refused(without(PICKMYTRADE, risk_percentage="1"), "risk_percentage", "send quantity or risk_amount"),
        Refused(without(PICKMYTRADE, sl="490"), "sl", "twice: send one"),
        Refused(without(PICKMYTRADE, tp="abc"), "tp", "must be a number"),
        Refused(without(PICKMYTRADE, percentage_sl="0", dollar_sl="5"), "dollar_sl", "set the webhook's"),
        Refused(
            without(PICKMYTRADE, percentage_sl="0", dollar_sl="5"),
            "dollar_sl",
            "sl_points or sl_amount",
            settings=PERCENT,
        ),
        Refused(without(PICKMYTRADE, trail="1"), "trail", "in which unit"),
        Refused(without(PICKMYTRADE, trail_stop="5"), "trail_stop", "in which unit"),
        Refused(without(PICKMYTRADE, update_sl="true"), "update_sl", "modifybracketorder"),
        Refused(without(PICKMYTRADE, update_tp="perhaps"), "update_tp", "must be true or false"),
        Refused(without(PICKMYTRADE, order_type="MOC"), "order_type", "Must be one of"),
        Refused(without(PICKMYTRADE, multiple_accounts=ONE_ACCOUNT * 2), "multiple_accounts", "one for each"),
        Refused(
            without(PICKMYTRADE, multiple_accounts=[{"quantity_multiplier": 3}]),
            "multiple_accounts",
            "without a multiplier",
        ),
        Refused(without(PICKMYTRADE, multiple_accounts="all"), "multiple_accounts", "one account"),
        Refused(without(PICKMYTRADE, sl_points="5"), "sl_points", "differ"),
    ],
)
def test_pickmytrade_is_refused(case: Refused) -> None:
    assert_refused(case)


# --- 3Commas

LONG_INFO = {
    "market_position": "long",
    "market_position_size": "10",
    "prev_market_position": "flat",
    "prev_market_position_size": "0",
}
THREECOMMAS = {
    "max_lag": "300",
    "timestamp": "2026-11-23T04:00:00Z",
    "trigger_price": "500.05",
    "tv_exchange": "NSE",
    "tv_instrument": "SBIN",
    "action": "buy",
    "bot_uuid": "b7c0",
    "strategy_info": LONG_INFO,
    "order": {"amount": "10", "currency_type": "base"},
}


@pytest.mark.parametrize(
    "case",
    [
        Read(
            THREECOMMAS,
            {
                "symbol": "SBIN",
                "exchange": "NSE",
                "quantity": 10,
                "pricetype": "MARKET",
                "trigger_price": None,
            },
            fired="2026-11-23T04:00:00Z",
        ),
        Read(without(THREECOMMAS, "strategy_info", action="enter_short"), {"quantity": 10}, side="SELL"),
        Read(without(THREECOMMAS, "strategy_info", action="exit_long"), act=Act.EXIT, side="BUY"),
        Read(without(THREECOMMAS, "strategy_info", action="exit_short"), act=Act.EXIT, side="SELL"),
        Read(
            without(THREECOMMAS, action="sell", strategy_info={"market_position": "flat"}),
            act=Act.EXIT,
            side="BUY",
        ),
        Read(without(THREECOMMAS, order={"amount": "20", "currency_type": "base"}), {"quantity": 10}),
        Read(without(THREECOMMAS, order={"amount": "5000", "currency_type": "quote"}), {"order_value": 5000}),
        Read(without(THREECOMMAS, "order", lots="1"), {"lots": 1, "quantity": None}),
        Read(without(THREECOMMAS, sl_percent="1", target_r="2"), {"sl_percent": 1, "target_r": 2}),
        Read(without(THREECOMMAS, exchange="BSE"), {"exchange": "BSE"}),
        Read(without(THREECOMMAS, "bot_uuid"), {"symbol": "SBIN"}),
    ],
)
def test_3commas_is_understood(case: Read) -> None:
    assert_read(case, "3commas")


@pytest.mark.parametrize(
    "case",
    [
        Refused(without(THREECOMMAS, action="disable"), "action", "not known"),
        Refused(without(THREECOMMAS, "action"), "action", "action is missing"),
        Refused(without(THREECOMMAS, action="sell"), "action", "takes a part of it off"),
        Refused(
            without(THREECOMMAS, strategy_info={"market_position": "sideways"}),
            "action",
            "long, short or flat",
        ),
        Refused(without(THREECOMMAS, strategy_info="long"), "strategy_info", "must be a JSON object"),
        Refused(without(THREECOMMAS, order=10), "order", "must be a JSON object"),
        Refused(without(THREECOMMAS, order={"amount": "ten"}), "amount", "must be a number"),
        Refused(
            without(THREECOMMAS, order={"amount": 5, "currency_type": "margin_percent"}),
            "order.currency_type",
            "send base",
        ),
        Refused(
            without(THREECOMMAS, order={"amount": 5, "currency_type": "USD"}),
            "currency_type",
            "Must be one of",
        ),
        Refused(without(THREECOMMAS, max_lag="-1"), "max_lag", "whole number of seconds"),
        Refused(without(THREECOMMAS, max_lag="1.5"), "max_lag", "whole number of seconds"),
        Refused(without(THREECOMMAS, max_lag="soon"), "max_lag", "must be a number"),
        Refused(without(THREECOMMAS, stop_loss={"enabled": True}), "stop_loss", "send sl_percent"),
        Refused(without(THREECOMMAS, take_profit={"steps": []}), "take_profit", "target_percent"),
        Refused(without(THREECOMMAS, lots="1"), "lots", "differ"),
    ],
)
def test_3commas_is_refused(case: Refused) -> None:
    assert_refused(case)
