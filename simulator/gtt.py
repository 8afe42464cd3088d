"""Good-till-triggered orders: their state, the rules for placing one, what fires it. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from services.bracket.model import (
    GttLegRow,
    GttRequest,
    GttRow,
    GttStatus,
    Instrument,
    OrderRequest,
    OrderType,
    Product,
    RefusalKind,
    Side,
    Terms,
)
from simulator.orders import Key
from simulator.refusals import Refused
from utils.constants import EXCHANGE_ZONE

_EQUITY = frozenset({"NSE", "BSE"})
_GTT_EXCHANGES = frozenset({"NSE", "BSE", "NFO", "BFO"})
_EQUITY_LIFE = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gtt:
    """One trigger with its legs in ascending order; `rises` says which way a single one waits."""

    trigger_id: str
    account_id: str
    exchange: str
    symbol: str
    product: Product
    side: Side
    legs: tuple[GttLegRow, ...]
    rises: bool
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    status: GttStatus = GttStatus.ACTIVE
    tag: str = ""  # as given; which brokers show it is their wire's business

    @property
    def key(self) -> Key:
        return self.exchange, self.symbol


def legs_of(request: GttRequest) -> tuple[GttLegRow, ...]:
    """Return the legs a request asks for, lower trigger first. Raises Refused when a price is missing."""
    terms = request.terms
    pairs = [(terms.trigger_price, terms.price)]
    if terms.target_trigger is not None:
        pairs.append((terms.target_trigger, terms.target_price))
    legs = [_leg(trigger, price, quantity=terms.quantity) for trigger, price in pairs]
    return tuple(sorted(legs, key=lambda leg: leg.trigger_price))


def _leg(trigger: Decimal | None, price: Decimal | None, *, quantity: int) -> GttLegRow:
    if trigger is None or price is None:
        raise Refused(RefusalKind.UNCLASSIFIED, "Every GTT leg needs a trigger price and a limit price.")
    return GttLegRow(trigger_price=trigger, price=price, quantity=quantity)


def check_gtt_product(request: GttRequest) -> None:
    """Refuse what GTTs are not offered for: intraday, currency and commodity, buying back shares."""
    if request.product is Product.MIS:
        raise Refused(RefusalKind.UNCLASSIFIED, "GTT orders are not allowed for the product MIS.")
    if request.exchange not in _GTT_EXCHANGES:
        raise Refused(RefusalKind.UNCLASSIFIED, f"GTT orders are not allowed on {request.exchange}.")
    two_legs = request.terms.target_trigger is not None
    if two_legs and request.side is Side.BUY and request.exchange in _EQUITY:
        raise Refused(RefusalKind.UNCLASSIFIED, "Two-leg GTT orders on equity can only sell.")


def check_condition(legs: tuple[GttLegRow, ...], last_price: Decimal, *, minimum_distance: Decimal) -> None:
    """Refuse triggers on the wrong side of, or too near to, the last price that came with the request."""
    if len(legs) == 2:
        _check_straddles(legs, last_price)
    for leg in legs:
        if abs(leg.trigger_price - last_price) < last_price * minimum_distance:
            percent = (minimum_distance * 100).normalize()
            raise Refused(
                RefusalKind.TOO_NEAR,
                f"Trigger price {leg.trigger_price} is too close to the last price {last_price}: "
                f"the difference should be at least {percent}% of the last price.",
            )


def _check_straddles(legs: tuple[GttLegRow, ...], last_price: Decimal) -> None:
    lower, upper = legs
    if lower.trigger_price >= last_price:
        raise Refused(
            RefusalKind.TRIGGER_CROSSED,
            "Trigger cannot be created with the first trigger price more than or equal to the last price.",
        )
    if upper.trigger_price <= last_price:
        raise Refused(
            RefusalKind.TRIGGER_CROSSED,
            "Trigger cannot be created with the second trigger price less than or equal to the last price.",
        )


def expiry(instrument: Instrument, now: datetime) -> datetime:
    """Return when the trigger lapses: after a year, or the morning after its contract expires."""
    if instrument.expiry is None:
        return now + _EQUITY_LIFE
    return now + timedelta(days=(instrument.expiry - now.astimezone(EXCHANGE_ZONE).date()).days + 1)


def fired_leg(gtt: Gtt, last: Decimal) -> int | None:
    """Return the index of the leg that the last price fires, None while it waits."""
    lower, upper = gtt.legs[0].trigger_price, gtt.legs[-1].trigger_price
    falls = len(gtt.legs) == 2 or not gtt.rises
    rises = len(gtt.legs) == 2 or gtt.rises
    if falls and last <= lower:
        return 0
    if rises and last >= upper:
        return len(gtt.legs) - 1
    return None


def child_request(gtt: Gtt, leg: GttLegRow) -> OrderRequest:
    """Return the limit order a fired leg places; a GTT has no tag to give it."""
    terms = Terms(order_type=OrderType.LIMIT, quantity=leg.quantity, price=leg.price)
    return OrderRequest(
        tag="",
        exchange=gtt.exchange,
        symbol=gtt.symbol,
        product=gtt.product,
        side=gtt.side,
        terms=terms,
    )


def fired(gtt: Gtt, index: int, *, leg: GttLegRow, now: datetime) -> Gtt:
    """Return the trigger as done, the fired leg carrying its child or the child's refusal."""
    legs = tuple(leg if at == index else other for at, other in enumerate(gtt.legs))
    return replace(gtt, legs=legs, status=GttStatus.TRIGGERED, updated_at=now)


def gtt_row(gtt: Gtt) -> GttRow:
    """Return the trigger as the GTT book shows it."""
    return GttRow(
        trigger_id=gtt.trigger_id,
        exchange=gtt.exchange,
        symbol=gtt.symbol,
        product=gtt.product,
        side=gtt.side,
        status=gtt.status,
        legs=gtt.legs,
        created_at=gtt.created_at,
        updated_at=gtt.updated_at,
        expires_at=gtt.expires_at,
    )
