"""The GTTs of an account that were listed or placed, so that what became of one is asked for once it is gone.

Nothing here is the only copy: what is not known after a restart comes from the record of our brackets.
"""

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from broker.amounts import gtt_legs
from broker.base import GttRequest, GttRow, OrderRow, PlacedGtt
from broker.openalgo.fates import DOUBT, Fate, Known, Legs, says_the_same
from services.bracket.model import GttLegRow, GttStatus

logger = logging.getLogger(__name__)

# A cancel that the server confirmed, and a list without the GTT for so long after it: it is cancelled.
CANCELLED_AFTER = timedelta(seconds=3)
# How long an order is looked for that a GTT which nobody cancelled may have placed. Longer than it takes to
# call the GTT gone for good, which is not decided here.
SEARCHED = timedelta(minutes=10)
SHOWN = timedelta(hours=18)  # what has ended stays in the book for the day
# How long the list is believed to lag behind an order that a GTT seems to have placed. Until then neither is:
# what the order fills would be taken for somebody else's trade.
LAGS = timedelta(seconds=5)
_UNANSWERED = "unanswered-"
_MOST_VERSIONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One GTT; times are monotonic seconds. `ended` is what it is shown as from then on."""

    known: Known
    missing_since: float | None = None
    cancelled: bool = False
    ended: GttRow | None = None
    is_answered: bool = True


class GttMemory:
    """Thread-safe. `wall` and `now` are one instant, by the clock on the wall and by the monotonic one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._suspected: dict[str, float] = {}  # orders that a listed GTT seems to have placed, since when

    def __bool__(self) -> bool:
        return bool(self._entries)

    def follow(self, gtts: Iterable[PlacedGtt]) -> None:
        """Take in what the record has of GTTs that this account placed before."""
        for one in gtts:
            self.note_sent(one.request, one.trigger_id, wall=one.sent_at)

    def note_sent(self, request: GttRequest, trigger_id: str | None, *, wall: datetime) -> None:
        """Note what was asked for; without an id the answer is not known."""
        name = trigger_id or f"{_UNANSWERED}{request.tag}"
        legs = legs_of(request)
        row = GttRow(
            trigger_id=name,
            exchange=request.exchange,
            symbol=request.symbol,
            product=request.product.value,
            side=request.side,
            status=GttStatus.UNKNOWN,
            legs=legs,
            created_at=wall,
        )
        with self._lock:
            if trigger_id is not None:
                self._entries.pop(f"{_UNANSWERED}{request.tag}", None)
            found = self._entries.get(name)
            if found is None:
                known = Known(row=row, versions=(legs,), alive_at=wall)
                self._entries[name] = _Entry(known=known, is_answered=trigger_id is not None)
            else:
                self._entries[name] = replace(found, known=_with_version(found.known, legs))

    def forget_unsent(self, request: GttRequest) -> None:
        """Drop what was not placed after all: it was refused, or never left."""
        with self._lock:
            self._entries.pop(f"{_UNANSWERED}{request.tag}", None)

    def note_cancelled(self, trigger_id: str) -> None:
        """Note that the server confirmed a cancel."""
        with self._lock:
            if trigger_id in self._entries:
                self._entries[trigger_id] = replace(self._entries[trigger_id], cancelled=True)

    def take_list(self, rows: Iterable[GttRow], *, wall: datetime, now: float) -> tuple[Known, ...]:
        """Take in a whole list, asked for at this instant; return those whose fate has to be found out."""
        with self._lock:
            listed = {row.trigger_id: row for row in rows}
            for row in listed.values():
                self._take_row(row, wall)
            for name, entry in list(self._entries.items()):
                if name not in listed:
                    self._miss(name, entry, now)
            return tuple(
                entry.known
                for name, entry in self._entries.items()
                if name not in listed and entry.ended is None
            )

    def _take_row(self, row: GttRow, wall: datetime) -> None:
        before = self._entries.get(row.trigger_id)
        if before is not None and before.ended is not None:
            logger.error("GTT %s was taken for over and is listed again: look after it", row.trigger_id)
        if before is None:
            self._answer(row)
        known = Known(row=row, versions=(row.legs,), alive_at=wall)
        if before is not None:
            known = replace(_with_version(before.known, row.legs), row=row, alive_at=wall)
        self._entries[row.trigger_id] = _Entry(known=known)

    def _answer(self, row: GttRow) -> None:
        """A GTT that shows up says the same as one nobody answered for: it is that one."""
        place = (row.exchange, row.symbol, row.side, row.product)
        for name, entry in self._entries.items():
            if not entry.is_answered and entry.known.place == place and row.legs in entry.known.versions:
                del self._entries[name]
                return

    def _miss(self, name: str, entry: _Entry, now: float) -> None:
        since = now if entry.missing_since is None else entry.missing_since
        kept = SHOWN if entry.ended is not None else SEARCHED
        if now - since > kept.total_seconds():
            del self._entries[name]
        else:
            self._entries[name] = replace(entry, missing_since=since)

    def concerns(self, row: OrderRow) -> bool:
        """Whether some GTT may have placed an order, and none is known to have: by where it is."""
        place = (row.exchange, row.symbol, row.side, row.product)
        with self._lock:
            entries = [entry for entry in self._entries.values() if entry.known.place == place]
        return bool(entries) and row.broker_order_id not in _named(entries)

    def lags(self, orders: Iterable[OrderRow], *, now: float) -> bool:
        """Whether the list shows as waiting what seems to have placed one of these orders just now."""
        with self._lock:
            listed = [entry.known for entry in self._entries.values() if entry.missing_since is None]
            found = {row.broker_order_id for row in orders for known in listed if says_the_same(known, row)}
            self._suspected = {order_id: self._suspected.get(order_id, now) for order_id in found}
            return any(now - since < LAGS.total_seconds() for since in self._suspected.values())

    def told(self, found: dict[str, Fate], *, now: float) -> tuple[GttRow, ...]:
        """Return the rows of what is listed no more: ended, or in doubt; what nothing tells of has none."""
        with self._lock:
            for name, entry in self._entries.items():
                if entry.missing_since is not None and entry.ended is None:
                    ended = _ended(entry, found.get(name), now)
                    self._entries[name] = replace(entry, ended=ended)
            shown = [_shown(entry, found.get(name)) for name, entry in self._entries.items()]
            return tuple(row for row in shown if row is not None)


def legs_of(request: GttRequest) -> Legs:
    """Return the legs that a request asks for, the lower one first. Raises OrderRejected."""
    quantity = request.terms.quantity
    return tuple(
        GttLegRow(trigger_price=trigger, price=price, quantity=quantity)
        for trigger, price in gtt_legs(request.terms)
    )


def _with_version(known: Known, legs: Legs) -> Known:
    others = tuple(one for one in known.versions if one != legs)
    return replace(known, versions=(*others, legs)[-_MOST_VERSIONS:])


def _named(entries: Iterable[_Entry]) -> set[str | None]:
    """Return the orders that are known to be what some GTT has placed."""
    ended = (entry.ended for entry in entries if entry.ended is not None)
    return {leg.child_order_id for row in ended for leg in row.legs}


def _ended(entry: _Entry, fate: Fate | None, now: float) -> GttRow | None:
    if isinstance(fate, GttRow):
        return fate
    since = entry.missing_since
    is_long_ago = since is not None and now - since >= CANCELLED_AFTER.total_seconds()
    if fate is None and entry.cancelled and is_long_ago:
        return replace(entry.known.row, status=GttStatus.CANCELLED)
    return None


def _shown(entry: _Entry, fate: Fate | None) -> GttRow | None:
    if entry.missing_since is None:
        return None
    if entry.ended is None and fate is DOUBT and entry.is_answered:
        return replace(entry.known.row, status=GttStatus.UNKNOWN)
    return entry.ended
