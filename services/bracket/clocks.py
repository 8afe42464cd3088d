"""The clocks of the promise: how long shares stand without a stop, when to alarm, when to leave."""

from datetime import timedelta
from decimal import Decimal

from services.bracket.commands import pause_after
from services.bracket.dates import leaves_contract_at, until_renewal
from services.bracket.entry import RETRY_UNSENT
from services.bracket.events import ClockSetBack, ExitBegan, NakedBegan, NakedEnded, WatchEnded
from services.bracket.exits import may_act
from services.bracket.group import until_settled
from services.bracket.model import (
    Bracket,
    ExitReason,
    Leg,
    LegKind,
    LegStatus,
    Moment,
    Naked,
    Overlay,
    Purpose,
    Quote,
    Role,
    Side,
    Slice,
)
from services.bracket.native import exit_for, is_native_exit, native_exits
from services.bracket.prices import round_to_tick
from services.bracket.quantities import (
    average_entry_price,
    entry_is_live,
    has_undecided,
    is_below_lot,
    legs_of,
    live_legs,
    net,
    net_of,
)
from services.bracket.redating import any_ahead
from services.bracket.step import Step
from services.bracket.touched import is_left_so

_LEAVING = (Purpose.MARKETABLE, Purpose.TARGET)
_WORKED = frozenset({Purpose.MARKETABLE, Purpose.TARGET, Purpose.UNWIND})


def mend_clock(step: Step) -> None:
    """Count what an earlier boot dated later than now from now on: its clock was ahead of ours."""
    boots = {step.bracket.received.boot, *(leg.sent_at.boot for leg in step.bracket.legs)}
    if boots == {step.now.boot}:
        return  # every moment is of one monotonic clock
    if any_ahead(step.bracket, step.now):
        step.record(ClockSetBack())
        step.raise_alarm("clock_set_back", "the machine's clock went back; waits begin anew")


def run_clocks(step: Step) -> None:
    """Start, stop and read the naked clock; alarm and leave when it says so."""
    naked = naked_quantity(step.bracket, step.seen.quote)
    flag_band(step)
    if naked == 0:
        _stop_naked(step)
        return
    if step.bracket.naked is None:
        step.record(NakedBegan(since=_naked_since(step), cause=naked_cause(step.bracket), quantity=naked))
    clock = step.bracket.naked
    if clock is None:
        return
    if step.age(clock.since) >= step.timing.alarm_after:
        step.raise_alarm("unprotected", f"{naked} shares have no working stop: {naked_cause(step.bracket)}")
    if is_below_lot(step.bracket):
        _hold_below_lot(step)
    elif step.age(patience_began(step.bracket, clock)) >= step.timing.emergency_after:
        _declare_emergency(step)


def _hold_below_lot(step: Step) -> None:
    """Less than a lot joins the next fill; without one no order of ours can bring it out."""
    if not entry_is_live(step.bracket):
        step.need_attention("below_lot", "less than one lot is held: no exchange takes an order for it")


def patience_began(bracket: Bracket, clock: Naked) -> Moment:
    """Return since when T2 runs: detection, or the stop placed once another was proved absent, or gone.

    Proof takes its time, longer than T2 or nearly so; the stop placed then has its own to be confirmed.
    """
    exits = legs_of(bracket, Role.EXIT)
    is_second_try = len(exits) > 1 and (
        exits[-2].status is LegStatus.ABSENT or _takes_over(bracket, exits[-2], exits[-1])
    )
    return exits[-1].sent_at if is_second_try else clock.noticed


def _takes_over(bracket: Bracket, former: Leg, newest: Leg) -> bool:
    """Whether a stop of ours has just taken the place of the exits that a native bracket brought."""
    return is_native_exit(bracket, former) and not is_native_exit(bracket, newest)


def naked_quantity(bracket: Bracket, quote: Quote | None) -> int:
    """Return how many held shares no working exit protects: unknown and unseen orders do not count."""
    return sum(_naked_of(bracket, part, quote) for part in bracket.slices)


def _naked_of(bracket: Bracket, part: Slice, quote: Quote | None) -> int:
    held = net_of(bracket, part)
    exits = live_legs(bracket, Role.EXIT, part=part)
    guards = [leg for leg in exits if is_protective(leg, bracket, quote)]
    # The broker's two exits take together what one of them takes: the larger one counts.
    brought = [leg.remaining for leg in guards if is_native_exit(bracket, leg)]
    own = sum(leg.remaining for leg in guards if not is_native_exit(bracket, leg))
    return max(0, held - own - max(brought, default=0))


def is_protective(leg: Leg, bracket: Bracket, quote: Quote | None) -> bool:
    """Whether a book showed the exit resting as a stop, or as a limit that the market can reach now."""
    if not leg.is_working:
        return False
    if leg.kind is LegKind.GTT or (leg.terms.trigger_price is not None and not leg.triggered):
        return True
    if quote is None and leg.purpose is Purpose.TARGET and is_native_exit(bracket, leg):
        return False  # it rests at its level from the start: away from the market, as far as anyone knows
    if leg.terms.price is None or quote is None:
        return True  # a MARKET order at work, or no price to judge by
    return is_at_band(leg, bracket, quote) or _is_marketable(leg, bracket, quote)


def _is_marketable(leg: Leg, bracket: Bracket, quote: Quote) -> bool:
    if leg.terms.price is None:
        return True
    best = quote.bid if leg.side is Side.SELL else quote.ask
    slack = 2 * bracket.plan.instrument.tick_size if leg.purpose is Purpose.TARGET else Decimal(0)
    distance = ((quote.last if best is None else best) - leg.terms.price) * leg.side.opposite.sign
    return distance + slack >= 0


def is_at_band(leg: Leg, bracket: Bracket, quote: Quote) -> bool:
    """Whether a marketable exit rests at the edge of the price band: no better price exists today."""
    edge = quote.lower_band if leg.side is Side.SELL else quote.upper_band
    if edge is None or leg.terms.price is None or not leg.is_working or leg.terms.trigger_price is not None:
        return False
    tick = bracket.plan.instrument.tick_size
    return abs(leg.terms.price - round_to_tick(edge, tick)) <= tick


def flag_band(step: Step) -> None:
    quote = step.seen.quote
    exits = live_legs(step.bracket, Role.EXIT)
    stuck = quote is not None and any(is_at_band(leg, step.bracket, quote) for leg in exits)
    step.set_overlay(Overlay.EXITING_AT_BAND, stuck)
    if stuck:
        step.raise_alarm(
            "exiting_at_band", "the exit rests at the edge of the price band and waits for a buyer"
        )


def naked_cause(bracket: Bracket) -> str:
    """Return in one word what keeps the shares without a stop; a label of the safety report."""
    exits = legs_of(bracket, Role.EXIT)
    newest = exits[-1] if exits else None
    if newest is not None and is_native_exit(bracket, newest):
        newest = exit_for(native_exits(bracket), Purpose.STOP)  # its target alone protects nothing
    if is_below_lot(bracket):
        return "below_lot"
    if newest is None:
        return "no_average_price" if average_entry_price(bracket) is None else "first_fill"
    causes = {
        LegStatus.SENT: "stop_on_the_wire",
        LegStatus.UNKNOWN: "stop_unknown",
        LegStatus.ACKED: "stop_unconfirmed",
        LegStatus.PENDING: "stop_pending",
        LegStatus.REJECTED: "stop_refused",
        LegStatus.CANCELLED: "stop_cancelled",
        LegStatus.EXPIRED: "stop_expired",
        LegStatus.NOT_SENT: "stop_not_sent",
        LegStatus.ABSENT: "stop_absent",
    }
    if newest.status in causes:
        return causes[newest.status]
    return "exit_unfilled" if newest.purpose in _LEAVING or newest.triggered else "resize"


def _naked_since(step: Step) -> Moment:
    """Return when it began: the broker's fill time, else the last read that did not show it."""
    before = step.seen.previous_read or step.last_change or step.now
    if before.since(step.now) > timedelta(0):
        before = step.now
    fills = [leg.row_updated_at for leg in legs_of(step.bracket, Role.ENTRY) if leg.filled]
    newest = max((fill for fill in fills if fill is not None), default=None)
    if newest is None or not before.wall <= newest <= step.now.wall:
        return before
    return step.now.at_wall(newest)


def _stop_naked(step: Step) -> None:
    clock = step.bracket.naked
    if clock is None:
        return
    step.record(NakedEnded(seconds=step.age(clock.since).total_seconds(), cause=clock.cause))
    step.clear_alarm("unprotected")


def _declare_emergency(step: Step) -> None:
    """Leave at the market: T2 is over. Never while an exit may exist unseen, nor out of session."""
    bracket = step.bracket
    if bracket.exit_reason is not None or bracket.handed_over:
        return
    if not step.seen.session.is_open or not may_act(step):
        return
    if any(has_undecided(bracket, part) or is_left_so(step, part) for part in bracket.slices):
        return
    step.record(ExitBegan(reason=ExitReason.EMERGENCY, detail=f"naked too long: {naked_cause(bracket)}"))


def carry_troubles(step: Step) -> None:
    """Show the account's troubles on the bracket while it is open."""
    for overlay in (Overlay.BROKER_DOWN, Overlay.AUTH_DEAD):
        step.set_overlay(overlay, overlay in step.seen.troubles)
    _show_silence(step)


def _show_silence(step: Step) -> None:
    """Alarm while shares are held and their symbol, not just another of the account, has no price."""
    is_silent = Overlay.FEED_STALE in step.seen.troubles and step.seen.quote is None
    step.set_overlay(Overlay.FEED_STALE, is_silent)
    if not is_silent:
        step.clear_alarm("feed_stale")
    elif net(step.bracket) > 0 and step.seen.session.is_open:
        step.raise_alarm("feed_stale", "no price comes: a resting stop holds, target and trailing wait")


def end_watch(step: Step) -> None:
    """Stop looking at a closed bracket once no order of it can come back."""
    finished = step.bracket.finished_at
    if finished is None or Overlay.WATCH not in step.bracket.overlays:
        return
    if step.age(finished) >= step.timing.watch:
        step.record(WatchEnded())


def next_look(step: Step) -> timedelta | None:
    """Return how long until time alone, without news, could change the decision; None: never."""
    waits = [wait for wait in _waits(step) if wait is not None]
    return max(timedelta(0), min(waits)) if waits else None


def _waits(step: Step) -> list[timedelta | None]:
    bracket, timing = step.bracket, step.timing
    waits: list[timedelta | None] = [_wait_for_entry(step), _wait_for_exit_time(step), until_renewal(step)]
    waits.append(until_settled(step))
    if bracket.naked is not None:
        waits.append(timing.alarm_after - step.age(bracket.naked.since))
        waits.append(timing.accounting - step.age(bracket.naked.noticed))
        waits.append(timing.emergency_after - step.age(patience_began(bracket, bracket.naked)))
    waits += [_wait_for_leg(step, leg) for leg in bracket.legs if leg.is_live]
    if bracket.stop_passed_at is not None and not bracket.state.is_closed:
        waits.append(timing.missed_trigger - step.age(bracket.stop_passed_at))
    return [wait if wait is None or wait > timedelta(0) else timing.rung / 2 for wait in waits]


def _wait_for_leg(step: Step, leg: Leg) -> timedelta | None:
    """A price being worked is looked at twice a rung; a pause after a failure or a morph has an end."""
    timing = step.timing
    is_resting = leg.purpose is Purpose.TARGET and is_native_exit(step.bracket, leg)
    if (leg.purpose in _WORKED and not is_resting) or (leg.triggered and leg.role is Role.EXIT):
        return timing.rung / 2
    if leg.failed_changes and leg.changed_at is not None:
        return pause_after(leg.failed_changes) - step.age(leg.changed_at)
    if leg.morphs and leg.purpose_since is not None:
        return timing.morph_pause - step.age(leg.purpose_since)
    return None


def _wait_for_entry(step: Step) -> timedelta | None:
    bracket = step.bracket
    if bracket.entry_ended is not None:
        return None
    if not entry_is_live(bracket):
        return RETRY_UNSENT
    if bracket.plan.entry.expires_in is not None:
        return bracket.plan.entry.expires_in - step.age(bracket.received)
    return None


def _wait_for_exit_time(step: Step) -> timedelta | None:
    times = [at for at in (step.bracket.exit_at, leaves_contract_at(step)) if at is not None]
    if not times or step.bracket.exit_reason is not None:
        return None
    return min(times) - step.now.wall
