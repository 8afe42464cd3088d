"""What a world is made of, drawn from its seed: brackets, market, faults and days. Plain data."""

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

from broker.paper import capabilities
from services.bracket.model import (
    BrokerCapabilities,
    EntryTerms,
    Instrument,
    Mode,
    OrderType,
    Plan,
    Policies,
    PriceMode,
    PriceSpec,
    Product,
    Side,
    State,
    TargetTerms,
    Topology,
    Trail,
    Validity,
)
from simulator import NativeSettings, load_instruments
from simulator.clock import MONDAY_MORNING
from simulator.faults import FAULTS, Elsewhere
from simulator.orders import Key

ACCOUNT, OWNER = "AB1234", "OWNER1"
MOST_SECONDS = 130.0

SBIN: Key = ("NSE", "SBIN")
INFY: Key = ("NSE", "INFY")
NIFTY: Key = ("NFO", "NIFTY29DEC26FUT")
SENSEX: Key = ("BFO", "SENSEX31DEC2681000CE")
CRUDE: Key = ("MCX", "CRUDEOIL18DEC26FUT")
OPENING = {
    SBIN: Decimal(500),
    INFY: Decimal(1500),
    NIFTY: Decimal(25000),
    SENSEX: Decimal(2100),
    CRUDE: Decimal(5400),
}
LISTINGS = tuple(one for one in load_instruments() if one.key in OPENING)
INSTRUMENTS: dict[Key, Instrument] = {one.key: one.instrument for one in LISTINGS}

# Where, how it is carried, how its exits are held.
_PLACES: tuple[tuple[Key, Product, Topology], ...] = (
    (SBIN, Product.MIS, Topology.MORPH),
    (INFY, Product.MIS, Topology.MORPH),
    (NIFTY, Product.MIS, Topology.MORPH),
    (SENSEX, Product.MIS, Topology.MORPH),
    (CRUDE, Product.MIS, Topology.MORPH),
    (CRUDE, Product.NRML, Topology.MORPH),
    (SBIN, Product.CNC, Topology.OCO),
    (NIFTY, Product.NRML, Topology.OCO),
)


@dataclass(frozen=True, kw_only=True)
class BracketSeed:
    """One bracket and when it is sent, in seconds."""

    at: float
    plan: Plan
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class FaultSeed:
    """One fault; without a script it strikes at its rate."""

    code: str
    rate: float
    script: tuple[int, ...] | None = None
    aim: State | None = None  # strike only while a bracket is in this state


@dataclass(frozen=True, kw_only=True)
class WorldPlan:
    """Everything that the seed decides before the world begins."""

    seed: int
    brackets: tuple[BracketSeed, ...]
    faults: tuple[FaultSeed, ...]
    seconds: float
    days: int = 1
    acceptance_delay: float = 0.0
    lots: int | None = None  # lots that can be taken of each price; None: any number
    pushes: bool = True
    people: float = 0.0  # chance of a user's act, per bracket and step
    least_steps: int = 300
    least_faults: int = 8
    least_kills: int = 1
    night_at: float = field(default=60.0)
    native: NativeSettings = field(default_factory=NativeSettings)  # how the broker's own brackets behave
    exits_listed_after: float = 0.0  # seconds that their exits are listed later than their entry


def plan_of(seed: int) -> WorldPlan:
    """Return the world of a seed; one in ten spans two trading days."""
    dice = random.Random(f"world {seed}")
    days = 2 if seed % 10 == 9 else 1
    pushes = dice.random() < 0.5
    able = replace(capabilities(), pushes_orders=pushes)
    plain = WorldPlan(
        seed=seed,
        brackets=_brackets(dice, able, days=days),
        faults=_aimed(random.Random(f"aim {seed}"), _faults(dice, days=days)),
        seconds=dice.uniform(60.0, 75.0),
        days=days,
        acceptance_delay=dice.choice((0.0, 0.0, 0.3, 1.2)),
        lots=dice.choice((None, None, 1, 2, 5)),
        pushes=pushes,
        people=dice.choice((0.0, 0.0, 0.004)),
    )
    return _with_natives(plain)


# --- native brackets


def _with_natives(plan: WorldPlan) -> WorldPlan:
    """Return the world with native brackets among the others, in one of three; its own dice decide."""
    dice = random.Random(f"native {plan.seed}")
    if dice.random() >= 1 / 3:
        return plan
    chosen = [one for one in plan.brackets if _can_be_native(one.plan) and dice.random() < 0.75]
    if not chosen:
        chosen = [one for one in plan.brackets if _can_be_native(one.plan)][:1]
    brackets = tuple(replace(one, plan=_native(one.plan)) if one in chosen else one for one in plan.brackets)
    manners = {name: dice.random() < 0.5 for name in ("arms_each_fill", "reduces_sibling", "cancels_both")}
    native = NativeSettings(**manners, keeps_exits=dice.random() < 0.5, shows_tag=dice.random() < 0.75)
    late = dice.choice((0.0, 0.0, 3.0))
    return replace(plan, brackets=brackets, native=native, exits_listed_after=late)


def _can_be_native(plan: Plan) -> bool:
    is_plain = plan.entry.order_type in _NATIVE_ENTRIES and plan.entry.validity is Validity.DAY
    return is_plain and len(plan.targets) == 1


def _native(plan: Plan) -> Plan:
    """Return the plan as a native bracket that the former topology takes over from."""
    opening = OPENING[plan.instrument.exchange, plan.instrument.symbol]
    able = replace(
        plan.capabilities, fallbacks={plan.product: plan.topology}, native_entry_types=_NATIVE_ENTRIES
    )
    entry = replace(plan.entry, expected_price=plan.entry.price or opening)
    return replace(plan, topology=Topology.NATIVE, capabilities=able, entry=entry)


_NATIVE_ENTRIES = frozenset({OrderType.LIMIT, OrderType.MARKET})


# --- faults


_ALWAYS = ("F65",)
_AT_ANY_TIME = ("F61", "F71", "F72", "F74")  # need no order to strike


def _faults(dice: random.Random, *, days: int) -> tuple[FaultSeed, ...]:
    """Draw a dozen kinds; some worlds also break what the rules assume of a broker."""
    # Not over a night: what came too late for the day's last look is in no book of the morning.
    breaks = days == 1 and dice.random() < 0.12
    usable = [
        code
        for code, fault in FAULTS.items()
        if not issubclass(fault, Elsewhere)
        and code not in _ALWAYS
        and (breaks or not fault.breaks_assumptions)
    ]
    assuming = [code for code in usable if FAULTS[code].breaks_assumptions]
    ordinary = [code for code in usable if code not in assuming]
    drawn = dice.sample(ordinary, dice.randint(9, 14))
    drawn += [code for code in dice.sample(_AT_ANY_TIME, 2) if code not in drawn]
    if breaks:
        drawn += dice.sample(assuming, dice.randint(1, 2))
    eager = dice.choice((0.7, 1.0, 1.0, 1.6))
    drawn.sort(key=list(FAULTS).index)
    chosen = [FaultSeed(code=code, rate=min(0.9, FAULTS[code].usual_rate * eager)) for code in drawn]
    chosen.append(FaultSeed(code="F65", rate=0.0, script=_kill_points(dice)))
    return tuple(chosen)


def _aimed(dice: random.Random, faults: tuple[FaultSeed, ...]) -> tuple[FaultSeed, ...]:
    """In some worlds let a fault wait for a state that few brackets pass, and those in a moment."""
    breaks = any(FAULTS[one.code].breaks_assumptions for one in faults)
    if dice.random() >= (0.5 if breaks else 0.125):
        return faults
    state = State.UNWINDING if breaks else dice.choice((State.VALIDATED, State.EMERGENCY))
    able = [one for one in faults if one.script is None and state in FAULTS[one.code].where]
    if not able:
        return faults
    chosen, lead = dice.choice(able), _LEADS_TO[state]
    others = tuple(one for one in faults if one.code not in (chosen.code, lead.code))
    leads = () if lead.code == chosen.code else (lead,)
    return (*others, *leads, replace(chosen, rate=0.5, aim=state))


# How brackets come to the states aimed at.
_LEADS_TO = {
    State.VALIDATED: FaultSeed(code="F06", rate=0.3),  # an entry that provably never left
    State.EMERGENCY: FaultSeed(code="F47", rate=0.3),  # a stop that is refused
    State.UNWINDING: FaultSeed(code="F27", rate=0.03),  # a fill that is taken back after the exit
}


def _kill_points(dice: random.Random) -> tuple[int, ...]:
    """The points of the work, counted from the first, at which the process dies."""
    kills = dice.choice((1, 1, 2, 3))
    return tuple(sorted(dice.sample(range(2, 90), kills)))


# --- brackets


def _brackets(dice: random.Random, able: BrokerCapabilities, *, days: int) -> tuple[BracketSeed, ...]:
    """Draw three to five: a long one, a short one and one of several slices are always among them."""
    places = dice.sample(_PLACES, dice.choice((2, 3)))
    if days == 2 and not any(topology is Topology.OCO for _, _, topology in places):
        places[0] = dice.choice([place for place in _PLACES if place[2] is Topology.OCO])
    if not _can_oppose(places):
        places = [(NIFTY, Product.MIS, Topology.MORPH), (SBIN, Product.MIS, Topology.MORPH)]
    sides = _sides(dice, places)
    count = dice.choice((3, 3, 4, 5))
    turns = [places[0], places[1], *(dice.choice(places) for _ in range(count - 2))]
    sliced = dice.randrange(count)
    seeds = []
    for number, place in enumerate(turns):
        plan = _plan(dice, place, sides[place[0]], able, slices=2 if number == sliced else 1)
        key = f"key-{number}" if dice.random() < 0.5 else None
        seeds.append(BracketSeed(at=dice.uniform(0.0, 20.0), plan=plan, key=key))
    if dice.random() < 0.2:  # somebody tries the other side of a symbol: refused while the first is open
        place = turns[0]
        if place[1] is not Product.CNC:
            plan = _plan(dice, place, sides[place[0]].opposite, able, slices=1)
            seeds.append(BracketSeed(at=dice.uniform(5.0, 40.0), plan=plan))
    return tuple(sorted(seeds, key=lambda one: one.at))


def _can_oppose(places: list[tuple[Key, Product, Topology]]) -> bool:
    keys = {key for key, _, _ in places[:2]}
    return len(keys) == 2 and any(product is not Product.CNC for _, product, _ in places[:2])


def _sides(dice: random.Random, places: list[tuple[Key, Product, Topology]]) -> dict[Key, Side]:
    """One side a symbol; the first two places are opposite, and delivery is always bought."""
    bought = {key for key, product, _ in places if product is Product.CNC}
    sides = {key: Side.BUY if key in bought else dice.choice(tuple(Side)) for key, _, _ in places}
    first, second = places[0][0], places[1][0]
    if sides[first] is sides[second]:
        changed = second if second not in bought else first
        sides[changed] = sides[changed].opposite if changed not in bought else Side.BUY
    return sides


def _plan(
    dice: random.Random,
    place: tuple[Key, Product, Topology],
    side: Side,
    able: BrokerCapabilities,
    *,
    slices: int,
) -> Plan:
    key, product, topology = place
    instrument = INSTRUMENTS[key]
    lots = _lots(dice, instrument, slices)
    quantities = _shares(lots, instrument.lot_size, dice.choice((slices, slices, max(slices, 3))))
    entry = _entry(dice, instrument, side, able)
    return Plan(
        account_id=ACCOUNT,
        owner_id=OWNER,
        broker="paper",
        mode=Mode.LIVE,
        instrument=instrument,
        product=product,
        side=side,
        quantity=sum(quantities),
        entry=entry,
        stop=_stop(dice, instrument, side),
        targets=tuple(
            TargetTerms(price=_distance(dice, 0.6 + index * 0.5, 2.0 + index * 0.5), quantity=quantity)
            for index, quantity in enumerate(quantities)
        ),
        topology=topology,
        survives_day=topology is Topology.OCO,
        capabilities=able,
        trail=_trail(dice, key, side),
        exit_at=MONDAY_MORNING + timedelta(seconds=dice.randint(25, 70)) if dice.random() < 0.12 else None,
        policies=Policies(
            on_manual_change=dice.choice(("restore", "restore", "respect")),
            unknown_stop=dice.choice(("wait", "wait", "wait", "duplicate_stop")),
        ),
    )


def _lots(dice: random.Random, instrument: Instrument, slices: int) -> int:
    most = 200 if instrument.kind == "EQ" else 6
    if instrument.freeze_quantity is not None and dice.random() < 0.1:
        return instrument.freeze_quantity // instrument.lot_size
    return dice.randint(max(3, slices), most)


def _shares(lots: int, lot_size: int, slices: int) -> list[int]:
    parts = [lots // slices] * slices
    parts[0] += lots % slices
    return [part * lot_size for part in parts if part]


def _distance(dice: random.Random, least: float, most: float) -> PriceSpec:
    return PriceSpec(mode=PriceMode.PERCENT, value=Decimal(str(round(dice.uniform(least, most), 2))))


def _stop(dice: random.Random, instrument: Instrument, side: Side) -> PriceSpec:
    if dice.random() < 0.75:
        return _distance(dice, 0.5, 2.0)
    opening = OPENING[instrument.exchange, instrument.symbol]
    away = Decimal(str(round(dice.uniform(0.006, 0.02), 4)))
    price = opening * (1 - side.sign * away)
    return PriceSpec(mode=PriceMode.ABSOLUTE, value=_on_tick(price, instrument.tick_size))


def _on_tick(price: Decimal, tick: Decimal) -> Decimal:
    return (price / tick).to_integral_value() * tick


def _entry(dice: random.Random, instrument: Instrument, side: Side, able: BrokerCapabilities) -> EntryTerms:
    opening, tick = OPENING[instrument.exchange, instrument.symbol], instrument.tick_size
    expires = dice.choice((None, None, timedelta(seconds=12)))
    plain = EntryTerms(order_type=OrderType.MARKET, expires_in=expires, retry_absent=dice.random() < 0.25)
    kind = dice.choices(("market", "limit", "stop limit", "stop market", "ioc"), (35, 35, 12, 8, 10))[0]
    near = Decimal(str(dice.choice((0, 0.0005, 0.001, -0.001))))
    limit = _on_tick(opening * (1 - side.sign * near), tick)
    beyond = _on_tick(opening * (1 + side.sign * Decimal("0.001")), tick)
    has_stop_market = instrument.exchange in able.stop_market_exchanges and not instrument.is_option
    match kind:
        case "limit":
            slippage = dice.choice((None, PriceSpec(mode=PriceMode.PERCENT, value=Decimal("0.1"))))
            return replace(plain, order_type=OrderType.LIMIT, price=limit, max_slippage=slippage)
        case "stop limit":
            price = beyond + side.sign * 10 * tick
            return replace(plain, order_type=OrderType.SL, trigger_price=beyond, price=price)
        case "stop market" if has_stop_market:
            return replace(plain, order_type=OrderType.SL_M, trigger_price=beyond)
        case "ioc" if instrument.exchange != "MCX":
            return replace(plain, order_type=OrderType.LIMIT, price=limit, validity=Validity.IOC)
        case _:
            return plain


def _trail(dice: random.Random, key: Key, side: Side) -> Trail | None:
    chance = dice.random()
    if chance < 0.55:
        return None
    tick = INSTRUMENTS[key].tick_size
    level = _on_tick(OPENING[key] * (1 + side.sign * Decimal("0.004")), tick)
    if chance < 0.65:
        return Trail(breakeven_at=level)
    if chance < 0.75:
        return Trail(distance=_distance(dice, 0.4, 1.2), activate_at=level, breakeven_at=level)
    return Trail(distance=_distance(dice, 0.4, 1.2))
