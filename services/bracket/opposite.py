"""Brackets of both sides in one symbol: what to do with the older ones before a newer entry may go.

At the broker they would net each other out, and each one's exits would open a position of the other. So
an entry that reverses waits until every bracket it waits for is flat. Pure: who waits and what of it is
stored with the new bracket, so whoever looks next, this process or one after it, comes to the same.
"""

from collections.abc import Iterable
from enum import StrEnum

from services.bracket.model import Bracket, State
from services.bracket.quantities import net


class OnOpposite(StrEnum):
    """What becomes of an order while a bracket of the other side is open in its symbol."""

    REJECT = "reject"
    CLOSE_FIRST = "close_first"
    IGNORE = "ignore"  # the order, not the bracket: nothing is placed


def is_flat(bracket: Bracket) -> bool:
    """Return whether a bracket holds nothing and will never fill again; one handed over still holds."""
    return bracket.state.is_closed and bracket.state is not State.HANDED_OVER and net(bracket) == 0


def to_be_closed(waiting: Bracket, others: Iterable[Bracket]) -> tuple[Bracket, ...]:
    """Return those a waiting entry needs out of the way that nobody has asked to leave yet."""
    if waiting.entry_ended is not None or waiting.legs:
        return ()
    return tuple(other for other in others if not other.state.is_closed and other.exit_reason is None)


def is_way_clear(others: Iterable[Bracket]) -> bool:
    """Return whether all that an entry waits for are flat."""
    return all(is_flat(other) for other in others)
