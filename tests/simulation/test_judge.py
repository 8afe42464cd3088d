"""The judge itself: what it looks at can fail a world, also from the midst of a call."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from broker.paper import PaperAccount
from services.account_messages import Message
from services.account_worker import AccountWorker
from services.bracket.exits import tend_exits
from services.bracket.model import (
    KillMode,
    LegStatus,
    OrderRequest,
    OrderType,
    PositionRow,
    Product,
    RowStatus,
    Side,
    Terms,
)
from services.bracket.step import Step
from services.replay_file import recorded
from simulator import ExchangeSettings, SimulatedExchange, VirtualClock
from simulator.faults import Part
from tests.builders import a_leg
from worlds import mutants, truth
from worlds.agenda import Agenda
from worlds.archive import Archive
from worlds.director import Result, play
from worlds.fleet import hush, store
from worlds.plan import ACCOUNT, LISTINGS, OPENING, plan_of
from worlds.resting import Resting
from worlds.world import Broken, World

pytestmark = pytest.mark.no_cover  # the same code is measured elsewhere, and measuring trebles the time


@pytest.fixture(autouse=True)
def _hushed() -> Iterator[None]:
    hush()
    yield
    logging.disable(logging.NOTSET)


def played(seed: int) -> Result:
    return play(plan_of(seed), store())


def a_limit() -> OrderRequest:
    terms = Terms(order_type=OrderType.LIMIT, quantity=1, price=Decimal(400))
    return OrderRequest(
        tag="", exchange="NSE", symbol="SBIN", product=Product.MIS, side=Side.BUY, terms=terms
    )


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


def test_an_old_book_is_of_its_moment_although_nobody_read_it_then() -> None:
    clock = VirtualClock()
    exchange = SimulatedExchange(clock, listings=LISTINGS, opening_prices=OPENING)
    archive = Archive(exchange, ACCOUNT, Agenda(clock))
    order_id = exchange.place(ACCOUNT, a_limit())
    clock.advance(timedelta(seconds=10))
    exchange.cancel(ACCOUNT, order_id)
    clock.advance(timedelta(seconds=1))

    assert [row.status for row in archive.rows(Part.ORDERS, ago=3.0)] == [RowStatus.OPEN]
    assert [row.status for row in archive.rows(Part.ORDERS, ago=0.5)] == [RowStatus.CANCELLED]


def test_an_exit_that_no_book_ever_showed_resting_may_not_count_as_protection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Resting, "_note", lambda *_: None)

    assert played(60).invariant == "belief"


def test_what_rests_is_what_a_book_has_shown_and_for_how_many_shares() -> None:
    clock = VirtualClock()
    delayed = ExchangeSettings(acceptance_delay=timedelta(seconds=1))
    exchange = SimulatedExchange(clock, delayed, listings=LISTINGS, opening_prices=OPENING)
    resting = Resting(exchange)
    order = a_limit()
    order_id = exchange.place(ACCOUNT, order)
    claimed = a_leg(status=LegStatus.OPEN, terms=order.terms, broker_order_id=order_id)
    too_early = resting.has_shown(claimed)
    clock.advance(timedelta(seconds=2))
    exchange.tick()

    assert not too_early
    assert resting.has_shown(claimed)
    assert not resting.has_shown(replace(claimed, terms=replace(claimed.terms, quantity=2)))


def test_the_switch_stays_set_until_exits_that_it_blocked_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    def blocked(step: Step) -> None:
        if step.seen.kill is KillMode.OFF:
            tend_exits(step)

    assert played(26).invariant is None
    monkeypatch.setattr("services.bracket.lifecycle.tend_exits", blocked)
    assert played(26).invariant == "L3"


def test_a_mutant_is_caught_only_by_a_world_that_holds_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    caught = mutants.Hunt("any", 1, 60, "I1")

    assert mutants.is_caught(caught, store())
    monkeypatch.setattr(truth, "_ENTRY_MAX_AGE", -1.0)
    assert not mutants.is_caught(caught, store())


def test_a_mutant_that_only_raises_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    class Raising(AccountWorker):
        def turn(self, message: Message | None = None) -> None:
            raise RuntimeError("not an invariant")

    raising = mutants.Mutant("it raises", lambda: Raising, 7)
    monkeypatch.setitem(mutants.MUTANTS, "raising", raising)
    monkeypatch.setattr(mutants, "_MOST_WORLDS", 2)

    caught = mutants.hunt("raising")

    assert caught.seed is None
    assert caught.raised == (7, 1)


def test_a_mutant_meets_the_world_that_caught_it_and_then_those_with_the_faults_that_bring_it_out() -> None:
    zombies = [seed for seed in range(1, 40) if "F49" in {one.code for one in plan_of(seed).faults}]
    one = mutants.Mutant("it forgets", lambda: None, 17, frozenset({"F49"}))

    seeds = list(mutants._seeds(one))

    assert seeds[: 1 + len(zombies)] == [17, *(seed for seed in zombies if seed != 17)][: 1 + len(zombies)]
    assert sorted(seeds) == list(range(1, mutants._MOST_WORLDS + 1))


def test_one_bracket_left_to_a_person_excuses_no_other_place(monkeypatch: pytest.MonkeyPatch) -> None:
    row = PositionRow(exchange="NSE", symbol="INFY", product="MIS", quantity=5, average_price=Decimal(1))
    world = World(plan_of(60), store())
    judge = truth.Truth(world)
    monkeypatch.setattr(world.broker, "positions", lambda: (row,))

    judge._check_flat({("INFY", "MIS")})
    with pytest.raises(Broken, match="still held"):
        judge._check_flat({("SBIN", "MIS")})


def test_what_was_recorded_has_to_be_decided_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worlds.truth.recorded", lambda stored: recorded(stored)[:-1])

    assert played(60).invariant == "I14"
