"""Quantities: positive, in lots, within the freeze quantity, shared by the targets."""

from collections.abc import Iterator
from math import ceil

from services.bracket import terms
from services.bracket.model import Instrument, Purpose
from services.bracket.rules.facts import Facts
from services.bracket.sizing import OffLot, SizingRefused, quantity_from_risk, split
from services.bracket.violations import Code, Violation, invalid


def check_quantities(facts: Facts) -> Iterator[Violation]:
    """Yield every fault of the quantity, of the risk it comes from and of its parts."""
    yield from _size(facts)
    quantity = quantity_of(facts)
    if quantity is None:
        return
    yield from _disclosed(facts, quantity)
    if facts.instrument is not None:
        faults = [*_lots(facts.instrument, quantity), *_freeze(facts.instrument, quantity)]
        yield from faults or _slices(facts, facts.instrument, quantity=quantity)


def quantity_of(facts: Facts) -> int | None:
    """Return the total quantity in shares, asked for or from the risk; None while it is at fault."""
    request = facts.request
    if request.risk_amount is None:
        return request.quantity if request.quantity is not None and request.quantity > 0 else None
    try:
        return None if request.quantity is not None else _from_risk(facts)
    except SizingRefused:
        return None


def _size(facts: Facts) -> Iterator[Violation]:
    request = facts.request
    if request.quantity is not None and request.quantity <= 0:
        yield invalid("quantity", "Quantity must be greater than 0")
    if request.risk_amount is None:
        return
    if request.quantity is not None:
        yield invalid(
            "risk_amount", f"quantity {request.quantity} and risk_amount exclude each other: send one"
        )
    elif request.risk_amount <= 0:
        yield invalid("risk_amount", f"risk_amount {request.risk_amount} must be greater than 0")
    else:
        yield from _risk(facts)


def _risk(facts: Facts) -> Iterator[Violation]:
    try:
        quantity = _from_risk(facts)
    except SizingRefused as refused:
        yield invalid("risk_amount", str(refused))
        return
    if quantity is None and facts.stop is not None and facts.instrument is not None:
        yield invalid(
            "risk_amount", f"risk_amount {facts.request.risk_amount} needs an entry price: there is no quote"
        )


def _from_risk(facts: Facts) -> int | None:
    risk, reference = facts.request.risk_amount, facts.reference
    stop = facts.resolved(facts.stop, Purpose.STOP)
    if risk is None or risk <= 0 or facts.instrument is None or reference is None or stop is None:
        return None
    return quantity_from_risk(risk, entry=reference, stop=stop, lot_size=facts.instrument.lot_size)


def _lots(instrument: Instrument, quantity: int) -> Iterator[Violation]:
    lot = instrument.lot_size
    if quantity % lot:
        below = quantity // lot * lot
        near = f"{below} or {below + lot}" if below else f"{lot}"
        sentence = f"quantity {quantity} is not a multiple of the lot size {lot}: send {near}"
        yield Violation(field="quantity", code=Code.QUANTITY_OFF_LOT, sentence=sentence)


def _freeze(instrument: Instrument, quantity: int) -> Iterator[Violation]:
    freeze = instrument.freeze_quantity
    if freeze is None or quantity <= freeze:
        return
    largest = max(freeze // instrument.lot_size, 1) * instrument.lot_size
    count = ceil(quantity / largest)
    sentence = (
        f"quantity {quantity} is above the freeze quantity {freeze} of {instrument.symbol}:"
        f" send {count} brackets of at most {largest}"
    )
    yield invalid("quantity", sentence)


def _disclosed(facts: Facts, quantity: int) -> Iterator[Violation]:
    disclosed = facts.request.disclosed_quantity
    if not 0 <= disclosed <= quantity:
        yield invalid(
            "disclosed_quantity",
            f"disclosed_quantity {disclosed} must be between 0 and quantity {quantity}",
        )


def _slices(facts: Facts, instrument: Instrument, *, quantity: int) -> Iterator[Violation]:
    if not facts.targets or facts.side is None:
        return
    ordered = terms.nearest_first(
        [target for _, target in facts.targets], side=facts.side, reference=facts.reference
    )
    negative = [target.quantity for target in ordered if target.quantity is not None and target.quantity <= 0]
    if negative:
        yield invalid("targets", f"target quantity {negative[0]} must be greater than 0")
        return
    try:
        _ = split(quantity, [target.quantity for target in ordered], lot_size=instrument.lot_size)
    except OffLot as off_lot:
        yield Violation(field="targets", code=Code.QUANTITY_OFF_LOT, sentence=str(off_lot))
    except SizingRefused as refused:
        yield invalid("targets", str(refused))
