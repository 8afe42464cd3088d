"""What happens in a world: prices walk, orders come, people change their minds, the night falls."""

import math
import random
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from database.session import StorageError
from database.settings import SettingScope, set_kill_switch
from services.account_worker import AccountWorker
from services.bracket.events import BracketModified, CancelRequested, ExitRequested, HandedOver
from services.bracket.model import (
    Bracket,
    ExitReason,
    IfFilled,
    KillMode,
    OrderType,
    Overlay,
    PriceMode,
    PriceSpec,
    Product,
    Role,
    State,
    Topology,
)
from services.bracket.observation import TradingSession
from services.bracket.quantities import live_legs, net
from simulator.orders import Key
from worlds.plan import ACCOUNT, INSTRUMENTS, MOST_SECONDS, OPENING, WorldPlan
from worlds.storage import Killed, Store
from worlds.truth import Truth
from worlds.world import SECOND_DAY, Broken, Tally, World

_CALM_SECONDS = 500.0
_SWITCHED_SECONDS = 100.0  # longer than shares may be naked, or may take to leave
_LINGER = 70.0  # what others did is seen within a minute


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one world."""

    seed: int
    tally: Tally
    fired: dict[str, int]
    scripts: dict[str, tuple[int, ...]]
    cells: dict[tuple[str, State], int]
    naked: list[tuple[str, float]]
    left_to_people: int = 0
    broken: str | None = None
    invariant: str | None = None
    diary: list[str] = field(default_factory=list)


def play(
    plan: WorldPlan,
    store: Store,
    *,
    keeps_diary: bool = False,
    worker_type: type[AccountWorker] = AccountWorker,
) -> Result:
    """Play one world to its end."""
    world = World(plan, store, worker_type=worker_type)
    world.keeps_diary = keeps_diary
    truth = Truth(world)
    broken: tuple[str, str] | None = None
    try:
        Director(world, truth).run()
    except Broken as exc:
        broken = exc.invariant, str(exc)
    except Killed as exc:
        raise AssertionError("a death outside of the process") from exc
    except Exception as exc:  # what the worker may not do is raise
        broken = "raised", f"{type(exc).__name__}: {exc}"
        if keeps_diary:
            raise
    finally:
        world.agenda.close()
    world.tally.fills = world.exchange.peek(lambda ledger: sum(1 for _ in ledger.trades)) + truth.fills_before
    return Result(
        seed=plan.seed,
        tally=world.tally,
        fired=dict(world.fired),
        scripts={fault.code: tuple(fault.struck) for fault in world.faults},
        cells=dict(world.cells),
        naked=truth.naked,
        left_to_people=truth.left_to_people,
        broken=None if broken is None else broken[1],
        invariant=None if broken is None else broken[0],
        diary=world.diary,
    )


class Walk:
    """A price that wanders in whole ticks and sometimes jumps."""

    def __init__(self, dice: random.Random, key: Key) -> None:
        self._dice = dice
        self.price = OPENING[key]
        self._step = self.price / 5000
        self.tick = INSTRUMENTS[key].tick_size

    def next(self) -> Decimal:
        size = 8 if self._dice.random() < 0.03 else 1
        self.price += self._step * Decimal(str(round(self._dice.uniform(-2, 2) * size, 3)))
        return (self.price / self.tick).to_integral_value() * self.tick


class Director:
    """Leads one world through trouble, perhaps a night, and calm."""

    def __init__(self, world: World, truth: Truth) -> None:
        self._world = world
        self._truth = truth
        self._plan = world.plan
        self._dice = random.Random(f"director {world.plan.seed}")
        keys = sorted({(s.plan.instrument.exchange, s.plan.instrument.symbol) for s in world.plan.brackets})
        self._walks = {key: Walk(random.Random(f"walk {world.plan.seed} {key}"), key) for key in keys}
        self._calm_dice = random.Random(f"calm {world.plan.seed}")
        self._waiting = list(world.plan.brackets)
        self._kill_off_at = math.inf
        self._had_night = False
        self._slept = 0.0

    def run(self) -> None:
        self._trouble()
        if self._plan.days > 1 and not self._had_night:
            self._night()
        self._calm()
        self._truth.check_end()

    # --- trouble

    def _trouble(self) -> None:
        world = self._world
        while self._is_troubled():
            world.pass_time(self._dice.uniform(0.1, 0.5))
            if self._plan.days > 1 and not self._had_night and world.seconds >= self._plan.night_at:
                self._night()
            self._submit_due()
            self._move()
            self._people()
            self._truth.check()
        if world.tally.kills < self._plan.least_kills:
            world.kill("because none was yet")
            world.fired["F65"] += 1

    def _is_troubled(self) -> bool:
        world, plan = self._world, self._plan
        awake = world.seconds - self._slept  # the night is no time to get into trouble
        second_day = 60.0 if self._had_night else 0.0
        most = MOST_SECONDS + second_day
        if awake < plan.seconds + second_day:
            return True
        if sum(world.fired.values()) >= plan.least_faults or awake >= most:
            return False
        self._press()
        return True

    def _press(self) -> None:
        """Too little has gone wrong by now: let the faults of this world strike more and more often."""
        for fault in self._world.faults:
            if fault.script is None:
                fault.rate = min(0.9, max(0.02, fault.rate * 1.05))

    def _submit_due(self) -> None:
        for seed in tuple(self._waiting):
            if self._world.seconds >= seed.at and self._world.submit(seed):
                self._waiting.remove(seed)

    def _move(self) -> None:
        """Move prices; where lots are scarce, so many can be taken of each price."""
        world = self._world
        for key, walk in self._walks.items():
            if key in world.jumped:
                walk.price = world.jumped.pop(key)
                continue
            if self._dice.random() < 0.6:
                last = walk.next()
                spread = walk.tick * self._dice.choice((0, 0, 1, 2))
                lots = self._plan.lots
                lot = max(20, INSTRUMENTS[key].lot_size)
                depth = None if lots is None else lots * lot
                world.exchange.set_price(*key, last=last, bid=last - spread, ask=last + spread, depth=depth)

    # --- people

    def _people(self) -> None:
        if self._plan.people == 0.0:
            return
        self._switch()
        for bracket in tuple(self._world.brackets.values()):
            if not bracket.state.is_closed and self._dice.random() < self._plan.people:
                self._ask_something(bracket)

    def _switch(self) -> None:
        """Somebody sets the kill switch, and takes it back half a minute later."""
        world = self._world
        if world.seconds >= self._kill_off_at:
            self._set_kill(KillMode.OFF)
            self._kill_off_at = math.inf
        elif world.kill_mode is KillMode.OFF and self._dice.random() < 0.002:
            self._set_kill(self._dice.choice((KillMode.BLOCK_ENTRIES, KillMode.FLATTEN)))
            self._kill_off_at = world.seconds + 20.0

    def _set_kill(self, mode: KillMode) -> None:
        world = self._world
        try:
            set_kill_switch(
                world.store.db, SettingScope.ACCOUNT, subject_id=ACCOUNT, mode=mode, at=world.clock.now()
            )
        except StorageError:
            return
        except Killed:
            world.kill("while the kill switch was set")
        world.kill_mode, world.kill_set_at = mode, world.seconds
        world.note(f"kill switch {mode}")
        if world.engine is not None:
            world.engine.worker.obey_kill_switch()

    def _ask_something(self, bracket: Bracket) -> None:
        world, dice = self._world, self._dice
        if bracket.handed_over or world.engine is None:
            return
        match dice.choice(("cancel_keep", "cancel_exit", "exit", "stop", "targets", "hand_over", "entry")):
            case "cancel_keep":
                world.ask(bracket, CancelRequested(if_filled=IfFilled.KEEP_EXITS, by="user"))
            case "cancel_exit":
                world.ask(bracket, CancelRequested(if_filled=IfFilled.EXIT, by="user"))
            case "exit":
                world.ask(bracket, ExitRequested(reason=ExitReason.EXIT_NOW, by="user"))
            case "stop":
                world.ask(bracket, BracketModified(by="user", stop=_percent(dice, 0.5, 2.0)))
            case "targets":
                targets = tuple(_percent(dice, 0.6, 2.5) for _ in bracket.slices)
                world.ask(bracket, BracketModified(by="user", targets=targets))
            case "hand_over" if dice.random() < 0.3:
                world.touch(bracket.plan.instrument.symbol, bracket.plan.product.value)
                world.ask(bracket, HandedOver(by="user", cancel_exits=dice.random() < 0.7))
            case "entry" if _has_plain_price(bracket) and live_legs(bracket, Role.ENTRY):
                tick = bracket.plan.instrument.tick_size
                price = (bracket.plan.entry.price or tick) + tick * dice.randint(-20, 20)
                world.ask(bracket, BracketModified(by="user", entry_price=price))

    # --- the night

    def _night(self) -> None:
        """Close the day, let the evening pass, and wake with a dead token, empty books and T+1 shares."""
        self._had_night = True
        world, dice = self._world, self._dice
        world.note("the session closes")
        for bracket in world.brackets.values():
            if bracket.plan.product is Product.MIS:
                world.touch(bracket.plan.instrument.symbol, Product.MIS.value)
        world.exchange.close_session()
        world.session = TradingSession(id=SECOND_DAY, is_open=False)
        self._settle(dice.uniform(10.0, 25.0))
        world.exchange.close_session()
        self._truth.before_night()
        world.note("night")
        if dice.random() < 0.5 and world.engine is not None:
            world.kill("for the night", down=17 * 3600.0 + 1.0)
        world.exchange.end_of_day()
        self._slept = timedelta(hours=17).total_seconds()
        world.clock.advance(timedelta(seconds=self._slept))
        self._truth.after_night(self._slept)
        world.needs_login = True
        world.session = TradingSession(id=SECOND_DAY)
        self._settle(dice.uniform(3.0, 15.0))
        world.note("login")
        world.needs_login = False
        self._settle(dice.uniform(5.0, 15.0))

    def _settle(self, seconds: float) -> None:
        end = self._world.seconds + seconds
        while self._world.seconds < end:
            self._world.pass_time(self._dice.uniform(0.2, 0.6))
            self._truth.check()

    # --- calm

    def _calm(self) -> None:
        world = self._world
        world.calm_down()
        self._truth.expect_soundness()
        self._switch_in_calm()
        start = over_since = world.seconds
        while world.seconds - start < _CALM_SECONDS:
            world.pass_time(self._dice.uniform(0.3, 0.9))
            if world.kill_mode is not KillMode.OFF and world.seconds >= self._kill_off_at:
                self._set_kill(KillMode.OFF)
            self._swing(0.0 if world.kill_mode is not KillMode.OFF else world.seconds - start)
            self._truth.check()
            self._help()
            over_since = over_since if self._is_over() else world.seconds
            is_quiet = world.seconds - over_since >= (_LINGER if world.touched or world.excuses else 3.0)
            if self._is_over() and is_quiet and world.tally.steps >= self._plan.least_steps:
                return

    def _switch_in_calm(self) -> None:
        """Leave with the switch set, with a sound broker and still prices: nothing else brings shares out."""
        mode = self._calm_dice.choice((KillMode.OFF, KillMode.BLOCK_ENTRIES, KillMode.FLATTEN))
        self._set_kill(mode if self._plan.people else KillMode.OFF)
        self._kill_off_at = self._world.seconds + _SWITCHED_SECONDS
        if self._world.kill_mode is KillMode.BLOCK_ENTRIES:
            held = [b for b in self._world.brackets.values() if net(b) > 0 and not b.handed_over]
            for bracket in held[:1]:
                self._world.ask(bracket, ExitRequested(reason=ExitReason.EXIT_NOW, by="user"))

    def _is_over(self) -> bool:
        world = self._world
        closed = all(bracket.state.is_closed for bracket in world.brackets.values())
        return closed and world.engine is not None and world.engine.lanes.is_idle

    def _swing(self, seconds: float) -> None:
        """Move everything widely up and down, so that every target and every stop is met."""
        for key in self._walks:
            tick, opening = INSTRUMENTS[key].tick_size, OPENING[key]
            wave = Decimal(str(round(math.sin(seconds / 25) * 0.06, 5)))
            last = (opening * (1 + wave) / tick).to_integral_value() * tick
            self._world.exchange.set_price(*key, last=last)

    def _help(self) -> None:
        """The person whom an alarm called presses `exit`."""
        for bracket in tuple(self._world.brackets.values()):
            waits = Overlay.NEEDS_ATTENTION in bracket.overlays and bracket.exit_reason is None
            if waits and net(bracket) > 0 and not bracket.handed_over:
                self._world.ask(bracket, ExitRequested(reason=ExitReason.EXIT_NOW, by="a person"))


def _percent(dice: random.Random, least: float, most: float) -> PriceSpec:
    return PriceSpec(mode=PriceMode.PERCENT, value=Decimal(str(round(dice.uniform(least, most), 2))))


def _has_plain_price(bracket: Bracket) -> bool:
    return bracket.plan.entry.order_type is OrderType.LIMIT


def spans_night(plan: WorldPlan) -> bool:
    """Whether any of its brackets can be held overnight."""
    return plan.days > 1 and any(one.plan.topology is Topology.OCO for one in plan.brackets)
