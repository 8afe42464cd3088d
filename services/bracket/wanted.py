"""What the one exit of a slice should say now. Pure and without memory: asked afresh at every look."""

from dataclasses import dataclass, replace
from decimal import Decimal

from services.bracket import prices
from services.bracket.model import (
    Bracket,
    ExitReason,
    Leg,
    LegKind,
    LegStatus,
    OrderType,
    PriceMode,
    Purpose,
    RefusalKind,
    Role,
    Side,
    Slice,
    Terms,
    Topology,
)
from services.bracket.prices import Rounding
from services.bracket.quantities import average_entry_price, legs_of, net_of, orderable_total
from services.bracket.step import Step
from services.bracket.terms import holding_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The terms an exit should have, and why, in words for people."""

    kind: LegKind
    purpose: Purpose
    terms: Terms
    why: str
    rung: int = 0


def reference_price(bracket: Bracket) -> Decimal | None:
    """Return what points and per cent count from: the average fill, else the entry's own limit.

    A fill whose price the broker has not told yet (0 or null) must not make a stop of nothing; a LIMIT
    entry's price is the worst it can be. None: wait for the trades.
    """
    return average_entry_price(bracket) or bracket.plan.entry.price


def with_exits(step: Step, entry: Terms) -> Terms:
    """Return the terms of a native entry: with the exits that the broker brings, as far as prices tell.

    A MARKET entry's count from the price it is expected to fill at; the average fill moves them.
    """
    bracket = step.bracket
    if reference_price(bracket) is None and bracket.plan.entry.expected_price is not None:
        expected = replace(bracket.plan.entry, price=bracket.plan.entry.expected_price)
        bracket = replace(bracket, plan=replace(bracket.plan, entry=expected))
    level, target = stop_level(bracket), target_level(bracket, bracket.slices[0])
    if level is None or target is None:
        return entry
    limit = stop_child_price(step, bracket.slices[0], level)
    return replace(entry, stop_trigger=level, stop_limit=limit, target_price=target)


def stop_level(bracket: Bracket) -> Decimal | None:
    """Return the stop's trigger in rupees, on tick: the plan's, or where trailing has moved it."""
    reference = reference_price(bracket)
    if reference is None:
        if bracket.stop.mode is not PriceMode.ABSOLUTE:
            return None
        reference = bracket.stop.value
    plan = bracket.plan
    level = prices.stop_price(bracket.stop, reference=reference, side=plan.side, instrument=plan.instrument)
    if bracket.trail_stop is None:
        return level
    return max(level, bracket.trail_stop) if plan.side is Side.BUY else min(level, bracket.trail_stop)


def target_level(bracket: Bracket, part: Slice) -> Decimal | None:
    """Return the slice's target in rupees, on tick; None while it cannot be known."""
    reference = reference_price(bracket)
    if reference is None:
        if part.target.mode is not PriceMode.ABSOLUTE:
            return None
        reference = part.target.value
    plan = bracket.plan
    return prices.target_price(part.target, reference=reference, side=plan.side, instrument=plan.instrument)


def is_through_stop(step: Step) -> bool:
    """Whether the market is at or past the stop, by its last price and by what an exit would get.

    Both have to agree, so that one stray print closes nothing.
    """
    level, quote, best = stop_level(step.bracket), step.seen.quote, step.exit_price()
    if level is None or quote is None or best is None:
        return False
    sign = step.side.sign
    return (quote.last - level) * sign <= 0 and (best - level) * sign <= 0


def wanted_exit(step: Step, part: Slice, leg: Leg | None) -> Wanted | None:
    """Return the exit the slice should have, given the live one (None when there is none).

    None means no exit: nothing is held, less than a lot is, or its price cannot be known yet.
    """
    if net_of(step.bracket, part) <= 0 or orderable_total(step.bracket, part) <= 0:
        return None
    if wants_out(step, part, leg):
        return marketable(step, quantity=orderable_total(step.bracket, part), side=step.exit_side, leg=leg)
    level = stop_level(step.bracket)
    if level is None:
        return None
    if leg is not None and leg.kind is LegKind.ORDER and leg.triggered:
        return _as_it_is(leg, part, step)
    if leg is not None and leg.kind is LegKind.ORDER and wants_target(step, part, leg):
        return _at_target(step, part)
    if _holds_by_oco(step, part, leg):
        return _oco(step, part, level)
    if leg is None and not can_morph(step.bracket) and _is_beyond_target(step, part):
        return _at_target(step, part)
    return _resting_stop(step, part, level)


def wants_out(step: Step, part: Slice, leg: Leg | None) -> bool:
    """Whether the slice has to leave at the market."""
    reason = step.bracket.exit_reason
    if reason is None:
        return False
    if reason is not ExitReason.STOP_HIT or leg is None:
        return True
    if leg.purpose is Purpose.MARKETABLE:
        return True
    if leg.triggered_at is not None:  # fired, but its limit does not fill
        return step.age(leg.triggered_at) >= step.timing.rung
    passed = step.bracket.stop_passed_at  # not fired although the market is through it
    return passed is not None and step.age(passed) >= step.timing.missed_trigger


def wants_target(step: Step, part: Slice, leg: Leg) -> bool:
    """Whether the slice's order should be, or stay, a limit at the target."""
    target, best = target_level(step.bracket, part), step.exit_price()
    if target is None or best is None or step.seen.quote is None:
        return False
    tick, sign = step.bracket.plan.instrument.tick_size, step.side.sign
    beyond = (best - target) * sign
    if leg.purpose is Purpose.TARGET:
        is_patient = leg.purpose_since is None or step.age(leg.purpose_since) < step.timing.morph
        return beyond >= 0 or (is_patient and beyond >= -step.timing.hysteresis_ticks * tick)
    has_depth = (step.seen.quote.bid if step.exit_side is Side.SELL else step.seen.quote.ask) is not None
    reached = beyond >= 0 if has_depth else beyond >= 2 * tick  # two ticks through, without a bid to show it
    return reached and _may_morph(step, leg)


def _is_beyond_target(step: Step, part: Slice) -> bool:
    target, best = target_level(step.bracket, part), step.exit_price()
    return target is not None and best is not None and (best - target) * step.side.sign >= 0


def can_morph(bracket: Bracket) -> bool:
    """Whether the broker turns a stop into a limit, and back, by changing that same order."""
    return bracket.plan.capabilities.sl_to_limit and bracket.plan.capabilities.limit_to_sl


def _may_morph(step: Step, leg: Leg) -> bool:
    capabilities = step.bracket.plan.capabilities
    if not can_morph(step.bracket):
        return True  # by another order: it has no changes to run out of, and waits for the cancel
    if leg.morphs >= step.timing.morphs:
        return False
    if leg.modifications >= capabilities.modifications_per_order - step.timing.reserved_modifications:
        return False
    if leg.morphs == 0 or leg.purpose_since is None:
        return True
    return step.age(leg.purpose_since) >= step.timing.morph_pause


def _as_it_is(leg: Leg, part: Slice, step: Step) -> Wanted:
    """A stop that has fired keeps its terms but for the quantity, until the ladder takes over."""
    terms = _with_quantity(leg.terms, orderable_total(step.bracket, part))
    return Wanted(kind=leg.kind, purpose=leg.purpose, terms=terms, why="the stop has triggered")


def _with_quantity(terms: Terms, quantity: int) -> Terms:
    return Terms(
        order_type=terms.order_type,
        quantity=quantity,
        price=terms.price,
        trigger_price=terms.trigger_price,
    )


def _at_target(step: Step, part: Slice) -> Wanted:
    price = target_level(step.bracket, part)
    terms = Terms(order_type=OrderType.LIMIT, quantity=orderable_total(step.bracket, part), price=price)
    return Wanted(
        kind=LegKind.ORDER, purpose=Purpose.TARGET, terms=terms, why=f"the market reached the target {price}"
    )


def _resting_stop(step: Step, part: Slice, level: Decimal) -> Wanted:
    terms = Terms(
        order_type=OrderType.SL,
        quantity=orderable_total(step.bracket, part),
        price=stop_child_price(step, part, level),
        trigger_price=level,
    )
    return Wanted(kind=LegKind.ORDER, purpose=Purpose.STOP, terms=terms, why=f"the stop rests at {level}")


def stop_child_price(step: Step, part: Slice, level: Decimal) -> Decimal:
    """Return the limit beyond the stop's trigger, in the form that has not been refused yet.

    Form 0 is the usual offset, 1 half of it (limit-price protection), 2 two ticks.
    """
    instrument = step.bracket.plan.instrument
    offset = step.bracket.plan.stop_limit_offset or prices.default_stop_offset(level, instrument)
    if part.form == 1:
        offset = max(offset / 2, 2 * instrument.tick_size)
    elif part.form >= 2:
        offset = 2 * instrument.tick_size
    return prices.stop_limit(
        level, side=step.exit_side, offset=offset, instrument=instrument, quote=step.seen.quote
    )


def _holds_by_oco(step: Step, part: Slice, leg: Leg | None) -> bool:
    """Whether the broker's OCO should hold the slice, rather than a resting stop of the day."""
    if holding_of(step.bracket.plan) is not Topology.OCO:
        return False
    if leg is not None and leg.kind is LegKind.ORDER:
        return False  # a resting stop holds until the close; changing over now would open a gap
    if leg is not None:
        # Keep a GTT as it is while it cannot be changed, unless it holds too little.
        return is_gtt_possible(step, part) or leg.terms.quantity == orderable_total(step.bracket, part)
    return is_gtt_possible(step, part) and not _was_oco_refused(step, part)


def is_gtt_possible(step: Step, part: Slice) -> bool:
    """Whether stop and target are on their sides of the last price, both by the broker's distance."""
    quote, stop, target = step.seen.quote, stop_level(step.bracket), target_level(step.bracket, part)
    if quote is None or stop is None or target is None:
        return False
    distance = quote.last * step.bracket.plan.capabilities.gtt_minimum_distance
    sign = step.side.sign
    return (quote.last - stop) * sign > distance and (target - quote.last) * sign > distance


def _was_oco_refused(step: Step, part: Slice) -> bool:
    """The last GTT was refused: hold with a resting stop while the session lasts."""
    if not step.seen.session.is_open:
        return False
    legs = legs_of(step.bracket, Role.EXIT, part=part)
    refused = [leg for leg in legs if leg.kind is LegKind.GTT and leg.status is LegStatus.REJECTED]
    return any(leg.session == step.seen.session.id and leg.triggered_at is None for leg in refused)


def _oco(step: Step, part: Slice, level: Decimal) -> Wanted:
    target = target_level(step.bracket, part)
    terms = Terms(
        order_type=OrderType.LIMIT,
        quantity=orderable_total(step.bracket, part),
        price=stop_child_price(step, part, level),
        trigger_price=level,
        target_trigger=target,
        target_price=target,
    )
    return Wanted(
        kind=LegKind.GTT,
        purpose=Purpose.OCO,
        terms=terms,
        why=f"the broker's OCO holds stop {level} and target {target}",
    )


def marketable(step: Step, *, quantity: int, side: Side, leg: Leg | None) -> Wanted:
    """Return a limit priced to fill now, a rung further out each T_gap without a fill.

    Without any quote it is a MARKET order: the broker's own protection has to do.
    """
    is_climbing = leg is not None and leg.purpose in (Purpose.MARKETABLE, Purpose.UNWIND)
    rung = rung_of(step, leg) if is_climbing and leg is not None else 0
    purpose = Purpose.MARKETABLE if side is step.exit_side else Purpose.UNWIND
    terms = Terms(order_type=OrderType.MARKET, quantity=quantity)
    reference = _reference_for(step, side)
    if reference is not None:
        price = prices.ladder_price(
            reference,
            side=side,
            rung=rung,
            instrument=step.bracket.plan.instrument,
            band=prices.band_of(step.seen.quote),
        )
        terms = Terms(order_type=OrderType.LIMIT, quantity=quantity, price=price)
    if leg is not None and is_climbing and _may_stay(step, leg, rung=rung, price=terms.price, side=side):
        terms = _with_quantity(leg.terms, quantity)
    why = f"leaving at the market, step {rung} of the ladder"
    return Wanted(kind=LegKind.ORDER, purpose=purpose, terms=terms, why=why, rung=rung)


def rung_of(step: Step, leg: Leg) -> int:
    """Return the step of the ladder that the time since the exit began has reached."""
    since = leg.purpose_since or leg.sent_at
    return min(int(step.age(since) / step.timing.rung), prices.BAND_EDGE_RUNG)


def _may_stay(step: Step, leg: Leg, *, rung: int, price: Decimal | None, side: Side) -> bool:
    """Whether a marketable order keeps its price: no new rung, and still (or not yet) worth moving."""
    if leg.terms.price is None or price is None:
        return True  # a MARKET order has no price to move, and none is known to move it to
    is_further = (price - leg.terms.price) * side.sign > 0
    rested = step.age(leg.changed_at or leg.sent_at) >= step.timing.rung
    return not is_further or (rung <= leg.rung and not rested)


def _reference_for(step: Step, side: Side) -> Decimal | None:
    quote = step.seen.quote
    if quote is None:
        return None
    best = quote.bid if side is Side.SELL else quote.ask
    return quote.last if best is None else best


def trailed_stop(step: Step) -> Decimal | None:
    """Return where trailing or break-even wants the stop now; None when it stays.

    Moves only the favourable way, by steps of the larger of three ticks and 5 % of the distance.
    """
    trail, level, best = step.bracket.trail, stop_level(step.bracket), step.exit_price()
    if trail is None or level is None or best is None:
        return None
    sign, tick = step.side.sign, step.bracket.plan.instrument.tick_size
    candidates = [c for c in (_trailing(step, best), _break_even(step, best)) if c is not None]
    if not candidates:
        return None
    moved = max(candidates, key=lambda price: price * sign)
    gain = (moved - level) * sign
    return moved if gain >= _trail_step(step, best, tick=tick) else None


def _trail_step(step: Step, best: Decimal, *, tick: Decimal) -> Decimal:
    trail = step.bracket.trail
    if trail is None or trail.distance is None:
        return tick
    if step.bracket.trail_stop is None and trail.breakeven_at is not None:
        return tick  # the first move, to break-even, is never put off
    return max(3 * tick, _distance(trail.distance.mode, trail.distance.value, best) / 20)


def _distance(mode: PriceMode, value: Decimal, price: Decimal) -> Decimal:
    return price * value / 100 if mode is PriceMode.PERCENT else value


def _trailing(step: Step, best: Decimal) -> Decimal | None:
    trail, sign = step.bracket.trail, step.side.sign
    if trail is None or trail.distance is None:
        return None
    is_on = step.bracket.trail_stop is not None or trail.activate_at is None
    if not is_on and trail.activate_at is not None and (best - trail.activate_at) * sign < 0:
        return None
    moved = best - sign * _distance(trail.distance.mode, trail.distance.value, best)
    # Rounded away from the market: a trailing stop must not creep closer than was asked.
    rounding = Rounding.DOWN if step.side is Side.BUY else Rounding.UP
    return prices.round_to_tick(moved, step.bracket.plan.instrument.tick_size, rounding=rounding)


def _break_even(step: Step, best: Decimal) -> Decimal | None:
    trail, entry = step.bracket.trail, average_entry_price(step.bracket)
    if trail is None or trail.breakeven_at is None or entry is None:
        return None
    if (best - trail.breakeven_at) * step.side.sign < 0:
        return None
    tick = step.bracket.plan.instrument.tick_size
    return prices.round_stop(entry, side=step.exit_side, tick_size=tick)


CURABLE = frozenset(
    {RefusalKind.TICK, RefusalKind.BAND, RefusalKind.PROTECTION_MISSING, RefusalKind.STOP_MARKET_BANNED}
)
