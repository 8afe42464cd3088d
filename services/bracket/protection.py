"""What is told about a bracket's protection: who holds it, what outlives us, and what to know."""

from dataclasses import dataclass
from typing import assert_never

from services.bracket import terms
from services.bracket.calendar import ALWAYS_OPEN_ID, Session
from services.bracket.model import OrderType, Plan, PriceMode, Quote, Topology
from services.bracket.request import BracketOrderRequest
from utils.constants import EXCHANGE_ZONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """How the exits of a plan are held. survives_*: whether that exit works on while we are down."""

    topology: Topology
    held_by: str
    survives_stop: bool
    survives_target: bool
    warnings: tuple[str, ...] = ()


def describe_protection(plan: Plan, warnings: tuple[str, ...] = ()) -> Protection:
    """Return who holds the stop and the target of a plan, and which of them outlives a shutdown."""
    return Protection(
        topology=plan.topology,
        held_by=_held_by(plan.topology),
        survives_stop=True,
        survives_target=plan.topology is not Topology.MORPH,
        warnings=warnings,
    )


def plan_warnings(
    plan: Plan, *, request: BracketOrderRequest, quote: Quote | None, session: Session
) -> tuple[str, ...]:
    """Return what a caller should know about an accepted order, one sentence each."""
    return (
        *_about_holding(plan),
        *_about_moving(plan),
        *_about_orders(plan, request),
        *_about_market(plan, quote),
        *_about_session(plan, session),
    )


def _held_by(topology: Topology) -> str:
    match topology:
        case Topology.MORPH:
            return "stop resting at the exchange; target by this service"
        case Topology.OCO:
            return "broker's one-cancels-other trigger (GTT)"
        case Topology.LOOSE:
            return "two resting orders at the exchange; one cancels the other by this service"
        case Topology.NATIVE:
            return "broker's native bracket order"
        case _:
            assert_never(topology)


def _about_holding(plan: Plan) -> list[str]:
    match plan.topology:
        case Topology.MORPH:
            return ["the target needs this service running; the stop rests at the exchange"]
        case Topology.OCO:
            return ["the broker's trigger places a limit order: a gap through it leaves it to this service"]
        case Topology.LOOSE:
            return ["both exits rest unlinked: both may fill before the second is cancelled"]
        case Topology.NATIVE:
            return _about_native(plan)
        case _:
            assert_never(plan.topology)


def _about_moving(plan: Plan) -> list[str]:
    """Tell what only this service can do, however the exits are held."""
    if plan.trail is None:
        return []
    return ["trailing and break-even need this service running: without it the stop stays where it is"]


def _about_native(plan: Plan) -> list[str]:
    told = [
        "the broker decides how many shares its exits cover: where they cover other than what is held, or one"
        f" of them dies, both are taken away and replaced ({_held_by(terms.holding_of(plan))})",
        "the broker may hold its exits back until the entry has filled completely: what filled may be"
        " unprotected for 3 s, then the rest of the entry is cancelled",
    ]
    if any(spec.mode is not PriceMode.ABSOLUTE for spec in (plan.stop, plan.targets[0].price)):
        told.append("stop and target go with the entry as prices and are moved to the average fill")
    return told


def _about_orders(plan: Plan, request: BracketOrderRequest) -> list[str]:
    told: list[str] = []
    if plan.policies.unknown_stop == "wait":
        quiet = int(plan.capabilities.absence_quiescence.total_seconds())
        told.append(
            f"if the broker does not answer for the stop, shares may be unprotected for {quiet} s and three"
            " reads before another is placed"
        )
    else:
        told.append("a stop without an answer is placed again at once: both may rest for a moment")
    if _is_rewritten(plan, request):
        told.append(f"SL-M is not taken on {plan.instrument.exchange}: the entry is sent as SL")
    if len(plan.targets) < len(terms.target_requests(request)):
        told.append("targets of less than one lot were merged into the next")
    return told


def _is_rewritten(plan: Plan, request: BracketOrderRequest) -> bool:
    asked = terms.order_type_of(request)
    sent = terms.entry_order_type(plan.capabilities, OrderType.SL_M, exchange=plan.instrument.exchange)
    return asked is OrderType.SL_M and sent is not OrderType.SL_M


def _about_market(plan: Plan, quote: Quote | None) -> list[str]:
    if not plan.capabilities.gives_quotes:
        return ["this account's plan at the broker gives no prices: market checks skipped"]
    if quote is None:
        return ["market checks skipped: no quote"]
    nearest = plan.capabilities.gtt_minimum_distance * quote.last
    stop = plan.stop.value
    if (
        plan.topology is Topology.OCO
        and plan.stop.mode is PriceMode.ABSOLUTE
        and abs(quote.last - stop) < nearest
    ):
        return ["the stop is too near the market for the broker's trigger: it rests as an order at first"]
    return []


def _about_session(plan: Plan, session: Session) -> list[str]:
    told: list[str] = []
    if session.provisional:
        told.append(f"the exchange calendar of {session.date_id[:4]} is provisional: holidays are not known")
    if plan.exit_at is not None:
        at = plan.exit_at.astimezone(EXCHANGE_ZONE).strftime("%H:%M")
        told.append(f"leaves at {at} exchange time; that needs this service running")
    expiry = plan.instrument.expiry
    if expiry is not None and plan.product is not terms.INTRADAY and session.date_id != ALWAYS_OPEN_ID:
        told.append(f"leaves before the close of {expiry}, the last day of the contract")
    if session.date_id != ALWAYS_OPEN_ID and session.continuous_until < session.closes_at:
        until = session.continuous_until.astimezone(EXCHANGE_ZONE).strftime("%H:%M")
        told.append(f"stocks with derivatives trade until {until} only; resting stops are cancelled then")
    return told
