"""The checks an order passes: those answered at once, and those the broker's risk desk answers later."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from services.bracket.model import (
    Instrument,
    OrderRequest,
    OrderType,
    Product,
    RefusalKind,
    Side,
    Terms,
    Validity,
)
from simulator.market import Market, is_inside_band
from simulator.orders import PRICED, STOPS
from simulator.refusals import Refused
from simulator.settings import SessionHours
from utils.constants import EXCHANGE_ZONE

_EQUITY = frozenset({"NSE", "BSE", "US"})
_TAG_LENGTH = 20
_PRODUCTS = {True: {Product.MIS, Product.CNC}, False: {Product.MIS, Product.NRML}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A no that arrives after the order was taken in."""

    kind: RefusalKind
    reason: str


def check_order(
    order: OrderRequest,
    *,
    instrument: Instrument,
    market: Market | None,
    now: datetime,
    hours: SessionHours | None,
) -> None:
    """Refuse, at once, what needs no look at the account."""
    if len(order.tag) > _TAG_LENGTH:
        raise Refused(RefusalKind.UNCLASSIFIED, f"Tag {order.tag} is longer than {_TAG_LENGTH}.")
    check_session(hours, now)
    check_contract(instrument, now.astimezone(EXCHANGE_ZONE).date())
    check_product(instrument, order.product)
    _check_validity(order)
    check_terms(order.terms, order.side, instrument=instrument, market=market)


def check_session(hours: SessionHours | None, now: datetime) -> None:
    """Refuse outside the market's hours."""
    if hours is not None and not hours.is_open(now):
        raise Refused(
            RefusalKind.SESSION_CLOSED,
            "Markets are closed right now. Use AMO for placing orders after market hours.",
        )


def check_contract(instrument: Instrument, today: date) -> None:
    """Refuse a contract that no longer trades."""
    if instrument.expiry is not None and instrument.expiry < today:
        raise Refused(
            RefusalKind.CONTRACT_EXPIRED,
            f"The instrument {instrument.symbol} expired on {instrument.expiry}.",
        )


def check_product(instrument: Instrument, product: Product) -> None:
    """Refuse a product the segment does not have."""
    if product not in _PRODUCTS[instrument.exchange in _EQUITY]:
        raise Refused(
            RefusalKind.UNCLASSIFIED,
            f"Trading in {instrument.exchange} is not allowed using {product}.",
        )


def _check_validity(order: OrderRequest) -> None:
    if order.validity is not Validity.IOC:
        return
    if order.exchange == "MCX":
        raise Refused(RefusalKind.UNCLASSIFIED, "IOC validity is not allowed on MCX.")
    if order.terms.order_type in STOPS:
        raise Refused(RefusalKind.UNCLASSIFIED, "IOC validity is not allowed for stoploss orders.")


def check_terms(terms: Terms, side: Side, *, instrument: Instrument, market: Market | None) -> None:
    """Refuse a quantity or a price the exchange would not take; for new orders and changes alike."""
    check_quantity(terms.quantity, instrument)
    _check_stop_market(terms, instrument)
    if terms.order_type in PRICED:
        check_price("Price", terms.price, instrument=instrument, market=market)
    if terms.order_type in STOPS:
        check_price("Trigger price", terms.trigger_price, instrument=instrument, market=market)
        _check_stop(terms, side, market=market)


def check_quantity(quantity: int, instrument: Instrument) -> None:
    """Refuse a quantity that is no whole number of lots or more than one order may carry."""
    if quantity <= 0 or quantity % instrument.lot_size:
        raise Refused(
            RefusalKind.UNCLASSIFIED,
            f"Quantity {quantity} should be a positive multiple of the lot size {instrument.lot_size}.",
        )
    freeze = instrument.freeze_quantity
    if freeze is not None and quantity > freeze:
        raise Refused(
            RefusalKind.FREEZE,
            f"Quantity {quantity} is above the freeze quantity {freeze} of {instrument.symbol}.",
        )


def _check_stop_market(terms: Terms, instrument: Instrument) -> None:
    if terms.order_type is not OrderType.SL_M:
        return
    if instrument.is_option or instrument.exchange in ("BSE", "BFO"):
        raise Refused(
            RefusalKind.STOP_MARKET_BANNED,
            "16052: Function not available. SL-M orders are blocked for this instrument.",
        )


def check_price(name: str, price: Decimal | None, *, instrument: Instrument, market: Market | None) -> None:
    """Refuse a price that is missing, off the tick or outside the day's band; `name` opens the sentence."""
    if price is None or price <= 0:
        raise Refused(RefusalKind.UNCLASSIFIED, f"{name} is missing or not positive.")
    if price % instrument.tick_size:
        raise Refused(
            RefusalKind.TICK,
            f"{name} {price} is not a multiple of the tick size {instrument.tick_size}.",
        )
    if market is not None and not is_inside_band(market, price):
        raise Refused(
            RefusalKind.BAND,
            f"{name} {price} is outside the circuit limits "
            f"{market.lower_band} to {market.upper_band} of {instrument.symbol}.",
        )


def _check_stop(terms: Terms, side: Side, *, market: Market | None) -> None:
    trigger = terms.trigger_price
    if trigger is None:
        return
    word, limit = ("below", "higher") if side is Side.SELL else ("above", "lower")
    if terms.price is not None and (terms.price - trigger) * side.sign < 0:
        raise Refused(
            RefusalKind.UNCLASSIFIED,
            f"Limit price {terms.price} of a stoploss {side} order cannot be {limit} "
            f"than its trigger price {trigger}.",
        )
    if market is not None and (trigger - market.last) * side.sign <= 0:
        raise Refused(
            RefusalKind.TRIGGER_CROSSED,
            f"Trigger price {trigger} for stoploss {side} orders should be {word} "
            f"the last traded price {market.last}.",
        )


def check_demat(*, wanted: int, owned: int, symbol: str, authorised: bool) -> Refusal | None:
    """Return the refusal of a delivery sale the account does not own or may not hand over."""
    if wanted > owned:
        return Refusal(
            kind=RefusalKind.RMS,
            reason=f"RMS:Rule: Check holdings including BTST for entity account, {symbol}: "
            f"required {wanted}, available {owned}",
        )
    if wanted > 0 and not authorised:
        return Refusal(
            kind=RefusalKind.DEMAT_AUTHORISATION,
            reason=f"Selling {symbol} needs authorisation at the depository (TPIN or DDPI).",
        )
    return None


def check_margin(*, required: Decimal, available: Decimal) -> Refusal | None:
    """Return the refusal of an order that needs more money than is free."""
    if required <= available:
        return None
    return Refusal(
        kind=RefusalKind.MARGIN,
        reason=f"Insufficient funds. Required margin is {required:.2f} but available margin is "
        f"{available:.2f}.",
    )
