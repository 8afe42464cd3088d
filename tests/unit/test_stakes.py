"""What a plan puts at stake: counted from the price it is previewed against."""

from decimal import Decimal

from services.bracket.model import (
    EntryTerms,
    OrderType,
    Plan,
    PriceMode,
    PriceSpec,
    Quote,
    Side,
    TargetTerms,
)
from services.bracket.preview import preview
from services.bracket.stakes import Stakes, stakes
from tests.builders import NINE_THIRTY, a_plan


def at(price: str) -> PriceSpec:
    return PriceSpec(mode=PriceMode.ABSOLUTE, value=Decimal(price))


def limit(price: str) -> EntryTerms:
    return EntryTerms(order_type=OrderType.LIMIT, price=Decimal(price))


def of(plan: Plan, quote: Quote | None = None) -> Stakes | None:
    return stakes(plan, preview(plan, quote))


def test_risk_and_reward_are_those_of_the_whole_quantity() -> None:
    targets = (TargetTerms(price=at("110"), quantity=60), TargetTerms(price=at("120"), quantity=40))
    plan = a_plan(quantity=100, entry=limit("100"), stop=at("95"), targets=targets)

    put = of(plan)

    assert put == Stakes(
        value=Decimal("10000.00"),
        risk=Decimal("500.00"),
        reward=Decimal("1400.00"),
        ratio=Decimal("2.80"),
    )


def test_a_short_risks_what_lies_above_it() -> None:
    targets = (TargetTerms(price=at("90"), quantity=10),)
    plan = a_plan(side=Side.SELL, quantity=10, entry=limit("100"), stop=at("104"), targets=targets)

    put = of(plan)

    assert put is not None
    assert (put.risk, put.reward, put.ratio) == (Decimal("40.00"), Decimal("100.00"), Decimal("2.50"))


def test_a_market_entry_is_counted_from_the_last_price_and_from_nothing_without_one() -> None:
    targets = (TargetTerms(price=at("110"), quantity=10),)
    entry = EntryTerms(order_type=OrderType.MARKET)
    plan = a_plan(quantity=10, entry=entry, stop=at("95"), targets=targets)

    put = of(plan, Quote(last=Decimal("101"), at=NINE_THIRTY))

    assert put is not None
    assert (put.risk, put.reward) == (Decimal("60.00"), Decimal("90.00"))
    assert of(plan) is None


def test_a_stop_beyond_the_entry_has_no_ratio() -> None:
    targets = (TargetTerms(price=at("110"), quantity=10),)
    plan = a_plan(quantity=10, entry=limit("100"), stop=at("101"), targets=targets)

    put = of(plan)

    assert put is not None
    assert put.ratio is None
