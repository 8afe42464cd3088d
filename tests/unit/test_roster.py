"""The sums a roster keeps as its brackets change."""

from dataclasses import replace

from services.bracket.model import State
from services.roster import Roster
from tests.builders import a_bracket

_SBIN = ("NSE", "SBIN")


def test_a_symbol_is_open_as_long_as_one_of_its_brackets_is() -> None:
    roster = Roster()
    first, second = (roster.add(a_bracket(id=name)) for name in ("first", "second"))

    roster.update(first, replace(first.bracket, state=State.CLOSED))
    while_one_is_open = roster.open_symbols()
    roster.update(second, replace(second.bracket, state=State.CLOSED))

    assert while_one_is_open == {_SBIN}
    assert roster.open_symbols() == frozenset()


def test_a_bracket_that_comes_back_opens_its_symbol_again() -> None:
    roster = Roster()
    tracked = roster.add(a_bracket(state=State.CLOSED))

    roster.update(tracked, replace(tracked.bracket, state=State.PROTECTING))

    assert roster.open_symbols() == {_SBIN}


def test_a_dropped_bracket_leaves_no_open_symbol_behind() -> None:
    roster = Roster()
    tracked = roster.add(a_bracket())

    roster.drop(tracked)

    assert roster.open_symbols() == frozenset()
