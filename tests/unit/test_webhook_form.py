"""A webhook's form: what it says becomes limits and settings, and is said again just so."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.webhook_settings import OnExit, PriceUnit, RiskUnit, WebhookLimits, WebhookSettings
from services.bracket.opposite import OnOpposite
from services.errors import BracketDenied
from services.webhook_form import WebhookForm, form_of, read_form
from utils.constants import VALID_PRODUCT_TYPES

SYMBOLS = st.sampled_from(["NSE:SBIN", "NFO:NIFTY1!", "NSE:M&M", "MCX:GOLD"])
ADDRESSES = st.sampled_from(["10.0.0.0/8", "52.89.214.238/32", "::1/128"])

LIMITS = st.builds(
    WebhookLimits,
    max_quantity=st.none() | st.integers(1, 10**9 - 1),
    max_open_brackets=st.none() | st.integers(1, 1000),
    symbols=st.frozensets(SYMBOLS),
    max_value=st.none() | st.decimals("0.01", "1000000", places=2),
    products=st.frozensets(st.sampled_from(sorted(VALID_PRODUCT_TYPES))),
    hours=st.none() | st.just("09:20-15:00"),
    addresses=st.frozensets(ADDRESSES),
)
SETTINGS = st.builds(
    WebhookSettings,
    defaults=st.dictionaries(st.sampled_from(["sl_percent", "exchange", "product"]), st.just("1")),
    symbol_map=st.dictionaries(st.sampled_from(["BANKNIFTY", "NIFTY"]), SYMBOLS),
    on_exit=st.sampled_from(OnExit),
    on_opposite=st.sampled_from([one.value for one in OnOpposite]),
    price_unit=st.none() | st.sampled_from(PriceUnit),
    risk_unit=st.none() | st.sampled_from(RiskUnit),
    allow_delayed=st.booleans(),
)


@given(LIMITS, SETTINGS)
def test_what_is_set_is_shown_and_saving_it_unchanged_changes_nothing(
    limits: WebhookLimits, settings: WebhookSettings
) -> None:
    assert read_form(form_of(limits, settings)) == (limits, settings)


def test_an_empty_form_sets_no_limit() -> None:
    assert read_form(WebhookForm()) == (WebhookLimits(), WebhookSettings())


def test_texts_are_read_as_people_write_them() -> None:
    form = WebhookForm(
        max_value=" 50000.50 ", symbols=(" nse:sbin ", ""), products=("mis",), addresses=("tradingview",)
    )

    limits, _ = read_form(form)

    assert (limits.max_value, limits.symbols) == (Decimal("50000.50"), frozenset({"NSE:SBIN"}))
    assert (limits.products, len(limits.addresses)) == (frozenset({"MIS"}), 4)


def test_all_faults_are_told_at_once_each_with_its_field() -> None:
    with pytest.raises(BracketDenied) as denied:
        read_form(WebhookForm(max_quantity="0", hours="9-15", on_exit="dance", defaults=("action=BUY",)))

    assert {one.field for one in denied.value.violations} == {"max_quantity", "hours", "on_exit", "defaults"}
