"""Prices on the wire, where brokers say 0 for "none". Pure."""

from decimal import Decimal

from broker.base import OrderRejected
from services.bracket.model import OrderType, Terms


def finite(value: Decimal) -> Decimal:
    """Return an amount as it is. Raises ValueError for NaN and infinities."""
    if not value.is_finite():
        raise ValueError(f"{value} is not a price")
    return value


def price_or_none(value: Decimal | None) -> Decimal | None:
    """Return a price, None where the broker says 0 or nothing. Raises ValueError for what is none at all."""
    return finite(value) if value else None


def limit_and_trigger(terms: Terms) -> tuple[Decimal, Decimal]:
    """Return the limit and the trigger of an order, 0 for the one it has not.

    Raises OrderRejected where it lacks one that its type needs.
    """
    match terms.order_type:
        case OrderType.LIMIT:
            return _needed(terms.price, "price", terms), Decimal(0)
        case OrderType.SL:
            return _needed(terms.price, "price", terms), _needed(terms.trigger_price, "trigger price", terms)
        case OrderType.SL_M:
            return Decimal(0), _needed(terms.trigger_price, "trigger price", terms)
        case OrderType.MARKET:
            return Decimal(0), Decimal(0)


def gtt_legs(terms: Terms) -> list[tuple[Decimal, Decimal]]:
    """Return trigger and limit of each leg of a GTT, the lower trigger first, whichever leg that is.

    Raises OrderRejected for a leg that lacks one of them.
    """
    legs = [(terms.trigger_price, terms.price)]
    if terms.target_trigger is not None or terms.target_price is not None:
        legs.append((terms.target_trigger, terms.target_price))
    complete = [(trigger, price) for trigger, price in legs if trigger is not None and price is not None]
    if len(complete) != len(legs):
        raise OrderRejected("every leg of a GTT needs a trigger and a limit price")
    return sorted(complete)


def _needed(price: Decimal | None, name: str, terms: Terms) -> Decimal:
    if price is None:
        raise OrderRejected(f"a {terms.order_type} order needs a {name}")
    return price
