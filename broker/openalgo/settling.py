"""Whether an order has really ended: the server may repeat the word of another row for a moment.

An order between two states (being validated, being cancelled) has no word at some of the brokers behind the
server, which then shows that of the row before. Such a state passes in a second; an end is believed once it
has been said for longer.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from services.bracket.model import OrderRow, RowStatus

LASTS = timedelta(seconds=3)

_ENDS = frozenset({RowStatus.REJECTED, RowStatus.CANCELLED, RowStatus.EXPIRED})


class Endings:
    """Which ends were told since when. What it forgets at a restart has to be said for as long again."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[RowStatus, float]] = {}

    def settled(self, rows: Sequence[OrderRow], now: float) -> tuple[OrderRow, ...]:
        """Return the rows, with an end that is too fresh as UNKNOWN; now is monotonic."""
        before, self._since = self._since, {}
        return tuple(self._judged(row, before.get(row.broker_order_id), now) for row in rows)

    def _judged(self, row: OrderRow, before: tuple[RowStatus, float] | None, now: float) -> OrderRow:
        if row.status not in _ENDS:
            return row
        since = before[1] if before is not None and before[0] is row.status else now
        self._since[row.broker_order_id] = (row.status, since)
        # A reason is not repeated from another row: the refusal is this order's own.
        if row.reason is not None or now - since >= LASTS.total_seconds():
            return row
        return replace(row, status=RowStatus.UNKNOWN, refusal=None)
