"""The brackets under a worker's eyes: which to look at now, which later, and what they need together."""

import heapq
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field

from services.bracket.model import Bracket, Moment, Quote
from services.bracket.observation import Read, Standing
from services.bracket.quiet import QuietBand, quiet_band
from services.cadence import Needs, Urgency, needs_of

Symbol = tuple[str, str]  # exchange, symbol


@dataclass(slots=True)
class Tracked:
    """One bracket, what its last look was based on, and who waits for its entry's answer."""

    bracket: Bracket
    needs: Needs
    in_flight: set[int] = field(default_factory=set)
    known: Read | None = None  # the rows last taken in, to tell news from repetition
    read: Read | None = None  # a read not looked at yet; each is evidence once
    shown: Moment | None = None  # when the newest read began that is taken in, and stored where it mattered
    standing: Standing | None = None
    quote: Quote | None = None
    due: float | None = None  # monotonic seconds at which time alone matters
    band: QuietBand | None = None  # as far as it is known: see Roster.mark_symbol
    is_band_known: bool = False
    waiting: "list[Future[Bracket]]" = field(default_factory=list)


def symbol_of(bracket: Bracket) -> Symbol:
    instrument = bracket.plan.instrument
    return (instrument.exchange, instrument.symbol)


def _is_quiet(tracked: Tracked, quote: Quote) -> bool:
    if not tracked.is_band_known:
        tracked.band, tracked.is_band_known = quiet_band(tracked.bracket), True
    return tracked.band is not None and tracked.band.holds(quote)


class Roster:
    """All brackets of an account that are open or watched; keeps its sums as brackets change."""

    def __init__(self) -> None:
        self._tracked: dict[str, Tracked] = {}
        self._dirty: dict[str, None] = {}  # ordered, so that the oldest news is looked at first
        self._dues: list[tuple[float, str]] = []
        self._symbols: dict[Symbol, dict[str, None]] = {}  # ordered: equal runs look in equal order
        self._urgencies: Counter[Urgency] = Counter()
        self._price: Counter[Symbol] = Counter()
        self._open: Counter[Symbol] = Counter()
        self._gtts = 0
        self._everything = 0
        self._evidence = 0

    def __len__(self) -> int:
        return len(self._tracked)

    def all(self) -> list[Tracked]:
        return list(self._tracked.values())

    def get(self, bracket_id: str) -> Tracked | None:
        return self._tracked.get(bracket_id)

    def add(self, bracket: Bracket) -> Tracked:
        tracked = Tracked(bracket, needs_of(bracket))
        self._tracked[bracket.id] = tracked
        self._symbols.setdefault(symbol_of(bracket), {})[bracket.id] = None
        self._count(tracked, 1)
        return tracked

    def update(self, tracked: Tracked, bracket: Bracket) -> None:
        """Take the bracket's new self."""
        self._count(tracked, -1)
        tracked.bracket, tracked.needs, tracked.is_band_known = bracket, needs_of(bracket), False
        self._count(tracked, 1)

    def drop(self, tracked: Tracked) -> None:
        self._count(tracked, -1)
        self._tracked.pop(tracked.bracket.id, None)
        self._dirty.pop(tracked.bracket.id, None)
        self._symbols[symbol_of(tracked.bracket)].pop(tracked.bracket.id, None)

    def mark(self, tracked: Tracked) -> None:
        """Look at this bracket in the coming turn."""
        self._dirty[tracked.bracket.id] = None

    def mark_symbol(self, symbol: Symbol, quote: Quote, *, is_only_price: bool) -> None:
        """Look at the open brackets of a symbol to which its new quote can mean anything.

        is_only_price: nothing but its prices differs from the quote before.
        """
        for bracket_id in self._symbols.get(symbol, ()):
            tracked = self._tracked[bracket_id]
            is_quiet = is_only_price and tracked.quote is not None and _is_quiet(tracked, quote)
            if not is_quiet and not tracked.bracket.state.is_closed:
                self._dirty[bracket_id] = None

    def set_due(self, tracked: Tracked, due: float | None) -> None:
        tracked.due = due
        if due is not None:
            heapq.heappush(self._dues, (due, tracked.bracket.id))

    def take_marked(self, now: float) -> list[Tracked]:
        """Return the brackets to look at now, marked or due, and forget that they were."""
        while self._dues and self._dues[0][0] <= now:
            due, bracket_id = heapq.heappop(self._dues)
            tracked = self._tracked.get(bracket_id)
            if tracked is not None and tracked.due == due:
                self._dirty[bracket_id] = None
        marked, self._dirty = self._dirty, {}
        return [self._tracked[bracket_id] for bracket_id in marked if bracket_id in self._tracked]

    def soonest_due(self) -> float | None:
        """Return the monotonic second of the next timer; 0.0 when something is marked already."""
        if self._dirty:
            return 0.0
        while self._dues:
            due, bracket_id = self._dues[0]
            tracked = self._tracked.get(bracket_id)
            if tracked is not None and tracked.due == due:
                return due
            heapq.heappop(self._dues)
        return None

    def urgency(self) -> Urgency:
        return min((urgency for urgency, count in self._urgencies.items() if count), default=Urgency.WATCHED)

    def wants_gtts(self) -> bool:
        return self._gtts > 0

    def wants_everything(self) -> bool:
        return self._everything > 0

    def wants_evidence(self) -> bool:
        return self._evidence > 0

    def priced_symbols(self) -> frozenset[Symbol]:
        """Return the symbols whose price decides something now."""
        return frozenset(symbol for symbol, count in self._price.items() if count)

    def open_symbols(self) -> frozenset[Symbol]:
        return frozenset(symbol for symbol, count in self._open.items() if count)

    def exchanges(self) -> set[str]:
        return {exchange for (exchange, _), ids in self._symbols.items() if ids}

    def _count(self, tracked: Tracked, sign: int) -> None:
        needs = tracked.needs
        self._urgencies[needs.urgency] += sign
        self._gtts += sign * needs.gtts
        self._everything += sign * needs.everything
        self._evidence += sign * needs.evidence
        self._price[symbol_of(tracked.bracket)] += sign * needs.price
        self._open[symbol_of(tracked.bracket)] += sign * (not tracked.bracket.state.is_closed)
