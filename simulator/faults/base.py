"""What every fault is: one named way in which the world misbehaves, with a rate or a script.

A fault has hooks; each is asked whenever its moment comes: a call leaves, a book is read, a push is
due, a transaction commits, a second passes. Most faults use one hook. What a hook gives back says what
goes wrong; who asks carries it out, in process or over HTTP. Nothing here knows who the client is.
"""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from services.bracket.model import Quote, RefusalKind, State, Terms
from simulator.exchange import SimulatedExchange
from simulator.orders import Key, Order

CLIENT_TIMEOUT = 4.0  # seconds a caller waits for an answer

Rows = tuple[Any, ...]  # rows of one book: OrderRow, GttRow, TradeRow or PositionRow


class CallKind(StrEnum):
    PLACE = "place"
    MODIFY = "modify"
    CANCEL = "cancel"
    PLACE_GTT = "place gtt"
    MODIFY_GTT = "modify gtt"
    CANCEL_GTT = "cancel gtt"


PLACING = (CallKind.PLACE, CallKind.PLACE_GTT)
CANCELLING = (CallKind.CANCEL, CallKind.CANCEL_GTT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that changes something. order is what the exchange holds under its id, if anything."""

    kind: CallKind
    is_entry: bool
    terms: Terms | None = None
    order: Order | None = None

    @property
    def is_morph(self) -> bool:
        """Whether it turns a resting stop into a limit at the target."""
        was_stop = self.order is not None and self.order.waits_for_trigger
        return self.kind is CallKind.MODIFY and was_stop and _is_plain(self.terms)


def _is_plain(terms: Terms | None) -> bool:
    return terms is not None and terms.trigger_price is None


class Answer(StrEnum):
    REAL = "what the broker says"
    LOST = "none that can be used"
    REFUSED = "no"
    NOT_SENT = "no connection"
    RATE_LIMITED = "429"
    AUTH_DEAD = "401"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of one call, in seconds from its sending; arrives None: the broker never sees it."""

    answer: Answer
    answers: float
    arrives: float | None = None
    refusal: RefusalKind = RefusalKind.UNCLASSIFIED
    words: str = ""


class Part(StrEnum):
    """What one read asks for."""

    ORDERS = "orders"
    GTTS = "gtts"
    TRADES = "trades"
    POSITIONS = "positions"


class Unreadable(Exception):
    """A read that gives nothing."""


class Books:
    """The account's books as they are and as they were; asked by faults that lie about them."""

    now: float = 0.0

    def rows(self, part: Part, *, ago: float = 0.0) -> Rows:
        """Return the rows of a book, now or `ago` seconds ago."""
        raise NotImplementedError


@dataclass(slots=True)
class Floor:
    """The exchange as a fault sees it at one instant. jump moves a price at once, however far."""

    exchange: SimulatedExchange
    account_id: str
    now: float
    wall: datetime
    is_open: bool
    jump: Callable[[Key, Decimal, int | None], None]
    _orders: list[Order] | None = None

    def orders(self) -> list[Order]:
        """Return the day's orders of the account; asked for once, until `fresh`."""
        if self._orders is None:
            self._orders = self.exchange.peek(
                lambda ledger: [order for order in ledger.orders if order.account_id == self.account_id]
            )
        return self._orders

    def fresh(self) -> "Floor":
        """Forget what was seen: something was done."""
        self._orders = None
        return self

    def ours(self) -> list[Order]:
        """Return the orders that carry a tag, and the exits that came with one of them."""
        return [order for order in self.orders() if order.tag is not None or order.parent_id is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a fault did: to which order or trigger, and whose shares are not only the client's now."""

    words: str
    order_id: str | None = None
    touches: frozenset[tuple[str, str]] = frozenset()  # symbol, product


class HostDeed(StrEnum):
    """What happens to the process or its machine."""

    KILL = "killed"
    POWER_CUT = "power cut"
    STOP = "stopped in order"
    STALL = "stalled"
    THREAD_DIES = "its thread died and was started again"
    SECOND_ENGINE = "paused while a second engine took over, then resumed"
    WALL_JUMP = "wall clock stepped"
    DEAF = "announcements lost"
    SAME_ORDER_TWICE = "the same order sent twice"
    CLIENT_GONE = "the client hung up"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFate:
    deed: HostDeed
    seconds: float = 0.0


class Fault:
    """One way of misbehaving. Every hook does nothing unless a fault means it.

    rate is the chance at each opportunity; a script names the opportunities, counted from 1, at which it
    strikes. The dice of its n-th strike depend on seed, code and n only, so a script repeats a run.
    """

    code: ClassVar[str] = ""
    says: ClassVar[str] = ""
    usual_rate: ClassVar[float] = 0.0
    where: ClassVar[frozenset[State]] = frozenset()  # bracket states in which it can strike
    excuses: ClassVar[frozenset[str]] = frozenset()  # invariants that nobody can hold against it
    breaks_assumptions: ClassVar[bool] = False  # only in worlds that say so

    def __init__(
        self, seed: int, *, rate: float | None = None, script: Collection[int] | None = None
    ) -> None:
        self.seed = seed
        self.rate = self.usual_rate if rate is None else rate
        self.script = None if script is None else frozenset(script)
        self.opportunities = 0
        self.struck: list[int] = []
        self.is_over = False
        self.may_strike: Callable[[], bool] = lambda: True  # a fault that is aimed waits for its moment
        self._chance = random.Random(f"{seed}/{self.code}")

    def strikes(self) -> random.Random | None:
        """Take one opportunity; return dice for the details when it strikes."""
        if self.is_over:
            return None
        self.opportunities += 1
        if self.script is None:
            is_hit = self._chance.random() < self.rate and self.may_strike()
        else:
            is_hit = self.opportunities in self.script
        if not is_hit:
            return None
        self.struck.append(self.opportunities)
        return random.Random(f"{self.seed}/{self.code}/{self.opportunities}")

    def end(self, floor: Floor) -> None:
        """Stop misbehaving and mend what would stay broken for ever."""
        self.is_over = True

    def fate(self, call: Call, now: float) -> Fate | None:
        """Return what becomes of a call, None when nothing special does."""
        return None

    def meanwhile(self, call: Call, floor: Floor) -> Deed | None:
        """Act in the instant before the exchange carries out a call."""
        return None

    def accepted(self, order_id: str, now: float) -> None:
        """Hear that an order was taken in."""

    def spoil(self, part: Part, rows: Rows, books: Books) -> Rows | None:
        """Return the rows that are shown instead, None for the true ones. Raises Unreadable."""
        return None

    def kills_session(self, now: float) -> bool:
        """Whether the broker session is dead now: reads are empty, a probe says so, writes are refused."""
        return False

    def spoil_quotes(self, quotes: dict[Key, Quote], now: float) -> dict[Key, Quote] | None:
        return None

    def hints(self, now: float) -> list[float] | None:
        """Return the delays of the hints that one push becomes."""
        return None

    def hints_from_nowhere(self) -> int:
        """Return how many hints come although nothing happened."""
        return 0

    def act(self, floor: Floor) -> Deed | None:
        """Do something at the exchange; asked at every step."""
        return None

    def host(self, now: float) -> HostFate | None:
        """Do something to the process; asked at every step."""
        return None

    def dies_at(self, point: str) -> bool:
        """Whether the process dies at this point of its work."""
        return False

    def fails_commit(self, now: float) -> str | None:
        """Return why a transaction cannot be committed."""
        return None


class Elsewhere(Fault):
    """A fault that has no place in these worlds: because says why, proven_by where it is tried."""

    because: ClassVar[str] = ""
    proven_by: ClassVar[str] = ""
