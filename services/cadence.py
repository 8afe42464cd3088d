"""How often to look: what each bracket needs, and what that makes for the account's shared reads."""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from services.bracket.group import is_off
from services.bracket.model import Bracket, Leg, LegKind, LegStatus, Overlay, Role, State, Topology
from services.bracket.native import is_held_back, is_native_exit
from services.bracket.quantities import watches_gtts
from services.bracket.terms import holding_of


class Urgency(IntEnum):
    """How soon the books have to be read again for a bracket; the smallest of an account wins."""

    ENTRY = 0  # an entry is working: a fill must be seen
    UNSETTLED = 1  # naked, unknown, leaving, or a change under way
    CALM = 2  # everything filled is protected
    WATCHED = 3  # closed, but an order might come back


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one bracket needs of the next reads."""

    urgency: Urgency
    price: bool  # a quote decides something: a virtual target, trailing, an exit being priced
    gtts: bool
    everything: bool  # trades and positions too: evidence is being gathered
    evidence: bool  # a read that says the same as the last one still proves something


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """The pauses between looks. covered: with a healthy push stream."""

    entry: timedelta = timedelta(milliseconds=500)
    unsettled: timedelta = timedelta(seconds=1)
    calm: timedelta = timedelta(seconds=5)
    covered: timedelta = timedelta(seconds=60)
    everything: timedelta = timedelta(seconds=60)
    covered_price: timedelta = timedelta(seconds=30)  # while pushes bring the prices; bands come only so
    price: timedelta = timedelta(seconds=1.2)  # Zerodha gives one answer a second, and we keep 1.1 apart

    def book_pause(self, urgency: Urgency, *, is_covered: bool) -> timedelta:
        """Return how long the books may go unread."""
        match urgency:
            case Urgency.ENTRY:
                return self.entry
            case Urgency.UNSETTLED:
                return self.unsettled
            case Urgency.CALM:
                return self.covered if is_covered else self.calm
            case Urgency.WATCHED:
                return self.covered


_UNSETTLED_STATES = frozenset(
    {State.PROTECTING, State.EXITING, State.EMERGENCY, State.UNWINDING, State.ENTRY_PENDING}
)
_HOLDING_STATES = frozenset({State.PROTECTED, State.PROTECTED_PARTIAL})
_FILLING_STATES = frozenset({State.ENTRY_OPEN, State.PROTECTED_PARTIAL})
_WAITING = frozenset({LegStatus.UNKNOWN, LegStatus.ACKED, LegStatus.PENDING})


def is_covered(*, pushes_orders: bool, is_streamed: bool, wants_gtts: bool) -> bool:
    """Whether pushes tell of all that may happen to calm brackets.

    A broker's stream tells of orders, never of GTTs: one that is deleted or disabled is seen by reading only.
    """
    return pushes_orders or (is_streamed and not wants_gtts)


def needs_of(bracket: Bracket) -> Needs:
    """Return what a bracket needs, from its state alone."""
    is_watched = bracket.state.is_closed
    is_unsettled = _is_unsettled(bracket)
    return Needs(
        urgency=_urgency(bracket, is_unsettled=is_unsettled),
        price=not is_watched and _needs_price(bracket),
        gtts=watches_gtts(bracket),
        evidence=is_unsettled,
        everything=is_unsettled or (bracket.foreign_base is None and not is_watched),
    )


def _urgency(bracket: Bracket, *, is_unsettled: bool) -> Urgency:
    if bracket.state in (State.ENTRY_OPEN, State.PROTECTED_PARTIAL):
        return Urgency.ENTRY
    if is_unsettled:
        return Urgency.UNSETTLED
    return Urgency.WATCHED if bracket.state.is_closed else Urgency.CALM


def _is_unsettled(bracket: Bracket) -> bool:
    if bracket.state in _UNSETTLED_STATES or Overlay.EXTERNAL_CHANGE in bracket.overlays:
        return not bracket.state.is_closed
    if bracket.foreign_base is None and bracket.state in _HOLDING_STATES:
        return True  # until two reads agree on what else the account holds
    if any(is_off(bracket, part) for part in bracket.slices):
        return True
    return any(_is_waiting(bracket, leg) for leg in bracket.legs)


def _is_waiting(bracket: Bracket, leg: Leg) -> bool:
    is_missed = leg.is_live and leg.missed_reads > 0
    is_unheard = leg.status in _WAITING and not is_held_back(bracket, leg)
    return is_unheard or leg.change is not None or is_missed


def _needs_price(bracket: Bracket) -> bool:
    is_held_by_order = any(
        leg.is_live
        and leg.kind is LegKind.ORDER
        and leg.role is Role.EXIT
        and not is_native_exit(bracket, leg)
        for leg in bracket.legs
    )
    is_virtual = bracket.plan.topology is Topology.MORPH or is_held_by_order
    # A GTT is placed by the last price; without one when it fills, a stop of the day is what holds.
    may_need_gtt = holding_of(bracket.plan) is Topology.OCO and bracket.state in _FILLING_STATES
    return is_virtual or may_need_gtt or bracket.trail is not None or bracket.state in _UNSETTLED_STATES
