"""Price-time matching of resting orders against the depth the market offers. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from services.bracket.model import OrderType, RowStatus, Side
from simulator.market import Market, taken
from simulator.orders import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    order_id: str
    quantity: int
    price: Decimal


def match(orders: Iterable[Order], market: Market) -> tuple[tuple[Fill, ...], Market]:
    """Return the fills of the orders that cross the market, best price first, then the older one.

    A limit order fills at the market's price, never beyond its limit. The market comes back with
    what is left of its depth.
    """
    fills: list[Fill] = []
    crossing = [order for order in orders if crosses(order, market)]
    for order in sorted(crossing, key=_queue) if len(crossing) > 1 else crossing:
        price, left = market.offered(order.side)
        quantity = order.remaining if left is None else min(order.remaining, left)
        if price is None or quantity == 0:
            continue
        fills.append(Fill(order_id=order.order_id, quantity=quantity, price=price))
        market = taken(market, order.side, quantity=quantity)
    return tuple(fills), market


def crosses(order: Order, market: Market) -> bool:
    """Tell whether the order could trade at the price the market offers it."""
    if order.status is not RowStatus.OPEN:
        return False
    offered = market.ask if order.side is Side.BUY else market.bid
    if offered is None:
        return False
    if order.price is None or order.order_type is OrderType.MARKET:
        return True
    return order.price >= offered if order.side is Side.BUY else order.price <= offered


def trigger_is_reached(order: Order, last: Decimal) -> bool:
    """Tell whether a waiting stop fires: a sell at or below its trigger, a buy at or above."""
    if order.status is not RowStatus.TRIGGER_PENDING or order.trigger_price is None:
        return False
    if order.side is Side.BUY:
        return last >= order.trigger_price
    return last <= order.trigger_price


def _queue(order: Order) -> tuple[bool, Decimal, int]:
    """Market orders first, then the most generous limit, then the older order."""
    if order.price is None or order.order_type is OrderType.MARKET:
        return False, Decimal(0), order.priority
    return True, -order.side.sign * order.price, order.priority
