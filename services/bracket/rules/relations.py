"""Prices beside each other and beside the market: the right side, a believable distance, not through."""

from collections.abc import Iterator
from decimal import Decimal

from services.bracket import terms
from services.bracket.model import OrderType, PriceMode, PriceSpec, Purpose, Quote, Side
from services.bracket.prices import HUNDRED, resolve
from services.bracket.rules.amounts import SPELLED, target_field
from services.bracket.rules.facts import Facts
from services.bracket.violations import Code, Violation

# Share of the entry price, in per cent, that a stop may be away without `confirm_prices`.
_BELIEVABLE = (Decimal("0.05"), Decimal(25))
_BELIEVABLE_OPTION = (Decimal(1), Decimal(95))

_HUNDREDTH = Decimal("0.01")


def check_relations(facts: Facts) -> Iterator[Violation]:
    """Yield every price on the wrong side of the entry or of the market, and unbelievable distances."""
    if facts.side is None:
        return
    yield from _trigger(facts, facts.side)
    yield from _trigger_through_market(facts, facts.side)
    through = list(_stop_through_market(facts, facts.side))
    yield from through or _stop(facts, facts.side)
    for label, target in facts.targets:
        yield from _target(facts, facts.target_spec(target), label=label)
    yield from _trail(facts, facts.side)
    yield from _believable(facts, facts.side)


def _relationship(field: str, sentence: str) -> Violation:
    return Violation(field=field, code=Code.PRICE_RELATIONSHIP, sentence=sentence)


def _trigger(facts: Facts, side: Side) -> Iterator[Violation]:
    trigger, price = facts.request.trigger_price, facts.request.entry_price
    if facts.order_type is not OrderType.SL or trigger is None or price is None or trigger <= 0:
        return
    if (trigger - price) * side.sign > 0:
        comparison = "less" if side is Side.BUY else "greater"
        yield _relationship(
            "trigger_price",
            f"For {side} SL orders, trigger price must be {comparison} than or equal to entry price",
        )


def _trigger_through_market(facts: Facts, side: Side) -> Iterator[Violation]:
    trigger = facts.request.trigger_price
    is_stop_entry = facts.order_type in (OrderType.SL, OrderType.SL_M)
    if facts.quote is None or trigger is None or trigger <= 0 or not is_stop_entry:
        return
    if (trigger - facts.quote.last) * side.sign <= 0:
        yield Violation(
            field="trigger_price",
            code=Code.WOULD_TRIGGER_NOW,
            sentence=f"trigger_price {trigger} would trigger now: the last price is {facts.quote.last}",
        )


def _stop_through_market(facts: Facts, side: Side) -> Iterator[Violation]:
    """A stop the market has already passed, on an entry that would fill at once."""
    stop, quote = facts.request.sl_price, facts.quote
    if stop is None or stop <= 0 or quote is None or not _fills_at_once(facts, quote, side=side):
        return
    if (quote.last - stop) * side.sign <= 0:
        yield Violation(
            field="sl_price",
            code=Code.WOULD_TRIGGER_NOW,
            sentence=f"sl_price {stop} would trigger now: the last price is {quote.last}",
        )


def _fills_at_once(facts: Facts, quote: Quote, *, side: Side) -> bool:
    if facts.order_type is OrderType.MARKET:
        return True
    price = facts.request.entry_price
    if facts.order_type is not OrderType.LIMIT or price is None:
        return False
    # A limit on the wrong side of its own stop is told as such, whatever the market does.
    stop = facts.request.sl_price
    if stop is not None and (price - stop) * side.sign <= 0:
        return False
    return (price - quote.last) * side.sign >= 0


def _stop(facts: Facts, side: Side) -> Iterator[Violation]:
    spec, reference = facts.stop, _stop_reference(facts)
    if spec is None or reference is None:
        return
    stop = resolve(spec, reference=reference, side=side, role=Purpose.STOP)
    if stop <= 0:
        field = f"sl_{SPELLED[spec.mode]}"
        yield _relationship(field, f"{field} {spec.value} puts the stop at {stop}: it must be greater than 0")
    elif (reference - stop) * side.sign <= 0:
        comparison = "less" if side is Side.BUY else "greater"
        yield _relationship("sl_price", f"For {side} orders, SL price must be {comparison} than entry price")


def _stop_reference(facts: Facts) -> Decimal | None:
    # A stop entry can fill as early as its trigger, so its stop must lie beyond that.
    trigger = terms.positive(facts.request.trigger_price)
    return trigger if facts.order_type is OrderType.SL and trigger is not None else facts.reference


def _target(facts: Facts, spec: PriceSpec | None, *, label: str) -> Iterator[Violation]:
    side, reference, target = facts.side, facts.reference, facts.resolved(spec, Purpose.TARGET)
    if spec is None or side is None or reference is None or target is None:
        return
    field = target_field(label, spec)
    if target <= 0:
        yield _relationship(
            field, f"{field} {spec.value} puts the target at {target}: it must be greater than 0"
        )
    elif (target - reference) * side.sign <= 0:
        comparison = "greater" if side is Side.BUY else "less"
        sentence = f"For {side} orders, target price must be {comparison} than entry price"
        which = "" if label == "target" else f" ({field} {spec.value}, entry {reference})"
        yield _relationship(field, sentence + which)


def _trail(facts: Facts, side: Side) -> Iterator[Violation]:
    trail, reference = facts.request.trailing_sl, facts.reference
    if trail is None or reference is None:
        return
    above = "above" if side is Side.BUY else "below"
    for name, price in (("activate_at", trail.activate_at), ("breakeven_at", trail.breakeven_at)):
        if price is not None and price > 0 and (price - reference) * side.sign <= 0:
            field = f"trailing_sl.{name}"
            yield _relationship(field, f"{field} {price} must be {above} entry {reference} for {side}")


def _believable(facts: Facts, side: Side) -> Iterator[Violation]:
    spec, reference = facts.stop, facts.reference
    if facts.request.confirm_prices or spec is None or reference is None:
        return
    stop = resolve(spec, reference=reference, side=side, role=Purpose.STOP)
    distance = (reference - stop) * side.sign / reference * HUNDRED
    least, most = _BELIEVABLE_OPTION if facts.is_option else _BELIEVABLE
    if distance <= 0 or stop <= 0 or least <= distance <= most:
        return
    field = f"sl_{SPELLED[spec.mode]}"
    sentence = (
        f"{field} {spec.value} puts the stop {distance.quantize(_HUNDREDTH)} % from the entry {reference},"
        f" outside {least} to {most} %: {_readings(spec, reference=reference, side=side)};"
        " send the one you mean, or confirm_prices true"
    )
    yield Violation(field=field, code=Code.PRICE_INSANE, sentence=sentence)


def _readings(spec: PriceSpec, *, reference: Decimal, side: Side) -> str:
    """Say where the stop would be if the number were a price, and if it were points."""
    texts: list[str] = []
    for mode in (
        spec.mode,
        *(other for other in (PriceMode.ABSOLUTE, PriceMode.POINTS) if other != spec.mode),
    ):
        stop = resolve(
            PriceSpec(mode=mode, value=spec.value), reference=reference, side=side, role=Purpose.STOP
        )
        texts.append(f"as sl_{SPELLED[mode]} the stop is {stop}")
    return ", ".join(texts)
