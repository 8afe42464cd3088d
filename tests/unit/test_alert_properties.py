"""Whatever is sent: a signal or a refusal, never an accident, and never the other side."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from database.webhook_settings import PriceUnit, RiskUnit, WebhookSettings
from restx_api.alerts import read_alert, read_sent
from restx_api.errors import RequestInvalid
from services.alerts.recogniser import read_message
from services.alerts.signal import Act, AlertRefused
from services.alerts.words import ACTIONS, LONG, SHORT, opposite

pytestmark = pytest.mark.no_cover  # the same code is measured elsewhere, and measuring trebles the time

NAMES = (
    *("symbol", "ticker", "tv_instrument", "exchange", "tv_exchange", "action", "data", "sentiment"),
    *("quantity", "quantityType", "position_size", "market_position", "market_position_size", "lots"),
    *("strategy_info", "order", "takeProfit", "stopLoss", "sl", "tp", "dollar_sl", "price", "stoploss"),
    *("target", "trailing_sl", "targets", "timenow", "signal_id", "max_lag", "bot_uuid", "order_type"),
    *("orderType", "multiple_accounts", "apikey", "token", "update_sl", "sl_price", "dry_run", "pricetype"),
)
PARTS = ["type", "percent", "amount", "stopPrice", "market_position", "points"]
WORDS = (
    *ACTIONS,
    *("flat", "10", "-10", "0", "1e400", "NaN", "SBIN", "NSE:SBIN", "NSE_DL", "{{close}}", "1%", ""),
)
scalars = st.one_of(
    st.sampled_from(WORDS), st.integers(), st.booleans(), st.none(), st.text(max_size=8), st.floats()
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(PARTS),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=4,
)
bodies = st.dictionaries(st.sampled_from(NAMES), values, max_size=9)
tokens = st.one_of(
    st.sampled_from(
        [*ACTIONS, "SBIN", "60123456789", "q=10", "sl=1%", "sl=5", "tp=@520", "risk=1", "x", ","]
    ),
    st.text(max_size=6),
)
lines = st.one_of(
    st.lists(tokens, max_size=6).map(" ".join),
    st.lists(tokens, max_size=6).map(",".join),
    st.text(max_size=40),
)
webhooks = st.builds(
    WebhookSettings,
    price_unit=st.sampled_from([None, *PriceUnit]),
    risk_unit=st.sampled_from([None, *RiskUnit]),
)


def outcome(sent: bytes, webhook: WebhookSettings) -> Any:
    try:
        return read_alert(read_sent(sent).message, sender_id="x", settings=webhook)
    except RequestInvalid as refused:
        return refused


@given(body=bodies, webhook=webhooks)
@example(body={"symbol": "SBIN", "action": "buy", "market_position": "flat"}, webhook=WebhookSettings())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_object_is_a_signal_or_a_refusal(body: dict[str, object], webhook: WebhookSettings) -> None:
    check(outcome(json.dumps(body).encode(), webhook))


@given(line=lines, webhook=webhooks)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_line_is_a_signal_or_a_refusal(line: str, webhook: WebhookSettings) -> None:
    check(outcome(line.encode("utf-8", "replace"), webhook))


@given(sent=st.binary(max_size=60))
def test_any_bytes_are_a_signal_or_a_refusal(sent: bytes) -> None:
    check(outcome(sent, WebhookSettings()))


def check(found: Any) -> None:
    if isinstance(found, RequestInvalid):
        assert str(found)
        return
    if found.signal.act is Act.ENTER:
        assert found.signal.side in (LONG, SHORT)
        assert found.body["action"] == found.signal.side


SIDED = [word for word, (act, _) in ACTIONS.items() if act is Act.ENTER]


@given(word=st.sampled_from(SIDED), other=st.sampled_from(SIDED), shape=st.sampled_from(range(6)))
def test_a_side_is_what_its_word_says_in_every_dialect(word: str, other: str, shape: int) -> None:
    sides = []
    for said in (word, other):
        try:
            sides.append(read_message(message(said, shape), WebhookSettings()).side)
        except AlertRefused:
            return  # a word this dialect does not have
    assert sides[0] == ACTIONS[word][1]
    is_same = ACTIONS[word][1] == ACTIONS[other][1]
    assert sides[1] == (sides[0] if is_same else opposite(sides[0]))


def message(said: str, shape: int) -> Any:
    return (
        {"symbol": "SBIN", "action": said},
        {"symbol": "SBIN", "action": said, "position_size": "", "price": 0},
        {"ticker": "SBIN", "action": said},
        {"symbol": "SBIN", "data": said},
        {"tv_instrument": "SBIN", "action": said},
        f"60123456789,{said},SBIN",
    )[shape]
