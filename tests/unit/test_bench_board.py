"""What the bench of the board makes of the moments it was told."""

from bench.board import Stored, Way, planned, ways
from bench.viewer import Paint

A, B = ("a", "first"), ("b", "second")


def stored(bracket_id: str, text: str, at: float) -> Stored:
    return Stored(bracket_id=bracket_id, text=text, at=at)


def paint(bracket_id: str, text: str, painted: float) -> Paint:
    return Paint(bracket_id=bracket_id, text=text, shown=painted - 1, painted=painted, is_in_sight=True)


def test_brackets_take_turns_and_each_stop_moves_on_by_a_tick() -> None:
    made = planned([A, B], 3)

    assert [(one.bracket_id, one.account_id, str(one.stop)) for one in made] == [
        ("a", "first", "490.05"),
        ("b", "second", "490.05"),
        ("a", "first", "490.10"),
    ]


def test_a_change_is_heard_in_its_turn_and_painted_under_its_price() -> None:
    first, second = paint("a", "490.05", 9), paint("a", "490.10", 19)
    other = paint("b", "490.05", 7)

    found = ways(
        [stored("a", "490.05", 1), stored("a", "490.10", 11), stored("b", "490.05", 2)],
        heard=[("b", 3), ("a", 5), ("a", 15)],
        paints=[other, second, first],
    )

    assert found == [
        Way(stored=1, heard=5, paint=first),
        Way(stored=11, heard=15, paint=second),
        Way(stored=2, heard=3, paint=other),
    ]


def test_what_was_never_heard_or_painted_is_told_as_that() -> None:
    assert ways([stored("a", "490.05", 1)], heard=[], paints=[]) == [Way(stored=1, heard=None, paint=None)]


def test_what_was_never_stored_has_no_way() -> None:
    assert ways([], heard=[("a", 5)], paints=[paint("a", "490.05", 9)]) == []
