"""What a person did to our exits at another terminal, and whether it is put back: once, aloud."""

from dataclasses import replace

from services.bracket.events import ExitRestored
from services.bracket.fold import shows_terms
from services.bracket.model import Bracket, Leg, LegStatus, Role, Slice
from services.bracket.native import cancelled_elsewhere, is_native_exit, native_exits
from services.bracket.quantities import legs_of, net
from services.bracket.step import Step

GONE = (LegStatus.CANCELLED, LegStatus.EXPIRED)


def is_persons_change(step: Step, leg: Leg) -> bool:
    """Whether the order says what we never asked: its terms differ though nothing of ours changed."""
    if leg.triggered:
        return False  # a stop that has fired says what the exchange made of it
    shown = leg.terms
    ours = [terms for terms in (leg.agreed_terms, leg.asked_terms) if terms is not None]
    if is_native_exit(step.bracket, leg):  # the broker decides how many shares it covers
        ours = [replace(terms, quantity=shown.quantity) for terms in ours]
    return bool(ours) and not any(shows_terms(terms, shown) for terms in ours)


def restore(step: Step, leg: Leg) -> bool:
    """Put back what a person changed at another terminal: once, aloud. The second time call them."""
    if step.bracket.restored:
        step.need_attention(
            "exit_touched", f"order {leg.broker_order_id} was changed again elsewhere; it stays"
        )
        return False
    step.raise_alarm("exit_touched", f"order {leg.broker_order_id} was changed elsewhere; putting it back")
    step.record(ExitRestored(seq=leg.seq))
    return True


def answer_cancel(step: Step, leg: Leg) -> bool:
    """Our exit is gone and we did not ask for it: put it back once; then it is a person's word."""
    if respects(step.bracket):
        step.need_attention("exit_touched", "our exit was cancelled elsewhere and is left so, as asked")
        return False
    return restore(step, leg) or net(step.bracket) == 0


def is_accounted_for(step: Step, leg: Leg) -> bool:
    """Whether trades and positions were read since our exit went away at somebody else's hand.

    Who took the exit may have taken the shares as well, as a broker's square-off does: an exit put back
    before that is known could sell them a second time. Unreadable, they are not waited for for ever.
    """
    gone_at = leg.sighted_at
    return step.seen.standing is not None or gone_at is None or step.age(gone_at) >= step.timing.accounting


def is_left_so(step: Step, part: Slice) -> bool:
    """Whether a person's repeated act keeps us from putting the exit back."""
    legs = legs_of(step.bracket, Role.EXIT, part=part)
    gone = _gone_elsewhere(step.bracket, legs[-1]) if legs else None
    has_word = respects(step.bracket) or step.bracket.restored > 0
    return gone is not None and step.bracket.exit_reason is None and has_word


def _gone_elsewhere(bracket: Bracket, newest: Leg) -> Leg | None:
    if is_native_exit(bracket, newest):
        taken = any(leg.cancelled_by_us for leg in native_exits(bracket))
        return None if taken else cancelled_elsewhere(bracket)
    return newest if newest.status in GONE and not newest.cancelled_by_us else None


def respects(bracket: Bracket) -> bool:
    """Whether a person's cancel of an exit is to be left as it is."""
    return bracket.plan.policies.on_manual_change == "respect"
