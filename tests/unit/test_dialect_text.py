"""The text dialects: PineConnector's, and words with name=value."""

import pytest

from database.webhook_settings import PriceUnit, RiskUnit, WebhookSettings
from services.alerts.signal import Act
from tests.unit.dialects import Read, Refused, assert_read, assert_refused

PERCENT = WebhookSettings(price_unit=PriceUnit.PERCENT, risk_unit=RiskUnit.LOTS)
POINTS = WebhookSettings(price_unit=PriceUnit.POINTS, risk_unit=RiskUnit.AMOUNT)
PRICE = WebhookSettings(price_unit=PriceUnit.PRICE, risk_unit=RiskUnit.QUANTITY)


@pytest.mark.parametrize(
    "case",
    [
        Read(
            "60123456789,buy,SBIN,vol_lots=1,sl_pct=1,tp_pct=2",
            {"symbol": "SBIN", "lots": 1, "sl_percent": 1, "target_percent": 2, "pricetype": "MARKET"},
        ),
        Read(
            "60123456789 , Sell , SBIN , quantity=5 , sl_points=5 , tp_points=9",
            {"sl_points": 5},
            side="SELL",
        ),
        Read("60123456789,long,SBIN,risk=2,sl=1,tp=2", {"lots": 2, "sl_percent": 1}, settings=PERCENT),
        Read("60123456789,bear,SBIN,risk=500,sl=5,tp=9", {"risk_amount": 500}, side="SELL", settings=POINTS),
        Read("60123456789,buy,SBIN,risk=5,sl=490,tp=520", {"quantity": 5, "sl_price": 490}, settings=PRICE),
        Read("60123456789,buy,SBIN,quantity=5,sl=1%,tp=20pts", {"sl_percent": 1, "target_points": 20}),
        Read("60123456789,buy,SBIN,vol_dollar=500,sl_price=490,tp_price=520", {"risk_amount": 500}),
        Read(
            "60123456789,buylimit,SBIN,quantity=5,entry_price=495,sl=1%,tp=2%",
            {"pricetype": "LIMIT", "entry_price": 495},
        ),
        Read(
            "60123456789,sellstop,SBIN,risk=5,price=495,sl=500,tp=480",
            {"pricetype": "SL-M", "trigger_price": 495},
            side="SELL",
            settings=PRICE,
        ),
        Read("60123456789,closelong,SBIN", act=Act.EXIT, side="BUY"),
        Read("60123456789,closeshort,SBIN", act=Act.EXIT, side="SELL"),
        Read("60123456789,closelongshort,SBIN", act=Act.EXIT, side=None),
        Read("60123456789,cancellong,SBIN", act=Act.CANCEL, side="BUY"),
        Read("60123456789,closeshortbuy,SBIN,vol_lots=1,sl=1%,tp=2%", {"on_opposite": "close_first"}),
        Read("60123456789,closelongsell,SBIN,vol_lots=1", {"on_opposite": "close_first"}, side="SELL"),
        Read('60123456789,buy,SBIN,vol_lots=1,comment="first one"', {"strategy": "first one"}),
        Read("60123456789,buy,SBIN,vol_lots=1,exchange=NSE,product=MIS", {"exchange": "NSE"}),
        Read("60123456789,buy,SBIN,vol_lots=1,timenow=2026-11-23T04:00:00Z", fired="2026-11-23T04:00:00Z"),
    ],
)
def test_pineconnector_is_understood(case: Read) -> None:
    assert_read(case, "pineconnector")


@pytest.mark.parametrize(
    "case",
    [
        Refused("60123456789,buy", "symbol", "a symbol must follow"),
        Refused("60123456789,buy,", "symbol", "a symbol must follow"),
        Refused("60123456789,buy,risk=1", "symbol", "a symbol must follow"),
        Refused("6,buy,SBIN", "license", "must begin with the license"),
        Refused("60123456789,buy,SBIN,risk=1", "risk", "does not say what it counts"),
        Refused("60123456789,buy,SBIN,vol_lots=1,sl=50", "sl", "sl=1%"),
        Refused("60123456789,buy,SBIN,vol_lots=1,tp=50", "tp", "or set the webhook's price unit"),
        Refused("60123456789,buy,SBIN,vol_lots=1,sl_pips=50", "sl_pips", "send sl_points"),
        Refused("60123456789,buy,SBIN,vol_lots=one", "vol_lots", "must be a number"),
        Refused("60123456789,buy,SBIN,vol_lots=0", "vol_lots", "must be greater than 0"),
        Refused("60123456789,buy,SBIN,vol_lots=-1", "vol_lots", "must be greater than 0"),
        Refused("60123456789,buy,SBIN,vol_lots", "message", "is not name=value"),
        Refused("60123456789,buy,SBIN,vol_lots=1,vol_lots=2", "vol_lots", "there twice"),
        Refused("60123456789,buy,SBIN,vol_lots=1,spread=2", "spread", "remove it"),
        Refused("60123456789,buy,SBIN,vol_lots=1,betrigger=2", "betrigger", "remove it"),
        Refused("60123456789,buy,SBIN,sell", "message", "is not name=value"),
        Refused("60123456789,buy,SBIN,sl_pct=1,sl_price=490", "sl_percent", "exclude each other"),
        Refused("60123456789,buy,SBIN,sl_percent=1,sl_pct=9", "sl_percent", "own words for it"),
        Refused("60123456789,buy,SBIN,lots=2,vol_lots=1", "lots", "own words for it"),
        Refused("60123456789,buy,SBIN,target_price=600,tp_price=700", "target_price", "own words for it"),
        Refused(
            "60123456789,buylimit,SBIN,entry_price=100,price=900", "entry_price", "own words", settings=PRICE
        ),
        Refused("60123456789,buy,SBIN,vol_lots=1,risk=5", "risk", "same thing twice", settings=PERCENT),
        Refused("60123456789,buylimit,SBIN,vol_lots=1,price=5", "price", "may be a price or a distance"),
        Refused("60123456789,buy,SBIN,vol_lots=1,price=5", "price", "of a pending order"),
        Refused("60123456789,newsltplong,SBIN,sl=5", "command", "modifybracketorder"),
        Refused("60123456789,closelongpct,SBIN,vol_lots=1", "command", "takes a part off"),
        Refused("60123456789,eaoff,eaoff", "command", "webhook pause"),
        Refused("60123456789,closelongbuy,SBIN,vol_lots=1", "command", "send closelong or buy"),
    ],
)
def test_pineconnector_is_refused(case: Refused) -> None:
    assert_refused(case)


@pytest.mark.parametrize(
    "case",
    [
        Read("long SBIN q=10 sl=1% tp=2%", {"symbol": "SBIN", "quantity": 10, "pricetype": "MARKET"}),
        Read("mypassword1\nshort SBIN q=10 sl=5pts tp=9pts", {"sl_points": 5}, side="SELL"),
        Read("buy SBIN q=2lots sl=500rs tp=2r", {"lots": 2, "sl_amount": 500, "target_r": 2}),
        Read("buy SBIN q=2 qt=lots sl=1% tp=2%", {"lots": 2}),
        Read("buy SBIN q=50000 qt=value sl=1% tp=2%", {"order_value": 50000}),
        Read("buy SBIN q=500 qt=risk sl=1% tp=2%", {"risk_amount": 500}),
        Read("buy SBIN q=10 slp=490 tpp=520", {"sl_price": 490, "target_price": 520}),
        Read("buy SBIN q=10 sl=@490 tp=@520", {"sl_price": 490, "target_price": 520}),
        Read("buy SBIN q=10 sl=5 tp=9", {"sl_points": 5, "target_points": 9}, settings=POINTS),
        Read("action=buy; symbol=SBIN; q=10; sl=1%; tp=2%", {"symbol": "SBIN"}),
        Read("side = sell , ticker = SBIN , qty = 10", {"quantity": 10}, side="SELL"),
        Read("buy SBIN q=10 entry=499.5 sl=1% tp=2%", {"entry_price": "499.5", "pricetype": None}),
        Read('buy SBIN q=10 strategy="my first, my last"', {"strategy": "my first, my last"}),
        Read("buy SBIN q=10 exchange=NSE product=MIS exit_at=15:10", {"exchange": "NSE", "exit_at": "15:10"}),
        Read("close SBIN", {"symbol": "SBIN"}, act=Act.EXIT, side=None),
        Read("closelong symbol=SBIN exchange=NSE", act=Act.EXIT, side="BUY"),
        Read("cancel SBIN exchange=NSE", act=Act.CANCEL, side=None),
        Read("buy SBIN q=1 timenow=2026-11-23T04:00:00Z", fired="2026-11-23T04:00:00Z"),
    ],
)
def test_words_with_name_and_value_are_understood(case: Read) -> None:
    assert_read(case, "key=value")


@pytest.mark.parametrize(
    "case",
    [
        Refused("", "message", "neither a JSON object"),
        Refused("hello there", "message", "neither a JSON object"),
        Refused("SBIN q=10", "message", "no side (buy, sell, exit) is there"),
        Refused("q=10 symbol=SBIN", "action", "action is missing"),
        Refused("buy sell SBIN q=10", "action", "twice"),
        Refused("buy SBIN action=sell q=10", "action", "twice"),
        Refused("buy SBIN INFY q=10", "message", "INFY is not name=value"),
        Refused("one two buy SBIN", "message", "only one password"),
        Refused("short buy SBIN", "action", "twice"),
        Refused("buy SBIN q=10 sl=50", "sl", "does not say what it counts: write sl=1%"),
        Refused("buy SBIN q=10 sl=-5pts", "sl", "must be greater than 0"),
        Refused("buy SBIN q=10 sl=2r", "sl", "no multiple of itself"),
        Refused("buy SBIN q=10 sl=5bananas", "sl", "has no known unit"),
        Refused("buy SBIN q=10 sl=@490%", "sl", "both a price and a distance"),
        Refused("buy SBIN q=10 tp=abc", "tp", "must be a number"),
        Refused("buy SBIN q=10 tp=1.2.3%", "tp", "must be a number"),
        Refused("buy SBIN q=ten", "q", "must be a number"),
        Refused("buy SBIN q=0", "q", "must be greater than 0"),
        Refused("buy SBIN q=10 q=20", "q", "there twice"),
        Refused("buy SBIN q=10 qt=percent", "qt", "qt=percent is not known"),
        Refused("buy SBIN qt=lots", "q", "send q too"),
        Refused("buy SBIN q=2lots qt=value", "qt", "differ"),
        Refused("buy SBIN q=10 leverage=5", "leverage", "remove it"),
        Refused("buy SBIN q=10 sl=", "message", "is not name=value"),
        Refused("buy SBIN q=10 sl=1% slp=490", "sl_price", "exclude each other"),
        Refused("buy SBIN q=10 quantity=5", "quantity", "exclude each other"),
        Refused("hold SBIN q=10", "message", "no side (buy, sell, exit) is there"),
    ],
)
def test_words_with_name_and_value_are_refused(case: Refused) -> None:
    assert_refused(case)
