"""What a plan will send, as far as it is known before the first fill, for people to check. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from services.bracket.model import OrderType, Plan, PriceMode, PriceSpec, Purpose, Quote
from services.bracket.prices import resolve, stop_limit, stop_price, target_price


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedLeg:
    """One order to come. Prices are None where only the fill will tell them."""

    purpose: Purpose
    side: str
    quantity: int
    order_type: OrderType
    price: Decimal | None = None
    trigger_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """A price as asked for, worked out against the reference, and as the exchange's grid has it."""

    field: str
    exact: Decimal
    rounded: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """reference is the price relative exits are shown against; the real ones count from the average fill."""

    reference: Decimal | None
    legs: tuple[PreviewedLeg, ...]
    roundings: tuple[Rounding, ...]


def preview(plan: Plan, quote: Quote | None) -> Preview:
    """Return the orders of a plan. quote None: exits of a market entry stay open unless they are prices."""
    reference = plan.entry.price or plan.entry.trigger_price or (None if quote is None else quote.last)
    stop = _stop(plan, reference)
    targets = [_target(plan, spec.price, reference) for spec in plan.targets]
    legs = [_entry(plan), _stop_leg(plan, stop, quote)]
    for terms, price in zip(plan.targets, targets, strict=True):
        legs.append(_exit(plan, Purpose.TARGET, quantity=terms.quantity, price=price))
    return Preview(
        reference=reference, legs=tuple(legs), roundings=tuple(_roundings(plan, reference, stop, targets))
    )


def _entry(plan: Plan) -> PreviewedLeg:
    entry = plan.entry
    return PreviewedLeg(
        purpose=Purpose.ENTRY,
        side=plan.side,
        quantity=plan.quantity,
        order_type=entry.order_type,
        price=entry.price,
        trigger_price=entry.trigger_price,
    )


def _stop_leg(plan: Plan, trigger: Decimal | None, quote: Quote | None) -> PreviewedLeg:
    limit = None
    if trigger is not None:
        limit = stop_limit(
            trigger,
            side=plan.side.opposite,
            offset=plan.stop_limit_offset,
            instrument=plan.instrument,
            quote=quote,
        )
    return PreviewedLeg(
        purpose=Purpose.STOP,
        side=plan.side.opposite,
        quantity=plan.quantity,
        order_type=OrderType.SL,
        price=limit,
        trigger_price=trigger,
    )


def _exit(plan: Plan, purpose: Purpose, *, quantity: int, price: Decimal | None) -> PreviewedLeg:
    return PreviewedLeg(
        purpose=purpose, side=plan.side.opposite, quantity=quantity, order_type=OrderType.LIMIT, price=price
    )


def _stop(plan: Plan, reference: Decimal | None) -> Decimal | None:
    known = _known(plan.stop, reference)
    if known is None:
        return None
    return stop_price(plan.stop, reference=known, side=plan.side, instrument=plan.instrument)


def _target(plan: Plan, spec: PriceSpec, reference: Decimal | None) -> Decimal | None:
    known = _known(spec, reference)
    if known is None:
        return None
    return target_price(spec, reference=known, side=plan.side, instrument=plan.instrument)


def _known(spec: PriceSpec, reference: Decimal | None) -> Decimal | None:
    """Return what a price counts from; for an absolute one anything will do."""
    return spec.value if spec.mode is PriceMode.ABSOLUTE else reference


def _roundings(
    plan: Plan, reference: Decimal | None, stop: Decimal | None, targets: list[Decimal | None]
) -> list[Rounding]:
    asked = [("stop", plan.stop, Purpose.STOP, stop)]
    for place, (terms, price) in enumerate(zip(plan.targets, targets, strict=True)):
        name = "target" if len(targets) == 1 else f"targets[{place}]"
        asked.append((name, terms.price, Purpose.TARGET, price))
    found = []
    for name, spec, role, rounded in asked:
        if reference is None or rounded is None or spec.mode is PriceMode.ABSOLUTE:
            continue
        exact = resolve(spec, reference=reference, side=plan.side, role=role)
        if exact != rounded:
            found.append(Rounding(field=name, exact=exact, rounded=rounded))
    return found
