"""The entry: sent once, while it is fresh, and ended as soon as any exit begins."""

from datetime import timedelta

from services.bracket import commands
from services.bracket.dates import leaves_contract_at
from services.bracket.events import EntryEnded, ExitBegan
from services.bracket.model import (
    ExitReason,
    IfFilled,
    KillMode,
    Leg,
    LegStatus,
    Moment,
    OrderType,
    PriceMode,
    Purpose,
    Role,
    Terms,
    Topology,
)
from services.bracket.native import is_at_work, native_entries, native_exits
from services.bracket.quantities import average_entry_price, legs_of, net
from services.bracket.step import Step
from services.bracket.wanted import with_exits

RETRY_UNSENT = timedelta(milliseconds=200)
_HELD_BACK = "exits_held_back"


def tend_entry(step: Step) -> None:
    """Send, follow or end the entry. Nothing here waits for the broker to agree."""
    _follow_requests(step)
    legs = legs_of(step.bracket, Role.ENTRY)
    live = [leg for leg in legs if leg.is_live]
    code = reason_to_end(step)
    if code is not None:
        _end(step, live, code)
    elif live:
        _follow_price(step, live[0])
    elif not legs or _may_send_again(step, legs[-1]):
        _send(step)


def _follow_requests(step: Step) -> None:
    """Turn what was asked for into a reason to leave, once shares are held."""
    bracket = step.bracket
    if bracket.exit_reason is None and net(bracket) > 0:
        if bracket.cancel_requested is IfFilled.EXIT:
            step.record(ExitBegan(reason=ExitReason.CANCELLED))
        elif slipped_too_far(step):
            step.record(ExitBegan(reason=ExitReason.SLIPPAGE, detail="the entry filled beyond max_slippage"))
    if step.bracket.exit_reason is None and step.seen.kill is KillMode.FLATTEN:
        step.record(ExitBegan(reason=ExitReason.KILL_SWITCH))
    at = step.bracket.exit_at
    if step.bracket.exit_reason is None and at is not None and step.now.wall >= at:
        step.record(ExitBegan(reason=ExitReason.TIME_EXIT))
    ends = leaves_contract_at(step)
    if step.bracket.exit_reason is None and ends is not None and step.now.wall >= ends:
        step.record(ExitBegan(reason=ExitReason.CONTRACT_EXPIRY))


def slipped_too_far(step: Step) -> bool:
    """Whether the average fill is worse than the expected price by more than max_slippage."""
    entry, average = step.bracket.plan.entry, average_entry_price(step.bracket)
    expected = entry.expected_price or entry.price
    if entry.max_slippage is None or expected is None or average is None:
        return False
    allowed = entry.max_slippage.value
    if entry.max_slippage.mode is PriceMode.PERCENT:
        allowed = expected * allowed / 100
    return (average - expected) * step.side.sign > allowed


def reason_to_end(step: Step) -> str | None:
    """Return the code of why no (more) entry is wanted, or None."""
    bracket = step.bracket
    if bracket.entry_ended is not None:
        return bracket.entry_ended
    if bracket.cancel_requested is not None or bracket.handed_over:
        return "cancelled"
    if bracket.exit_reason is not None:
        return (
            f"exit_{bracket.exit_reason}" if bracket.exit_reason is not ExitReason.CANCELLED else "cancelled"
        )
    if step.seen.kill is not KillMode.OFF:
        return "killed"
    if _has_expired(step):
        return "entry_expired"
    if _an_exit_began(step) or bracket.stop_passed_at is not None:
        return "exit_began"
    if _exits_are_held_back(step):
        return _HELD_BACK
    return None


def _exits_are_held_back(step: Step) -> bool:
    """Whether the broker leaves the filled part of a native entry without its exits for too long.

    Some arm them only once the entry has filled completely: then it is over with what has filled.
    """
    clock, natives = step.bracket.naked, native_entries(step.bracket)
    if clock is None or not any(entry.is_live and entry.filled for entry in natives):
        return False
    has_own = len(legs_of(step.bracket, Role.EXIT)) > len(native_exits(step.bracket))
    return not has_own and step.age(clock.since) >= step.timing.alarm_after


def _has_expired(step: Step) -> bool:
    after = step.bracket.plan.entry.expires_in
    return after is not None and step.age(step.bracket.received) >= after


def _an_exit_began(step: Step) -> bool:
    """Whether any exit filled, fired or was turned into a target: the first command ends the entry."""
    exits = legs_of(step.bracket, Role.EXIT)
    return any(leg.filled or is_at_work(step.bracket, leg) for leg in exits)


def _end(step: Step, live: list[Leg], code: str) -> None:
    if step.bracket.entry_ended is None:
        step.record(EntryEnded(code=code))
        if code == _HELD_BACK:
            step.raise_alarm(code, "the broker holds the exits back: the rest of the entry is cancelled")
    for leg in live:
        commands.cancel(step, leg)


def _follow_price(step: Step, leg: Leg) -> None:
    """Carry a changed entry price to the order, while nothing of it has filled."""
    terms = entry_terms(step)
    shown = leg.terms
    if leg.is_working and leg.filled == 0 and shown.price != terms.price and terms.price is not None:
        commands.modify(step, leg, terms=terms, purpose=Purpose.ENTRY)


def entry_terms(step: Step) -> Terms:
    entry, plan = step.bracket.plan.entry, step.bracket.plan
    is_stop = entry.order_type in (OrderType.SL, OrderType.SL_M)
    terms = Terms(
        order_type=entry.order_type,
        quantity=plan.quantity,
        price=entry.price if entry.order_type in (OrderType.LIMIT, OrderType.SL) else None,
        trigger_price=entry.trigger_price if is_stop else None,
    )
    return with_exits(step, terms) if plan.topology is Topology.NATIVE else terms


def _may_send_again(step: Step, newest: Leg) -> bool:
    """Only an entry that provably never left, or is proved absent and allowed to, is sent again."""
    if newest.status is LegStatus.NOT_SENT:
        return step.age(newest.sent_at) >= RETRY_UNSENT
    return newest.status is LegStatus.ABSENT and step.bracket.plan.entry.retry_absent


def _send(step: Step) -> None:
    if is_stale(step, step.now):
        _give_up(step)
        return
    if step.seen.session.is_open and step.seen.way_is_clear:
        commands.place_entry(step, entry_terms(step))


def _give_up(step: Step) -> None:
    if step.seen.way_is_clear:
        step.record(EntryEnded(code="entry_stale"))
        step.raise_alarm("entry_stale", "the entry could not be sent while it was fresh; it never will be")
        return
    others = ", ".join(step.bracket.plan.waits_for)
    step.record(EntryEnded(code="opposite_not_flat"))
    step.raise_alarm(
        "opposite_not_flat", f"bracket {others} of the other side was not flat in time: no entry was placed"
    )


def is_stale(step: Step, at: Moment) -> bool:
    """Yesterday's signal never reaches the market: older than its maximum age, it is not sent."""
    return step.bracket.age_unknown or at.since(step.bracket.received) >= step.bracket.plan.entry.max_age


def end_of_entry(step: Step) -> None:
    """Say why the entry is over, when the broker ended it: refused, absent, expired, cancelled."""
    legs = legs_of(step.bracket, Role.ENTRY)
    if step.bracket.entry_ended is not None or not legs or any(leg.is_live for leg in legs):
        return
    newest = legs[-1]
    code = _ENDINGS.get(newest.status)
    if (
        newest.status is LegStatus.ABSENT
        and step.bracket.plan.entry.retry_absent
        and not is_stale(step, step.now)
    ):
        return
    if code is not None:
        step.record(EntryEnded(code=code))
    if code == "entry_absent":
        step.raise_alarm("entry_absent", "the broker proved never to have received the entry")


_ENDINGS = {
    LegStatus.REJECTED: "entry_rejected",
    LegStatus.CANCELLED: "entry_cancelled_by_broker",
    LegStatus.EXPIRED: "entry_expired",
    LegStatus.ABSENT: "entry_absent",
    LegStatus.FILLED: "filled",
}
