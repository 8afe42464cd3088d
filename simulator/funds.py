"""An account's money: cash that every trade moves, and the margin that positions and orders hold."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from services.bracket.model import Instrument, Product, Side
from simulator.orders import Order
from simulator.positions import Position

_FUTURES_SHARE = Decimal("0.15")
_INTRADAY_SHARE = Decimal("0.20")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`cash` is the opening cash less the signed value of every trade since, whatever the product."""

    account_id: str
    opening_cash: Decimal
    cash: Decimal
    demat_authorised: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FundsState:
    """Rupees free for new orders, and rupees held."""

    available: Decimal
    used: Decimal


def margin_per_share(instrument: Instrument, product: Product, *, side: Side, price: Decimal) -> Decimal:
    """Return the rupees one share (or unit) of a fresh position holds: round shares, not SPAN."""
    if instrument.is_option:
        return price if side is Side.BUY else (instrument.strike or price) * _FUTURES_SHARE
    if instrument.kind == "FUT":
        return price * _FUTURES_SHARE
    return price * _INTRADAY_SHARE if product is Product.MIS else price


def position_margin(position: Position, instrument: Instrument) -> Decimal:
    """Return the rupees an open position holds; delivery is paid for and holds nothing."""
    if position.product is Product.CNC or position.quantity == 0:
        return Decimal(0)
    side = Side.BUY if position.quantity > 0 else Side.SELL
    price = position.cost / position.quantity
    per_share = margin_per_share(instrument, position.product, side=side, price=price)
    return per_share * abs(position.quantity)


def funds_state(
    account: Account,
    *,
    positions: Iterable[tuple[Position, Instrument]],
    live_orders: Iterable[Order],
) -> FundsState:
    """Return what the account can still use, with the unpaid cost of margin positions added back."""
    available = account.cash
    used = Decimal(0)
    for position, instrument in positions:
        used += position_margin(position, instrument)
        if position.product is not Product.CNC:
            available += position.cost
    for order in live_orders:
        used += order.blocked
    return FundsState(available=available - used, used=used)
