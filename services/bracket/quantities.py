"""How many lots: what is held, what is protected, and what the one exit of a slice may say.

All quantities are shares in absolute numbers, seen from the entry's side, so a short bracket is the same
rule with the sides exchanged. The safe quantity rule is `safe_total`; everything else serves it.
"""

from decimal import Decimal

from services.bracket.model import Bracket, Leg, LegKind, LegStatus, Role, Slice
from services.bracket.native import awaits_exits


def legs_of(bracket: Bracket, role: Role, *, part: Slice | None = None) -> list[Leg]:
    """Return the legs of one role, of one slice or of all, oldest first."""
    return [leg for leg in bracket.legs if leg.role is role and (part is None or leg.slice == part.index)]


def live_legs(bracket: Bracket, role: Role, *, part: Slice | None = None) -> list[Leg]:
    return [leg for leg in legs_of(bracket, role, part=part) if leg.is_live]


def filled_of(bracket: Bracket, role: Role, *, part: Slice | None = None) -> int:
    return sum(leg.filled for leg in legs_of(bracket, role, part=part))


def allocate(slices: tuple[Slice, ...], filled: int) -> tuple[int, ...]:
    """Return how many of `filled` entry shares belong to each slice: farthest target first.

    A pure function of the fill that only grows with it, so no lot ever moves between slices. What
    the broker fills beyond the order goes to the farthest slice, to be protected like the rest.
    """
    shares = [0] * len(slices)
    left = filled
    for part in reversed(slices):
        shares[part.index] = min(left, part.quantity)
        left -= shares[part.index]
    shares[-1] += left
    return tuple(shares)


def net_of(bracket: Bracket, part: Slice) -> int:
    """Return what the slice holds; below zero when exits took more than there was."""
    bought = part.allocated + filled_of(bracket, Role.UNWIND, part=part)
    return bought - part.external - filled_of(bracket, Role.EXIT, part=part)


def net(bracket: Bracket) -> int:
    return sum(net_of(bracket, part) for part in bracket.slices)


def safe_total(bracket: Bracket, part: Slice) -> int:
    """Return the total quantity that the one live exit of a slice may say, in whole lots.

    It never uses that exit's own, possibly stale, fill: entry fills seen are at most the true ones,
    and terminal exits do not fill any more, so the exit can never take more than is there.
    """
    bought = part.allocated + filled_of(bracket, Role.UNWIND, part=part)
    ended = sum(leg.filled for leg in legs_of(bracket, Role.EXIT, part=part) if not leg.is_live)
    total = bought - part.external - ended
    return total - total % bracket.plan.instrument.lot_size


def next_target(bracket: Bracket) -> Slice:
    """Return the slice whose target is the nearest one still to be reached; the first when none is."""
    return next((part for part in bracket.slices if not _is_over(bracket, part)), bracket.slices[0])


def _is_over(bracket: Bracket, part: Slice) -> bool:
    """Whether the slice held shares once and holds none any more; the farthest slice fills first."""
    return part.allocated > 0 and net_of(bracket, part) <= 0


def is_below_lot(bracket: Bracket) -> bool:
    """Whether less than a lot is held in every slice: no exchange takes an order for it."""
    held = [net_of(bracket, part) for part in bracket.slices]
    return sum(held) > 0 and all(quantity < bracket.plan.instrument.lot_size for quantity in held)


def orderable_total(bracket: Bracket, part: Slice) -> int:
    """Return the safe total, at most what one order may carry: a broker's overfill can exceed it.

    The rest follows in the next order of the slice, once this one is over.
    """
    return at_most_freeze(bracket, safe_total(bracket, part))


def at_most_freeze(bracket: Bracket, quantity: int) -> int:
    """Return quantity, or the most whole lots that one order of the instrument may carry."""
    freeze, lot = bracket.plan.instrument.freeze_quantity, bracket.plan.instrument.lot_size
    return quantity if freeze is None else min(quantity, freeze // lot * lot)


def has_undecided(bracket: Bracket, part: Slice) -> bool:
    """Whether an exit or unwind of the slice may exist at the broker without our knowing its id."""
    legs = live_legs(bracket, Role.EXIT, part=part) + live_legs(bracket, Role.UNWIND, part=part)
    return any(leg.broker_order_id is None for leg in legs) or awaits_exits(bracket)


def average_entry_price(bracket: Bracket) -> Decimal | None:
    """Return the average price of the entry's fills, None while unknown (a broker may say 0 at first)."""
    fills = [(leg.filled, leg.average_price) for leg in legs_of(bracket, Role.ENTRY) if leg.filled]
    if not fills:
        return None
    value = Decimal(0)
    for quantity, price in fills:
        if price is None:
            return None
        value += quantity * price
    return value / sum(quantity for quantity, _ in fills)


def entry_is_live(bracket: Bracket) -> bool:
    return bool(live_legs(bracket, Role.ENTRY))


_MAY_STILL_SPEAK = (LegStatus.ABSENT, LegStatus.TRIGGERED)


def watches_gtts(bracket: Bracket) -> bool:
    """Whether the GTT book matters: a trigger is live, unseen, given up, or its other leg may fire too."""
    gtts = [leg for leg in bracket.legs if leg.kind is LegKind.GTT]
    return any(leg.is_live or leg.missed_reads or leg.status in _MAY_STILL_SPEAK for leg in gtts)
