"""What the market and the broker's books say: instruments, quotes and the rows of the books.

Rows are values of one read. They are merged whole or not at all (the row rule): never take the status
of one row and the quantity of another.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from services.bracket.model.vocabulary import Moment, OrderType, Purpose, RefusalKind, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One tradable symbol; prices in rupees, quantities in shares."""

    exchange: str
    symbol: str
    tick_size: Decimal
    lot_size: int
    freeze_quantity: int | None = None  # largest quantity the exchange takes in one order
    kind: str = "EQ"  # EQ, FUT, CE, PE
    name: str = ""
    expiry: date | None = None
    strike: Decimal | None = None

    @property
    def is_option(self) -> bool:
        return self.kind in ("CE", "PE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The market in one symbol. bid or ask is None when that side is empty or not told."""

    last: Decimal
    at: datetime
    bid: Decimal | None = None
    ask: Decimal | None = None
    lower_band: Decimal | None = None
    upper_band: Decimal | None = None


class RowStatus(StrEnum):
    """What an order book row says, after mapping. PENDING is live but rests nowhere yet."""

    PENDING = "pending"
    TRIGGER_PENDING = "trigger_pending"
    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"  # a word not in the broker's table: live for safety, never protective


class GttStatus(StrEnum):
    ACTIVE = "active"
    TRIGGERED = "triggered"
    DISABLED = "disabled"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    DELETED = "deleted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order of the day's order book. updated_at is the broker's own stamp, when it gives one."""

    broker_order_id: str
    tag: str | None
    exchange: str
    symbol: str
    product: str
    side: Side
    order_type: OrderType
    quantity: int  # total, the filled part included
    status: RowStatus
    filled: int
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    average_price: Decimal | None = None  # None while nothing is filled or the broker says 0
    updated_at: datetime | None = None
    reason: str | None = None  # the broker's words for a rejection
    refusal: RefusalKind | None = None
    # Of an exit that a native bracket brought: the id its entry was placed under, and which exit it is.
    # While the broker holds it back (the entry is not filled), its status is PENDING.
    parent_order_id: str | None = None
    exit_purpose: Purpose | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GttLegRow:
    trigger_price: Decimal
    price: Decimal
    quantity: int
    child_order_id: str | None = None  # set once this leg has triggered and its order was accepted
    child_reason: str | None = None  # the broker's words when the child was refused
    child_refusal: RefusalKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GttRow:
    """One GTT trigger; legs in ascending trigger price, one for a single, two for an OCO."""

    trigger_id: str
    exchange: str
    symbol: str
    product: str
    side: Side
    status: GttStatus
    legs: tuple[GttLegRow, ...]
    created_at: datetime
    updated_at: datetime | None = None
    expires_at: datetime | None = None
    tag: str | None = None  # as it was placed with, where the broker tells


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRow:
    trade_id: str
    broker_order_id: str
    exchange: str
    symbol: str
    product: str
    side: Side
    quantity: int
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRow:
    """Signed net quantity; for delivery the broker's holdings (with T+1) plus today's position."""

    exchange: str
    symbol: str
    product: str
    quantity: int
    average_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRead:
    """One read of an account's books. A part that was not read is None, never an empty tuple.

    `orders` is the whole day's order book. Raised errors, wrong schemas and dead sessions never
    become a BookRead; whether it is *complete* is decided against what earlier reads showed.
    """

    started: Moment
    orders: tuple[OrderRow, ...]
    gtts: tuple[GttRow, ...] | None = None
    trades: tuple[TradeRow, ...] | None = None
    positions: tuple[PositionRow, ...] | None = None
