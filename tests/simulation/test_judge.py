"""The judge itself: what it looks at can fail a world, also from the midst of a call."""

import logging
from collections.abc import Iterator

import pytest

from broker.paper import PaperAccount
from worlds import truth
from worlds.director import Result, play
from worlds.fleet import hush, store
from worlds.plan import plan_of


@pytest.fixture(autouse=True)
def _hushed() -> Iterator[None]:
    hush()
    yield
    logging.disable(logging.NOTSET)


def played(seed: int) -> Result:
    return play(plan_of(seed), store())


def test_what_breaks_while_a_call_leaves_fails_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truth, "_ENTRY_MAX_AGE", -1.0)

    assert played(60).invariant == "R1"


def test_a_gtt_that_is_not_on_disk_may_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truth, "_asks_for", lambda *_: False)

    broken = next(result for result in map(played, range(60, 75)) if result.broken is not None)

    assert broken.invariant == "I13"
    assert "a GTT for" in (broken.broken or "")


def test_exits_are_held_against_what_the_exchange_says_the_account_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(PaperAccount, "positions", lambda _self: ())

    assert played(60).invariant == "I8"
