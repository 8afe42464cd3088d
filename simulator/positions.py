"""Net positions and holdings. Pure: every function returns a new value."""

from dataclasses import dataclass, replace
from decimal import Decimal

from services.bracket.model import PositionRow, Product, Side, TradeRow
from simulator.orders import Key

_AVERAGE_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One fill, and whose it is."""

    account_id: str
    row: TradeRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Signed net quantity of one symbol and product; `cost` is what the open part was traded at, signed."""

    account_id: str
    exchange: str
    symbol: str
    product: Product
    quantity: int = 0
    cost: Decimal = Decimal(0)

    @property
    def key(self) -> Key:
        return self.exchange, self.symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Delivered shares; `t1_quantity` of them were bought on the last day and are still on their way."""

    account_id: str
    exchange: str
    symbol: str
    quantity: int = 0
    t1_quantity: int = 0
    cost: Decimal = Decimal(0)

    @property
    def total(self) -> int:
        return self.quantity + self.t1_quantity


def after_trade(position: Position, side: Side, *, quantity: int, price: Decimal) -> Position:
    """Return the position after a fill: adding averages the cost, closing gives it back in proportion."""
    signed = side.sign * quantity
    total = position.quantity + signed
    if position.quantity * signed >= 0:
        return replace(position, quantity=total, cost=position.cost + signed * price)
    if position.quantity * total >= 0:
        return replace(position, quantity=total, cost=position.cost * total / position.quantity)
    return replace(position, quantity=total, cost=total * price)


def overnight(holding: Holding, day: Position) -> Holding:
    """Return the holding of the next morning: what was on its way has arrived, today's trades follow.

    Sales take delivered shares first.
    """
    bought = max(day.quantity, 0)
    sold = max(-day.quantity, 0)
    delivered = max(holding.total - sold, 0)
    kept = holding.cost * delivered / holding.total if holding.total else Decimal(0)
    return replace(holding, quantity=delivered, t1_quantity=bought, cost=kept + max(day.cost, Decimal(0)))


def position_row(position: Position) -> PositionRow:
    """Return the position as the position book shows it."""
    return PositionRow(
        exchange=position.exchange,
        symbol=position.symbol,
        product=position.product,
        quantity=position.quantity,
        average_price=_average(position.cost, position.quantity),
    )


def holding_row(holding: Holding) -> PositionRow:
    """Return the holding as a row, the shares still on their way included."""
    return PositionRow(
        exchange=holding.exchange,
        symbol=holding.symbol,
        product=Product.CNC,
        quantity=holding.total,
        average_price=_average(holding.cost, holding.total),
    )


def _average(cost: Decimal, quantity: int) -> Decimal | None:
    return None if quantity == 0 else (cost / quantity).quantize(_AVERAGE_STEP)
