"""Prices by themselves: said once, greater than zero, on the tick."""

from collections.abc import Iterator
from decimal import Decimal

from services.bracket import terms
from services.bracket.model import OrderType, PriceMode, PriceSpec
from services.bracket.prices import is_on_tick, neighbours
from services.bracket.request import TrailRequest, is_sane
from services.bracket.rules.facts import Facts
from services.bracket.violations import Code, Violation, invalid

SPELLED = {PriceMode.ABSOLUTE: "price", PriceMode.POINTS: "points", PriceMode.PERCENT: "percent"}

# OpenAlgo's sentences, kept word for word: scripts look for them.
_POSITIVE = {
    "entry_price": "Entry price must be greater than 0",
    "sl_price": "SL price must be greater than 0",
    "target_price": "Target price must be greater than 0",
}


def check_amounts(facts: Facts) -> Iterator[Violation]:
    """Yield every price that is said twice, not positive, not a number or off the tick."""
    yield from _said_once(facts)
    yield from _positive(facts)
    yield from _on_tick(facts)
    yield from check_trail(facts.request.trailing_sl)
    yield from _slippage(facts)


def target_field(label: str, spec: PriceSpec) -> str:
    """Return the request's own name of a target's price: target_price, or targets[1].points."""
    joint = "_" if label == "target" else "."
    return f"{label}{joint}{SPELLED[spec.mode]}"


def _said_once(facts: Facts) -> Iterator[Violation]:
    request = facts.request
    yield from _exclusive("sl_", terms.stop_specs(request))
    for label, target in facts.targets:
        given = terms.target_specs(target)
        yield from _exclusive("target_" if label == "target" else f"{label}.", given)
        if not given:
            yield invalid(label, f"{label} must have a price, points or percent")
    if request.targets is not None and terms.single_target(request) is not None:
        yield invalid("targets", "targets and target_price exclude each other: send one")


def _exclusive(prefix: str, given: tuple[PriceSpec, ...]) -> Iterator[Violation]:
    if len(given) > 1:
        names = [f"{prefix}{SPELLED[spec.mode]}" for spec in given]
        yield invalid(names[0], f"{' and '.join(names)} exclude each other: send one")


def _prices(facts: Facts) -> Iterator[tuple[str, Decimal]]:
    request = facts.request
    if request.entry_price is not None and facts.order_type not in (OrderType.MARKET, OrderType.SL_M):
        yield "entry_price", request.entry_price
    if request.trigger_price is not None and facts.order_type in (OrderType.SL, OrderType.SL_M):
        yield "trigger_price", request.trigger_price
    if request.sl_price is not None:
        yield "sl_price", request.sl_price
    for label, target in facts.targets:
        if target.price is not None:
            yield f"{label}{'_' if label == 'target' else '.'}price", target.price


def _distances(facts: Facts) -> Iterator[tuple[str, Decimal]]:
    request = facts.request
    given = {
        "sl_points": request.sl_points,
        "sl_percent": request.sl_percent,
        "sl_limit_offset": request.sl_limit_offset,
    }
    yield from ((name, value) for name, value in given.items() if value is not None)
    for label, target in facts.targets:
        for spec in terms.target_specs(target):
            if spec.mode is not PriceMode.ABSOLUTE:
                yield target_field(label, spec), spec.value


def _positive(facts: Facts) -> Iterator[Violation]:
    for field, value in (*_prices(facts), *_distances(facts)):
        if not is_sane(value):
            yield invalid(field, "Invalid price values")
        elif value <= 0:
            yield invalid(field, _POSITIVE.get(field, f"{field} {value} must be greater than 0"))


def _on_tick(facts: Facts) -> Iterator[Violation]:
    if facts.instrument is None:
        return
    tick = facts.instrument.tick_size
    for field, price in _prices(facts):
        if price > 0 and is_sane(price) and not is_on_tick(price, tick):
            lower, upper = neighbours(price, tick)
            near = f"{lower} or {upper}" if lower > 0 else f"{upper}"
            sentence = f"{field} {price} is not a multiple of the tick {tick}: send {near}"
            yield Violation(field=field, code=Code.PRICE_OFF_TICK, sentence=sentence)


def check_trail(trail: TrailRequest | None) -> Iterator[Violation]:
    """Yield what is wrong with how the stop shall follow, by itself."""
    if trail is None:
        return
    distances = terms.specs(price=None, points=trail.points, percent=trail.percent)
    yield from _exclusive("trailing_sl.", distances)
    # Break-even alone moves the stop once and needs no distance; following does.
    if not distances and (trail.breakeven_at is None or trail.activate_at is not None):
        yield invalid("trailing_sl", "trailing_sl must have points or percent")
    amounts = {
        "points": trail.points,
        "percent": trail.percent,
        "activate_at": trail.activate_at,
        "breakeven_at": trail.breakeven_at,
    }
    for name, value in amounts.items():
        if value is not None and value <= 0:
            yield invalid(f"trailing_sl.{name}", f"trailing_sl.{name} {value} must be greater than 0")


def _slippage(facts: Facts) -> Iterator[Violation]:
    slippage = facts.request.max_slippage
    if slippage is None:
        return
    given = terms.specs(price=None, points=slippage.points, percent=slippage.percent)
    yield from _exclusive("max_slippage.", given)
    if not given:
        yield invalid("max_slippage", "max_slippage must have points or percent")
    elif facts.order_type is OrderType.MARKET and not _has_slippage_reference(facts):
        sentence = "max_slippage of a MARKET order needs entry_price to count from: there is no quote"
        yield invalid("max_slippage", sentence)
    for spec in given:
        if spec.value <= 0:
            field = f"max_slippage.{SPELLED[spec.mode]}"
            yield invalid(field, f"{field} {spec.value} must be greater than 0")


def _has_slippage_reference(facts: Facts) -> bool:
    return terms.slippage_reference(facts.request, facts.quote) is not None
