"""Net positions from what brokers tell apart: the day's, what is held, what comes tomorrow. Pure."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from broker.amounts import price_or_none
from services.bracket.model import PositionRow

PositionKey = tuple[str, str, str]  # exchange, symbol, product
PositionPart = tuple[PositionKey, int, Decimal | None]  # signed quantity; average price, 0 or None for none


def net_positions(parts: Iterable[PositionPart]) -> tuple[PositionRow, ...]:
    """Return a row for each key: quantities add up, and the first part's price is the row's."""
    quantities: Counter[PositionKey] = Counter()
    prices: dict[PositionKey, Decimal | None] = {}
    for key, quantity, price in parts:
        quantities[key] += quantity
        prices.setdefault(key, price)
    return tuple(position_row(key, quantity, prices[key]) for key, quantity in quantities.items())


def position_row(key: PositionKey, quantity: int, average_price: Decimal | None) -> PositionRow:
    exchange, symbol, product = key
    return PositionRow(
        exchange=exchange,
        symbol=symbol,
        product=product,
        quantity=quantity,
        average_price=price_or_none(average_price),
    )
