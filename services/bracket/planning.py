"""From a faultless request to the plan that is carried out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from services.bracket import terms
from services.bracket.calendar import Session, time_exit_at
from services.bracket.model import (
    BrokerCapabilities,
    EntryTerms,
    Instrument,
    Mode,
    OrderType,
    Plan,
    Policies,
    PriceSpec,
    Product,
    Quote,
    Side,
    TargetTerms,
    Trail,
)
from services.bracket.prices import stop_limit
from services.bracket.request import BracketOrderRequest
from services.bracket.rules.facts import Facts
from services.bracket.rules.quantities import quantity_of
from services.bracket.rules.timing import exit_moment
from services.bracket.sizing import split

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose order it is and where it goes."""

    account_id: str
    owner_id: str
    broker: str
    mode: Mode


def make_plan(
    request: BracketOrderRequest,
    *,
    account: Account,
    capabilities: BrokerCapabilities,
    instrument: Instrument,
    quote: Quote | None,
    session: Session,
    now: datetime,
) -> Plan:
    """Return the plan of a request in which `check` found nothing.

    Raises ValueError for a request with faults: a bug in the caller, who did not check.
    """
    facts = Facts(
        request=request,
        capabilities=capabilities,
        instrument=instrument,
        quote=quote,
        session=session,
        now=now,
    )
    side, product = _sure(facts.side, "action"), _sure(facts.product, "product")
    quantity = _sure(quantity_of(facts), "quantity")
    topology = facts.topology_of(product, exchange=instrument.exchange)
    return Plan(
        account_id=account.account_id,
        owner_id=account.owner_id,
        broker=account.broker,
        mode=account.mode,
        instrument=instrument,
        product=product,
        side=side,
        quantity=quantity,
        entry=_entry(facts, instrument, side=side),
        stop=_sure(facts.stop, "stop"),
        targets=_targets(facts, instrument, side=side, quantity=quantity),
        topology=_sure(topology, "product"),
        survives_day=terms.survives_day(
            capabilities, product, exchange=instrument.exchange, topology=topology
        ),
        capabilities=capabilities,
        stop_limit_offset=request.sl_limit_offset,
        trail=_trail(request),
        exit_at=_exit_at(facts, session, product=product),
        policies=Policies(on_manual_change=request.on_manual_change, unknown_stop=request.unknown_stop),
        strategy=request.strategy,
        client_order_id=request.client_order_id,
    )


def _entry(facts: Facts, instrument: Instrument, *, side: Side) -> EntryTerms:
    request = facts.request
    asked = _sure(facts.order_type, "pricetype")
    order_type = terms.entry_order_type(facts.capabilities, asked, exchange=instrument.exchange)
    return EntryTerms(
        order_type=order_type,
        price=_entry_price(facts, instrument, side=side, order_type=order_type),
        trigger_price=request.trigger_price if asked in (OrderType.SL, OrderType.SL_M) else None,
        validity=_sure(terms.validity_of(request), "validity"),
        disclosed_quantity=request.disclosed_quantity,
        expires_in=_seconds(request.entry_expires_in_seconds),
        max_age=timedelta(seconds=request.entry_max_age_seconds),
        max_slippage=_slippage(request),
        expected_price=terms.slippage_reference(request, facts.quote),
        retry_absent=request.retry_absent,
    )


def _entry_price(
    facts: Facts, instrument: Instrument, *, side: Side, order_type: OrderType
) -> Decimal | None:
    match order_type, facts.order_type:
        case OrderType.SL, OrderType.SL_M:
            trigger = _sure(facts.request.trigger_price, "trigger_price")
            return stop_limit(trigger, side=side, offset=None, instrument=instrument, quote=facts.quote)
        case ((OrderType.MARKET | OrderType.SL_M), _):
            return None
        case _:
            return facts.request.entry_price


def _targets(facts: Facts, instrument: Instrument, *, side: Side, quantity: int) -> tuple[TargetTerms, ...]:
    ordered = terms.nearest_first(
        [target for _, target in facts.targets], side=side, reference=facts.reference
    )
    slices = split(quantity, [target.quantity for target in ordered], lot_size=instrument.lot_size)
    prices = [_sure(facts.target_spec(target), "target") for target in ordered]
    return tuple(
        TargetTerms(price=price, quantity=part)
        for price, part in zip(prices, slices, strict=True)
        if part > 0
    )


def _trail(request: BracketOrderRequest) -> Trail | None:
    trail = request.trailing_sl
    if trail is None:
        return None
    return Trail(
        distance=_first(terms.specs(price=None, points=trail.points, percent=trail.percent)),
        activate_at=trail.activate_at,
        breakeven_at=trail.breakeven_at,
    )


def _exit_at(facts: Facts, session: Session, *, product: Product) -> datetime | None:
    if facts.request.exit_at is None:
        return time_exit_at(session, product)
    return exit_moment(facts.request.exit_at, session=session, now=facts.now)


def _slippage(request: BracketOrderRequest) -> PriceSpec | None:
    slippage = request.max_slippage
    if slippage is None:
        return None
    return _first(terms.specs(price=None, points=slippage.points, percent=slippage.percent))


def _first(given: tuple[PriceSpec, ...]) -> PriceSpec | None:
    return given[0] if given else None


def _seconds(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(seconds=count)


def _sure(value: _T | None, field: str) -> _T:
    if value is None:
        raise ValueError(f"{field} has faults: a plan is only made of a request that was checked")
    return value
