"""What a change or a cancel has to repeat of an order: its variety, its instrument, its product.

Nothing here is the only copy: what is not noted is read from the order book.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from broker.angel.schemas import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNote:
    """One order's unchanging part, in Angel's words."""

    variety: str
    exchange: str
    trading_symbol: str
    token: str
    product_type: str
    duration: str


@dataclass(frozen=True, slots=True)
class _Placed:
    note: OrderNote
    unique_id: str
    at: float  # monotonic


class OrderNotes:
    """Notes of the orders of the last book, and of those placed since. Safe to use from many threads.

    Every change is one assignment of a whole table: readers see the one before or the one after.
    """

    def __init__(self, *, young_seconds: float) -> None:
        self._young_seconds = young_seconds
        self._booked: dict[str, OrderNote] = {}
        self._placed: dict[str, _Placed] = {}

    def of(self, order_id: str) -> OrderNote | None:
        """Return what is known of an order."""
        placed = self._placed.get(order_id)
        return self._booked.get(order_id) or (placed.note if placed else None)

    def add(self, order_id: str, note: OrderNote, *, unique_id: str, now: float) -> None:
        """Note an order that was just taken in."""
        self._placed = self._young(now) | {order_id: _Placed(note, unique_id, now)}

    def take_book(self, rows: Iterable[Order]) -> None:
        """Note the orders of a whole book instead of those of the last one."""
        self._booked = {row.orderid: note_of(row) for row in rows}

    def unseen(self, now: float) -> tuple[str, ...]:
        """Return, by their unique ids, the orders placed lately that the last book did not show."""
        return tuple(
            placed.unique_id
            for order_id, placed in self._young(now).items()
            if order_id not in self._booked and placed.unique_id
        )

    def _young(self, now: float) -> dict[str, _Placed]:
        known = self._placed.items()
        return {order_id: one for order_id, one in known if now - one.at < self._young_seconds}


def note_of(row: Order) -> OrderNote:
    """Return the note of a row of the book."""
    return OrderNote(
        variety=row.variety,
        exchange=row.exchange,
        trading_symbol=row.tradingsymbol,
        token=row.symboltoken or "",
        product_type=row.producttype,
        duration=row.duration,
    )
