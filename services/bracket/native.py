"""Native brackets: the one order at the broker that brings its own stop and target. Facts, no decision.

Their exits are legs whose parent is the entry. The broker links the two, so together they take what one of
them takes; how many shares they cover, and when they begin to, is the broker's business.
"""

from collections.abc import Iterable

from services.bracket.model import Bracket, Leg, LegKind, LegStatus, Purpose, Role

_BROUGHT = frozenset({Purpose.STOP, Purpose.TARGET})


def is_native_exit(bracket: Bracket, leg: Leg) -> bool:
    """Whether the broker brought this exit with the entry; a GTT's child has a GTT for its parent."""
    is_child = leg.role is Role.EXIT and leg.kind is LegKind.ORDER and leg.parent is not None
    return is_child and leg.parent is not None and bracket.leg(leg.parent).role is Role.ENTRY


def native_entries(bracket: Bracket) -> list[Leg]:
    """Return the entries that were sent as native brackets, oldest first."""
    return [leg for leg in bracket.legs if leg.role is Role.ENTRY and leg.terms.is_native]


def native_exits(bracket: Bracket) -> list[Leg]:
    """Return every exit that a native entry brought, dead ones too."""
    return [leg for leg in bracket.legs if is_native_exit(bracket, leg)]


def exit_for(group: Iterable[Leg], purpose: Purpose) -> Leg | None:
    """Return the newest of some exits that has the purpose."""
    return next((leg for leg in reversed(list(group)) if leg.purpose is purpose), None)


def awaits_exits(bracket: Bracket) -> bool:
    """Whether a filled entry's exits may exist unseen: live, as far as anyone can tell."""
    return any(lacks_exits(bracket, entry) for entry in native_entries(bracket))


def lacks_exits(bracket: Bracket, entry: Leg) -> bool:
    """Whether no book has shown both exits of a filled entry, nor proved that there are none."""
    if entry.filled == 0 or entry.exits_absent:
        return False
    shown = {leg.purpose for leg in bracket.legs if leg.parent == entry.seq and leg.role is Role.EXIT}
    return not shown >= _BROUGHT


def is_held_back(bracket: Bracket, leg: Leg) -> bool:
    """Whether the broker keeps an exit from working until the entry has filled."""
    return leg.is_live and not leg.is_working and is_native_exit(bracket, leg)


def is_at_work(bracket: Bracket, leg: Leg) -> bool:
    """Whether an exit is on its way out of the position; a native target that rests is not."""
    if leg.triggered or leg.purpose is Purpose.MARKETABLE:
        return True
    return leg.purpose is Purpose.TARGET and not is_native_exit(bracket, leg)


def has_given_way(bracket: Bracket) -> bool:
    """Whether we have begun to take the broker's exits away, or proved that there are none."""
    taken = any(leg.cancelled_by_us for leg in native_exits(bracket))
    return taken or any(entry.exits_absent for entry in native_entries(bracket))


def cancelled_elsewhere(bracket: Bracket) -> Leg | None:
    """Return the exit that a person cancelled; None where the broker may have had its own reason.

    It has one when either exit was at work, when we cancelled the other, or when the entry did not fill.
    """
    exits = native_exits(bracket)
    if any(leg.filled or leg.triggered or leg.cancelled_by_us for leg in exits):
        return None
    gone = [leg for leg in exits if leg.status is LegStatus.CANCELLED]
    is_complete = any(entry.status is LegStatus.FILLED for entry in native_entries(bracket))
    return gone[-1] if gone and is_complete else None
