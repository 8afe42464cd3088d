"""What happens in a world of a seed: its brackets, its prices, its faults, its people."""

import math
import random
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from services.bracket.events import BracketModified, CancelRequested, ExitRequested, HandedOver
from services.bracket.model import (
    Bracket,
    EntryTerms,
    ExitReason,
    IfFilled,
    OrderType,
    Overlay,
    Plan,
    PriceMode,
    PriceSpec,
    Product,
    Role,
    Side,
    TargetTerms,
    Topology,
    Trail,
)
from services.bracket.quantities import live_legs, net
from simulator import ExchangeSettings
from tests.builders import a_plan
from tests.simulation.truth import Truth, account_is_flat
from tests.simulation.world import (
    CAPABILITIES,
    INFY,
    LIVE_ROWS,
    NIFTY,
    OPENING,
    SBIN,
    Fault,
    Faults,
    Key,
    Tracked,
    World,
)

BROKER_FAULTS = Faults(
    calls={
        Fault.REPLY_LOST: 0.06,
        Fault.LOST: 0.05,
        Fault.NO_CONNECTION: 0.04,
        Fault.LATE: 0.04,
        Fault.REFUSED: 0.04,
        Fault.SLOW: 0.05,
    },
    failed_reads=0.05,
    missing_rows=0.05,
    stale_parts=0.2,
    dead_session=0.02,
    stale_feed=0.1,
    rejected_later=0.01,
)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """How a world is run. Seconds of trouble first, then calm until all is over."""

    faults: Faults
    seconds: float = 50.0
    calm_seconds: float = 400.0
    brackets: int = 2
    linger: float = 0.0  # seconds to stay after the end: what others did is seen within a minute
    stubborn: bool = True  # a person ends at last what waits for a person
    may_reverse: bool = False


def run(seed: int, scenario: Scenario) -> World:
    """Play one world to its end. Raises Broken, with the diary in the world, when the promise breaks."""
    rng = random.Random(seed)
    settings = ExchangeSettings(
        seed=seed,
        acceptance_delay=timedelta(seconds=rng.choice((0.0, 0.0, 0.3, 1.2))),
        opening_cash=Decimal(10) ** 9,
    )
    world = World(seed, faults=scenario.faults, settings=settings)
    truth = Truth(world, may_reverse=scenario.may_reverse)
    try:
        _trouble(world, truth, scenario, rng)
        _calm(world, truth, scenario, rng)
        truth.check_end()
    except BaseException as exc:
        exc.add_note("\n".join(world.diary[-400:]))
        raise
    return world


def _trouble(world: World, truth: Truth, scenario: Scenario, rng: random.Random) -> None:
    plans = _plans(rng, scenario.brackets)
    waiting = [(rng.uniform(0, 15), plan) for plan in plans]
    walks = {key: _Walk(rng, key) for key in OPENING}
    lots = rng.choice((None, None, 1, 2, 5))
    while world.seconds < scenario.seconds:
        world.pass_time(rng.uniform(0.1, 0.5))
        for start, plan in tuple(waiting):
            if world.seconds >= start:
                waiting.remove((start, plan))
                world.submit(plan)
        _move(world, walks, rng, lots=lots)
        _people(world, rng)
        truth.check()


def _calm(world: World, truth: Truth, scenario: Scenario, rng: random.Random) -> None:
    world.calm_down()
    start = quiet_since = world.seconds
    while world.seconds - start < scenario.calm_seconds:
        world.pass_time(rng.uniform(0.3, 0.9))
        _swing(world, world.seconds - start)
        truth.check()
        if scenario.stubborn:
            _help(world)
        quiet_since = quiet_since if _is_over(world) else world.seconds
        if _is_over(world) and world.seconds - quiet_since >= scenario.linger:
            return


def _is_over(world: World) -> bool:
    return all(one.bracket.state.is_closed for one in world.tracked.values()) and not world.calls


def _help(world: World) -> None:
    """The person whom an alarm called presses `exit`."""
    for one in world.tracked.values():
        waits = Overlay.NEEDS_ATTENTION in one.bracket.overlays and one.bracket.exit_reason is None
        if waits and net(one.bracket) > 0 and not one.bracket.handed_over:
            world.ask(one, ExitRequested(reason=ExitReason.EXIT_NOW, by="a person"))


# --- prices


class _Walk:
    """A price that wanders in whole ticks and sometimes jumps."""

    def __init__(self, rng: random.Random, key: Key) -> None:
        self._rng = rng
        self.price = OPENING[key]
        self._step = self.price / 5000
        self.tick = Decimal("0.10") if key != SBIN else Decimal("0.05")

    def next(self) -> Decimal:
        size = 8 if self._rng.random() < 0.03 else 1
        self.price += self._step * Decimal(str(round(self._rng.uniform(-2, 2) * size, 3)))
        return (self.price / self.tick).to_integral_value() * self.tick


def _move(world: World, walks: dict[Key, _Walk], rng: random.Random, *, lots: int | None) -> None:
    """Move prices; with lots, so many can be taken of each price."""
    for key, walk in walks.items():
        if rng.random() < 0.7:
            last = walk.next()
            spread = walk.tick * rng.choice((0, 0, 1, 2))
            depth = None if lots is None else lots * (65 if key == NIFTY else 20)
            world.exchange.set_price(*key, last=last, bid=last - spread, ask=last + spread, depth=depth)


def _swing(world: World, seconds: float) -> None:
    """Move everything widely up and down, so that every target and every stop is met."""
    for key, opening in OPENING.items():
        tick = Decimal("0.10") if key != SBIN else Decimal("0.05")
        wave = Decimal(str(round(math.sin(seconds / 25) * 0.06, 5)))
        last = (opening * (1 + wave) / tick).to_integral_value() * tick
        world.exchange.set_price(*key, last=last)


# --- plans


def _plans(rng: random.Random, count: int) -> list[Plan]:
    sides = {key: rng.choice(tuple(Side)) for key in OPENING}
    return [_plan(rng, sides) for _ in range(count)]


def _plan(rng: random.Random, sides: dict[Key, Side]) -> Plan:
    key, product, topology = rng.choice(
        (
            (SBIN, Product.MIS, Topology.MORPH),
            (INFY, Product.MIS, Topology.MORPH),
            (NIFTY, Product.MIS, Topology.MORPH),
            (SBIN, Product.CNC, Topology.OCO),
            (NIFTY, Product.NRML, Topology.OCO),
        )
    )
    side = Side.BUY if product is Product.CNC else sides[key]
    lots = rng.randint(1, 6) if key == NIFTY else rng.randint(1, 200)
    instrument = next(i for k, i in _INSTRUMENTS.items() if k == key)
    quantities = _shares(rng, lots, instrument.lot_size)
    targets = tuple(
        TargetTerms(price=_distance(rng, "0.6", "2.5"), quantity=quantity) for quantity in quantities
    )
    return a_plan(
        instrument=instrument,
        product=product,
        topology=topology,
        side=side,
        quantity=sum(quantities),
        entry=_entry(rng, key, side),
        stop=_distance(rng, "0.5", "2.0"),
        targets=targets,
        capabilities=CAPABILITIES,
        survives_day=topology is Topology.OCO,
        trail=_trail(rng),
    )


def _shares(rng: random.Random, lots: int, lot_size: int) -> list[int]:
    cuts = min(lots, rng.choice((1, 1, 2, 3)))
    parts = [lots // cuts] * cuts
    parts[0] += lots % cuts
    return [part * lot_size for part in parts]


def _distance(rng: random.Random, least: str, most: str) -> PriceSpec:
    return PriceSpec(
        mode=PriceMode.PERCENT, value=Decimal(str(round(rng.uniform(float(least), float(most)), 2)))
    )


def _entry(rng: random.Random, key: Key, side: Side) -> EntryTerms:
    expires = rng.choice((None, timedelta(seconds=12)))
    if rng.random() < 0.4:
        return EntryTerms(order_type=OrderType.MARKET, expires_in=expires)
    away = Decimal(str(rng.choice((0, 0.0005, 0.001, -0.001))))
    tick = Decimal("0.10") if key != SBIN else Decimal("0.05")
    price = (OPENING[key] * (1 - side.sign * away) / tick).to_integral_value() * tick
    return EntryTerms(order_type=OrderType.LIMIT, price=price, expires_in=expires)


def _trail(rng: random.Random) -> Trail | None:
    if rng.random() < 0.6:
        return None
    return Trail(distance=_distance(rng, "0.4", "1.2"))


# --- people


def _people(world: World, rng: random.Random) -> None:
    if rng.random() < world.faults.crashes:
        world.crash()
    for one in tuple(world.tracked.values()):
        if one.bracket.state.is_closed:
            continue
        if rng.random() < world.faults.user_acts:
            _ask_something(world, one, rng)
        if rng.random() < world.faults.outside_acts:
            _interfere(world, one, rng)
        if rng.random() < world.faults.broker_cancels:
            _cancel_elsewhere(world, one, rng)


def _ask_something(world: World, one: Tracked, rng: random.Random) -> None:
    act = rng.choice(("cancel_keep", "cancel_exit", "exit", "stop", "targets", "hand_over", "entry"))
    bracket = one.bracket
    if bracket.handed_over:
        return
    match act:
        case "cancel_keep":
            world.ask(one, CancelRequested(if_filled=IfFilled.KEEP_EXITS, by="user"))
        case "cancel_exit":
            world.ask(one, CancelRequested(if_filled=IfFilled.EXIT, by="user"))
        case "exit":
            world.ask(one, ExitRequested(reason=ExitReason.EXIT_NOW, by="user"))
        case "stop":
            world.ask(one, BracketModified(by="user", stop=_distance(rng, "0.5", "2.0")))
        case "targets":
            targets = tuple(_distance(rng, "0.6", "2.5") for _ in bracket.slices)
            world.ask(one, BracketModified(by="user", targets=targets))
        case "hand_over" if rng.random() < 0.3:
            world.hand_made.add(bracket.id)
            world.ask(one, HandedOver(by="user", cancel_exits=rng.random() < 0.7))
        case "entry" if bracket.plan.entry.price is not None and live_legs(bracket, Role.ENTRY):
            tick = bracket.plan.instrument.tick_size
            price = bracket.plan.entry.price + tick * rng.randint(-20, 20)
            world.ask(one, BracketModified(by="user", entry_price=price))


def _interfere(world: World, one: Tracked, rng: random.Random) -> None:
    """Close all or a part at another terminal, or buy some more."""
    bracket = one.bracket
    held = min(net(bracket), world.position_of(bracket))
    if held <= 0 or _closes_already(world, bracket):
        return
    for other in world.tracked.values():
        if other.bracket.plan.instrument == bracket.plan.instrument:
            world.hand_made.add(other.bracket.id)
    lot = bracket.plan.instrument.lot_size
    act = rng.choice(("all", "part", "add"))
    if act == "add":
        world.trade_by_hand(bracket.plan, bracket.plan.side, lot)
    else:
        quantity = held if act == "all" else max(lot, held // 2 // lot * lot)
        world.trade_by_hand(bracket.plan, bracket.plan.side.opposite, quantity)


def _closes_already(world: World, bracket: Bracket) -> bool:
    """Whether an order of theirs still waits for somebody to trade with: nobody closes twice."""
    book = world.broker.order_book()
    return any(
        row.tag is None and row.status in LIVE_ROWS and row.symbol == bracket.plan.instrument.symbol
        for row in book
    )


def _cancel_elsewhere(world: World, one: Tracked, rng: random.Random) -> None:
    """Somebody, or the broker, cancels one of our orders."""
    live = [leg for leg in one.bracket.legs if leg.is_working and leg.broker_order_id is not None]
    if not live:
        return
    leg = rng.choice(live)
    world.hand_made.add(one.bracket.id)
    world.note(f"cancelled elsewhere: {leg.tag}")
    try:
        if leg.kind == "gtt":
            world.broker.cancel_gtt(str(leg.broker_order_id))
        else:
            world.broker.cancel_order(str(leg.broker_order_id))
    except Exception as exc:  # noqa: BLE001  # it had ended meanwhile: nothing to cancel
        world.note(str(exc))


_INSTRUMENTS = World(0).exchange.instruments
__all__ = ["BROKER_FAULTS", "Scenario", "account_is_flat", "run"]
