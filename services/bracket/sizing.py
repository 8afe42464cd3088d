"""How many shares: from a risk in rupees, and for each target of a scale-out. Whole lots only."""

from collections.abc import Sequence
from decimal import Decimal


class SizingRefused(ValueError):
    """No quantity of whole lots does what was asked; the message is the sentence for the caller."""


class OffLot(SizingRefused):
    """A target's own quantity is no multiple of the lot size."""


def quantity_from_risk(risk_amount: Decimal, *, entry: Decimal, stop: Decimal, lot_size: int) -> int:
    """Return the most shares, in whole lots, that lose at most risk_amount between entry and stop.

    All three in rupees. Raises SizingRefused when that is less than one lot.
    """
    distance = abs(entry - stop)
    if distance == 0:
        raise SizingRefused(f"risk_amount {risk_amount} needs a stop away from the entry {entry}")
    lots = int(risk_amount / (distance * lot_size))
    if lots < 1:
        raise SizingRefused(
            f"risk_amount {risk_amount} is less than one lot of {lot_size} risks:"
            f" {distance * lot_size} between entry {entry} and stop {stop}"
        )
    return lots * lot_size


def quantity_from_value(order_value: Decimal, *, price: Decimal, lot_size: int) -> int:
    """Return the most shares, in whole lots, that cost at most order_value at price; both in rupees.

    Raises SizingRefused when that is less than one lot.
    """
    lots = int(order_value / (price * lot_size))
    if lots < 1:
        cost = price * lot_size
        raise SizingRefused(
            f"order_value {order_value} is less than one lot of {lot_size} costs: {cost} at {price}"
        )
    return lots * lot_size


def split(total: int, wanted: Sequence[int | None], *, lot_size: int) -> tuple[int, ...]:
    """Return the quantity of each target, nearest first, adding up to total.

    Targets without a quantity share what the others leave, in whole lots, the nearest getting the odd
    one. A slice under one lot is merged into the next (the last into the one before) and is 0 here.
    Raises SizingRefused when the quantities do not add up, OffLot when they do not fall on lots.
    """
    shares = _shares(total, wanted, lot_size=lot_size)
    if sum(shares) != total or min(shares) < 0:
        raise SizingRefused(f"targets of {_sum(wanted)} must add up to quantity {total}")
    slices = _merged(shares, lot_size=lot_size)
    off_lot = [quantity for quantity in slices if quantity % lot_size]
    if off_lot:
        raise OffLot(f"target quantity {off_lot[0]} is not a multiple of the lot size {lot_size}")
    return slices


def _shares(total: int, wanted: Sequence[int | None], *, lot_size: int) -> list[int]:
    open_places = [place for place, quantity in enumerate(wanted) if quantity is None]
    shares = [quantity or 0 for quantity in wanted]
    left = total - sum(shares)
    if not open_places or left < 0:
        return shares
    lots, odd = divmod(left // lot_size, len(open_places))
    for rank, place in enumerate(open_places):
        shares[place] = (lots + (1 if rank < odd else 0)) * lot_size
    shares[open_places[-1]] += left % lot_size
    return shares


def _merged(shares: Sequence[int], *, lot_size: int) -> tuple[int, ...]:
    slices: list[int] = []
    carried = 0
    for share in shares:
        quantity = share + carried
        carried = quantity if quantity < lot_size else 0
        slices.append(0 if carried else quantity)
    if carried:
        _give_back(slices, carried)
    return tuple(slices)


def _give_back(slices: list[int], carried: int) -> None:
    # Nothing comes after the last target, so its crumbs go to the one before that has any.
    place = max((at for at, quantity in enumerate(slices) if quantity), default=len(slices) - 1)
    slices[place] += carried


def _sum(wanted: Sequence[int | None]) -> str:
    return " + ".join("the rest" if quantity is None else str(quantity) for quantity in wanted)
