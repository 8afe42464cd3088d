"""What a bracket looks like in answers: prices are strings, times ISO-8601 in UTC with milliseconds."""

from decimal import Decimal

from database.bracket_db import StoredEvent
from services.announcements import utc_milliseconds
from services.bracket.explanation import Explanation, SliceExplained
from services.bracket.model import Bracket, Leg, LegStatus, Plan, PriceMode, PriceSpec, Quote, Role, Terms
from services.bracket.preview import preview
from services.bracket.protection import Protection, describe_protection
from services.bracket.quantities import filled_of, next_target
from services.bracket.wanted import stop_level, target_level
from services.bracket_order_service import Placed, entry_leg
from services.event_codec import decode_event
from services.timeline import words_of

Shape = dict[str, object]

_UNRESOLVED = frozenset({LegStatus.SENT, LegStatus.UNKNOWN, LegStatus.NOT_SENT})


def placed_shape(placed: Placed) -> Shape:
    """Return the answer to a placement: the bracket, or for a dry run the plan."""
    if placed.ignored is not None:
        return _nothing(placed, message=placed.ignored) | {"ignored": True}
    if placed.bracket is None:
        return _nothing(placed, message="Dry run: the order is valid, nothing was sent") | {"dry_run": True}
    return {
        "message": _message(placed.bracket),
        **bracket_shape(placed.bracket, placed.protection),
        "duplicate": placed.duplicate,
    }


def _nothing(placed: Placed, *, message: str) -> Shape:
    return {
        "message": message,
        "bracket_id": None,
        **plan_shape(placed.plan),
        "protection": protection_shape(placed.protection),
    }


def _message(bracket: Bracket) -> str:
    entry = entry_leg(bracket)
    if entry is None and bracket.plan.waits_for:
        others = ", ".join(bracket.plan.waits_for)
        return (
            f"Bracket order initiated - bracket {others} is closed first, the entry follows once it is flat"
        )
    if entry is not None and entry.broker_order_id is None and entry.status in _UNRESOLVED:
        return "Entry sent, broker has not confirmed it: being resolved"
    return "Bracket order initiated - entry order placed, exits follow each fill"


def bracket_shape(bracket: Bracket, protection: Protection | None = None) -> Shape:
    """Return a bracket as every answer carries it."""
    entry = entry_leg(bracket)
    order_id = None if entry is None else entry.broker_order_id
    filled = filled_of(bracket, Role.ENTRY)
    return {
        "bracket_id": bracket.id,
        "entry_order_id": order_id,
        "orderid": order_id,
        **plan_shape(bracket.plan),
        **_exit_prices(bracket),
        "state": str(bracket.state),
        "overlays": sorted(str(overlay) for overlay in bracket.overlays),
        "filled_quantity": filled,
        "average_price": _average(bracket),
        "naked_seconds": round(bracket.naked_seconds, 3),
        "outcome": None if bracket.outcome is None else str(bracket.outcome),
        "profit": _text(bracket.profit),
        "created_at": utc_milliseconds(bracket.received.wall),
        "updated_at": utc_milliseconds((bracket.updated or bracket.received).wall),
        "protection": protection_shape(protection or describe_protection(bracket.plan)),
        "legs": [leg_shape(leg) for leg in bracket.legs],
    }


def plan_shape(plan: Plan) -> Shape:
    """Return what was asked for, as it was accepted."""
    return {
        "symbol": plan.instrument.symbol,
        "exchange": plan.instrument.exchange,
        "product": str(plan.product),
        "action": str(plan.side),
        "quantity": plan.quantity,
        "pricetype": str(plan.entry.order_type),
        "entry_price": _text(plan.entry.price),
        "trigger_price": _text(plan.entry.trigger_price),
        "sl_price": _absolute(plan.stop),
        "stop": _spec(plan.stop),
        "target_price": _absolute(plan.targets[0].price),
        "targets": [{**_spec(target.price), "quantity": target.quantity} for target in plan.targets],
        "exit_at": None if plan.exit_at is None else utc_milliseconds(plan.exit_at),
        "strategy": plan.strategy,
        "client_order_id": plan.client_order_id,
        "mode": str(plan.mode),
    }


def preview_shape(plan: Plan, quote: Quote | None) -> Shape:
    """Return the orders a plan will come to, and what the exchange's grid makes of its prices."""
    seen = preview(plan, quote)
    return {
        "reference_price": _text(seen.reference),
        "legs": [
            {
                "purpose": str(leg.purpose),
                "side": leg.side,
                "quantity": leg.quantity,
                "pricetype": str(leg.order_type),
                "price": _text(leg.price),
                "trigger_price": _text(leg.trigger_price),
            }
            for leg in seen.legs
        ],
        "rounding": [
            {"field": one.field, "exact": _text(one.exact), "rounded": _text(one.rounded)}
            for one in seen.roundings
        ],
    }


def protection_shape(protection: Protection) -> Shape:
    """Return who holds the exits, and what outlives a shutdown of ours."""
    return {
        "topology": str(protection.topology),
        "held_by": protection.held_by,
        "survives_shutdown": {"stop": protection.survives_stop, "target": protection.survives_target},
        "warnings": list(protection.warnings),
    }


def leg_shape(leg: Leg) -> Shape:
    """Return one order of a bracket."""
    return {
        "seq": leg.seq,
        "slice": leg.slice,
        "role": leg.role.name.lower(),
        "kind": str(leg.kind),
        "purpose": str(leg.purpose),
        "status": str(leg.status),
        "side": str(leg.side),
        "order_id": leg.broker_order_id,
        "tag": leg.tag,
        "filled_quantity": leg.filled,
        "average_price": _text(leg.average_price),
        **terms_shape(leg.terms),
        "change": None if leg.change is None else f"{leg.change.kind} {leg.change.status}",
        "reason": leg.reason,
        "sent_at": utc_milliseconds(leg.sent_at.wall),
    }


def terms_shape(terms: Terms) -> Shape:
    """Return what an order says."""
    return {
        "pricetype": str(terms.order_type),
        "quantity": terms.quantity,
        "price": _text(terms.price),
        "trigger_price": _text(terms.trigger_price),
        "target_trigger": _text(terms.target_trigger),
        "target_price": _text(terms.target_price),
    }


def timeline(bracket: Bracket, events: tuple[StoredEvent, ...]) -> list[Shape]:
    """Return everything that happened to a bracket, oldest first, each with words where there are any."""
    # Read one after the other: events may already tell of legs that this bracket does not have yet.
    return [_moment(bracket, stored) for stored in events if stored.seq <= bracket.version]


def _moment(bracket: Bracket, stored: StoredEvent) -> Shape:
    return {
        "seq": stored.seq,
        "kind": stored.kind,
        "at": utc_milliseconds(stored.at),
        "words": words_of(decode_event(stored.kind, stored.payload), bracket),
    }


def explanation_shape(explanation: Explanation) -> Shape:
    """Return why a bracket is as it is."""
    return {
        "bracket_id": explanation.bracket.id,
        "state": str(explanation.bracket.state),
        "mode": str(explanation.bracket.plan.mode),
        "overlays": sorted(str(overlay) for overlay in explanation.bracket.overlays),
        "desired": {"stop": explanation.stop, "targets": list(explanation.targets)},
        "slices": [_slice_shape(part) for part in explanation.slices],
        "clocks": explanation.clocks,
        "last_read_age_seconds": explanation.last_read_age_seconds,
        "next_look_seconds": explanation.next_look_seconds,
        "next": explanation.next,
    }


def _slice_shape(part: SliceExplained) -> Shape:
    return {
        "slice": part.slice,
        "held": part.held,
        "wanted": None if part.wanted is None else terms_shape(part.wanted),
        "observed": None if part.observed is None else terms_shape(part.observed),
        "status": part.status,
        "why": part.why,
    }


def _exit_prices(bracket: Bracket) -> Shape:
    """Return stop and target as they are now: resolved against the fill, moved by a person or a trail."""
    return {
        "sl_price": _text(stop_level(bracket)),
        "stop": _spec(bracket.stop),
        "target_price": _text(target_level(bracket, next_target(bracket))),
        "targets": [{**_spec(part.target), "quantity": part.quantity} for part in bracket.slices],
    }


def _average(bracket: Bracket) -> str | None:
    """Return the average price of all entry fills, in rupees."""
    fills = [leg for leg in bracket.legs if leg.role is Role.ENTRY and leg.filled and leg.average_price]
    shares = sum(leg.filled for leg in fills)
    if not shares:
        return None
    paid = sum((leg.filled * (leg.average_price or Decimal(0)) for leg in fills), Decimal(0))
    return _text((paid / shares).quantize(Decimal("0.0001")))


def _absolute(spec: PriceSpec) -> str | None:
    return _text(spec.value) if spec.mode is PriceMode.ABSOLUTE else None


def _spec(spec: PriceSpec) -> Shape:
    return {("price" if spec.mode is PriceMode.ABSOLUTE else str(spec.mode)): _text(spec.value)}


def _text(value: Decimal | None) -> str | None:
    """Return an amount as text with two decimals, and more only where they say something."""
    if value is None:
        return None
    whole, _, decimals = format(value, "f").partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
