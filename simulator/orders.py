"""One order's state and the changes it can go through. Pure: every function returns a new order."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from services.bracket.model import (
    OrderRow,
    OrderType,
    Product,
    Purpose,
    RefusalKind,
    RowStatus,
    Side,
    Terms,
    Validity,
)

Key = tuple[str, str]  # exchange, symbol

LIVE = frozenset({RowStatus.PENDING, RowStatus.TRIGGER_PENDING, RowStatus.OPEN})
PRICED = frozenset({OrderType.LIMIT, OrderType.SL})
STOPS = frozenset({OrderType.SL, OrderType.SL_M})
AFTER_TRIGGER = {OrderType.SL: OrderType.LIMIT, OrderType.SL_M: OrderType.MARKET}
_AVERAGE_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order of the day. `priority` is its place in the queue; `value` is what its fills sum up to."""

    order_id: str
    account_id: str
    tag: str | None
    exchange: str
    symbol: str
    product: Product
    side: Side
    order_type: OrderType
    quantity: int
    validity: Validity
    placed_at: datetime
    accept_at: datetime
    updated_at: datetime
    priority: int
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    status: RowStatus = RowStatus.PENDING
    filled: int = 0
    value: Decimal = Decimal(0)
    triggered: bool = False
    modifications: int = 0
    blocked: Decimal = Decimal(0)  # margin held for what is unfilled
    reason: str | None = None
    refusal: RefusalKind | None = None
    after_market: bool = False  # taken in while the market is shut, for its next opening
    exit_ids: tuple[str, ...] = ()  # of a native bracket's entry: the orders that came with it
    parent_id: str | None = None  # of such an exit: its entry
    exit_purpose: Purpose | None = None
    twin_id: str | None = None  # of two exits placed together for a position: the other one
    hides_tag: bool = False  # the broker keeps the tag and shows it to nobody

    @property
    def key(self) -> Key:
        return self.exchange, self.symbol

    @property
    def remaining(self) -> int:
        return self.quantity - self.filled

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def waits_for_open(self) -> bool:
        """Whether the broker keeps it until the market opens; its owner may still change or cancel it."""
        return self.after_market and self.status is RowStatus.PENDING

    @property
    def is_held(self) -> bool:
        """Whether it is the exit of a native bracket whose entry has not filled (enough)."""
        return self.parent_id is not None and self.status is RowStatus.PENDING

    @property
    def is_promise(self) -> bool:
        """Whether it may take shares beside other orders: of a bracket's two exits only one can."""
        return not self.is_held and self.exit_purpose is not Purpose.TARGET

    @property
    def waits_for_trigger(self) -> bool:
        return self.order_type in STOPS and not self.triggered


def accepted(order: Order, now: datetime) -> Order:
    """Return the order as the exchange shows it once it took it."""
    return replace(order, status=resting_status(order), updated_at=now)


def resting_status(order: Order) -> RowStatus:
    """Return the status an accepted order rests with."""
    return RowStatus.TRIGGER_PENDING if order.waits_for_trigger else RowStatus.OPEN


def triggered(order: Order, now: datetime, *, priority: int) -> Order:
    """Return the stop as the limit (or market) order its trigger makes of it, for good."""
    return replace(
        order,
        order_type=AFTER_TRIGGER[order.order_type],
        status=RowStatus.OPEN,
        triggered=True,
        priority=priority,
        updated_at=now,
    )


def with_fill(order: Order, quantity: int, *, price: Decimal, now: datetime) -> Order:
    """Return the order with one more fill, done when nothing remains."""
    filled = order.filled + quantity
    done = filled == order.quantity
    return replace(
        order,
        filled=filled,
        value=order.value + quantity * price,
        status=RowStatus.FILLED if done else order.status,
        blocked=order.blocked * (order.quantity - filled) / order.remaining,
        updated_at=now,
    )


def with_terms(order: Order, terms: Terms, *, now: datetime, priority: int) -> Order:
    """Return the order under new terms; quantity is the total, the filled part included."""
    changed = replace(
        order,
        order_type=terms.order_type,
        quantity=terms.quantity,
        price=terms.price if terms.order_type in PRICED else None,
        trigger_price=_trigger_price(order, terms),
        priority=priority if loses_its_place(order, terms) else order.priority,
        modifications=order.modifications + 1,
        updated_at=now,
    )
    if order.waits_for_open:
        return changed
    if changed.remaining == 0:
        return replace(changed, status=RowStatus.FILLED, blocked=Decimal(0))
    return replace(changed, status=resting_status(changed))


def _trigger_price(order: Order, terms: Terms) -> Decimal | None:
    if terms.order_type in STOPS:
        return terms.trigger_price
    return order.trigger_price if order.triggered else None


def loses_its_place(order: Order, terms: Terms) -> bool:
    """Tell whether the change sends the order to the end of the queue, as any but a smaller size does."""
    same_price = order.price == terms.price and order.order_type == terms.order_type
    return not (same_price and terms.quantity <= order.quantity)


def ended(
    order: Order,
    status: RowStatus,
    *,
    now: datetime,
    reason: str | None = None,
    refusal: RefusalKind | None = None,
) -> Order:
    """Return the order as it ends without (further) fills."""
    return replace(order, status=status, reason=reason, refusal=refusal, updated_at=now, blocked=Decimal(0))


def order_row(order: Order) -> OrderRow:
    """Return the order as the order book shows it."""
    return OrderRow(
        broker_order_id=order.order_id,
        tag=None if order.hides_tag else order.tag,
        exchange=order.exchange,
        symbol=order.symbol,
        product=order.product,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        status=order.status,
        filled=order.filled,
        price=order.price,
        trigger_price=order.trigger_price,
        average_price=average_price(order),
        updated_at=order.updated_at,
        reason=order.reason,
        refusal=order.refusal,
        parent_order_id=order.parent_id,
        exit_purpose=order.exit_purpose,
    )


def average_price(order: Order) -> Decimal | None:
    """Return the average fill in rupees to four places, None while nothing is filled."""
    if order.filled == 0:
        return None
    return (order.value / order.filled).quantize(_AVERAGE_STEP)
