"""When an account's books and quotes are read, and with how much of them; one read at a time."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from broker.base import AuthDead, BrokerAccount, PositionRow, ReadFailed, TradeRow
from services.bracket.model import BookRead, Moment, Quote
from services.lanes import Connections
from utils.clock import Clock

logger = logging.getLogger(__name__)

Symbol = tuple[str, str]

# A storm of pushes is a few reads at once, then one per gap; a lone push is never kept waiting.
_PUSHES_AT_ONCE = 5
_PUSH_GAP_SECONDS = 0.5
# A book may show late what a push told: the fault model's stalest is 3 s old, worse ones are alarmed cases.
# Reads go on for that long after every push, and for longer while none of them has shown any news.
_FOLLOW_PAUSE_SECONDS = 1.0
_FOLLOW_SECONDS = 3.0
_FOLLOW_UNSEEN_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What to read beside the order book."""

    gtts: bool
    everything: bool  # trades and positions
    symbols: frozenset[Symbol]  # quotes


@dataclass(frozen=True, slots=True)
class BooksRead:
    books: BookRead
    quotes: dict[Symbol, Quote]
    session_alive: bool


@dataclass(frozen=True, slots=True)
class BooksFailed:
    error: ReadFailed | AuthDead


@dataclass(frozen=True, slots=True)
class QuotesRead:
    quotes: dict[Symbol, Quote]


ReadMessage = BooksRead | BooksFailed | QuotesRead


class AccountReads:
    """Starts reads in the reading lane; results come back as messages. Used by the worker's thread only."""

    def __init__(
        self,
        broker: BrokerAccount,
        lanes: Connections,
        *,
        clock: Clock,
        report: Callable[[ReadMessage], None],
    ) -> None:
        self._broker = broker
        self._lanes = lanes
        self._clock = clock
        self._report = report
        self._book_at = 0.0  # monotonic seconds of the last start
        self._everything_at = 0.0
        self._price_at = 0.0
        self._quote_pause = broker.capabilities.quote_pause.total_seconds()
        self._read_pause = broker.capabilities.read_pause.total_seconds()
        # Orders say what filled: evidence must leave most of what a broker answers to them.
        self._evidence_pause = broker.capabilities.evidence_pause.total_seconds()
        self._hurried: float | None = None  # read at this time, whatever the cadence says
        self._pushes_left: float = _PUSHES_AT_ONCE
        self._pushed_at = clock.monotonic()
        self._hinted_at = float("-inf")  # the last push, and until when it is followed
        self._followed_until = float("-inf")
        self._is_reading = False
        self._prices_hurried = False
        self._book_due = 0.0
        self._price_due = float("inf")

    def hurry(self) -> None:
        """Read the books now, or right after the read that is under way."""
        self._hurried = self._clock.monotonic()

    def hurry_pushed(self) -> None:
        """Read the books because somebody says there is news; a storm of such hints is thinned out."""
        now = self._clock.monotonic()
        refilled = self._pushes_left + (now - self._pushed_at) / _PUSH_GAP_SECONDS
        self._pushes_left, self._pushed_at = min(_PUSHES_AT_ONCE, refilled), now
        self._hinted_at, self._followed_until = now, now + _FOLLOW_UNSEEN_SECONDS
        if self._pushes_left >= 1:
            self._pushes_left -= 1
            self.hurry()
        else:
            self.hurry_in(timedelta(seconds=_PUSH_GAP_SECONDS))

    def saw_news(self, started: Moment) -> None:
        """A read begun at `started` showed what none before it did: that is what a push before it was about.

        Not for certain, so reads go on for a little while all the same.
        """
        if started.mono >= self._hinted_at:
            self._followed_until = min(self._followed_until, self._hinted_at + _FOLLOW_SECONDS)

    def hurry_in(self, wait: timedelta) -> None:
        """Read the books again after `wait`, if nothing asks for it sooner."""
        at = self._clock.monotonic() + wait.total_seconds()
        self._hurried = at if self._hurried is None else min(self._hurried, at)

    def hurry_prices(self) -> None:
        """Read the prices as soon as the broker allows: somebody waits for them."""
        self._prices_hurried = True

    def done(self) -> None:
        """A read came back, well or not."""
        self._is_reading = False

    def next_due(self) -> float:
        """Return the monotonic second of the next read; infinity while one is under way."""
        if self._is_reading:
            return float("inf")
        due = min(self._book_due, self._price_due)
        return due if self._hurried is None else min(due, self._hurried_due(self._hurried))

    def start_due(
        self,
        *,
        book_every: timedelta,
        everything_every: timedelta,
        price_every: timedelta | None,
        parts: Parts,
    ) -> None:
        """Start the read that is due, if any."""
        now = self._clock.monotonic()
        by_cadence = self._book_at + max(book_every.total_seconds(), self._read_pause)
        self._book_due = min(by_cadence, self._next_followed())
        self._price_due = self._next_prices(price_every if parts.symbols else None)
        if self._is_reading:
            return
        is_hurried = self._hurried is not None and now >= self._hurried_due(self._hurried)
        if now >= self._book_due or is_hurried:
            since_everything = now - self._everything_at
            is_round = since_everything >= everything_every.total_seconds()
            is_wanted = parts.everything and since_everything >= self._evidence_pause
            if self._hurried is None and now < by_cadence:
                parts = replace(parts, symbols=frozenset())  # follows a push, which is about orders
            self._start_books(now, parts=parts, everything=is_wanted or is_round)
        elif now >= self._price_due:
            self._price_at, self._is_reading, self._prices_hurried = now, True, False
            self._lanes.read(lambda: self._read_quotes(parts.symbols))

    def _next_followed(self) -> float:
        due = self._book_at + max(_FOLLOW_PAUSE_SECONDS, self._read_pause)
        return due if due <= self._followed_until else float("inf")

    def _next_prices(self, price_every: timedelta | None) -> float:
        if self._prices_hurried:
            return self._price_at + self._quote_pause
        if price_every is None:
            return float("inf")
        return self._price_at + max(price_every.total_seconds(), self._quote_pause)

    def _hurried_due(self, wish: float) -> float:
        return max(wish, self._book_at + self._read_pause)

    def _start_books(self, now: float, *, parts: Parts, everything: bool) -> None:
        self._book_at, self._hurried, self._is_reading = now, None, True
        if everything:
            self._everything_at = now
        elif parts.everything:
            self._hurried = self._everything_at + self._evidence_pause
        symbols: frozenset[Symbol] = frozenset()
        if parts.symbols and now - self._price_at >= self._quote_pause:
            self._price_at, symbols, self._prices_hurried = now, parts.symbols, False
        self._lanes.read(lambda: self._read_books(symbols, gtts=parts.gtts, everything=everything))

    def _read_books(self, symbols: frozenset[Symbol], *, gtts: bool, everything: bool) -> None:
        started = Moment.read(self._clock)
        try:
            orders = self._broker.order_book()
            gtt_rows = self._broker.gtt_book() if gtts else None
            trades, positions = self._evidence() if everything else (None, None)
            parts = BookRead(
                started=started, orders=orders, gtts=gtt_rows, trades=trades, positions=positions
            )
            # An empty book may be a dead session's: ask before anything is concluded from it.
            alive = not _looks_dead(parts) or self._broker.session_alive()
        except (ReadFailed, AuthDead) as exc:
            self._report(BooksFailed(exc))
            return
        except Exception:
            # An adapter broke its promise. Unreported, this read would be waited for until a restart.
            logger.exception("the broker adapter failed")
            self._report(BooksFailed(ReadFailed("the broker adapter failed")))
            return
        self._report(BooksRead(parts, self._quotes(symbols), alive))

    def _evidence(self) -> tuple[tuple[TradeRow, ...] | None, tuple[PositionRow, ...] | None]:
        # A fill is in the order book; its stop does not wait for positions that cannot be read.
        try:
            return self._broker.trade_book(), self._broker.positions()
        except ReadFailed as exc:
            logger.warning("trades and positions could not be read, orders could: %s", exc)
            return None, None

    def _read_quotes(self, symbols: frozenset[Symbol]) -> None:
        self._report(QuotesRead(self._quotes(symbols)))

    def _quotes(self, symbols: frozenset[Symbol]) -> dict[Symbol, Quote]:
        # Brokers allow few of these calls, and one too many must not cost us the books. Without a new
        # quote what is known grows old and is then not used any more.
        try:
            quotes = self._broker.quotes(symbols) if symbols else {}
        except (ReadFailed, AuthDead):
            return {}
        except Exception:
            logger.exception("the broker adapter failed")
            return {}
        # Its age counts from now: in a quiet symbol the last trade may be old and the quote still true.
        now = self._clock.now()
        return {symbol: replace(quote, at=now) for symbol, quote in quotes.items()}


def _looks_dead(books: BookRead) -> bool:
    """Whether a part is empty that should not be: a session may end between two parts of one read."""
    if not books.orders or books.gtts == ():  # triggers are read only while one of ours is out
        return True
    has_filled = any(row.filled for row in books.orders)
    return has_filled and (books.trades == () or books.positions == ())
