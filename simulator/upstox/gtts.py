"""GTTs: an entry that places its order at once or at its price, and exits that wait until it is complete.

Every rule places a limit order. The first exit whose price is there sends its order, and takes the other one
away. What is over is not listed any more; only an entry that failed is. An intraday one is for its day.
"""

import itertools
import threading
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal

from services.bracket.model import OrderRequest, OrderType, Product, RowStatus, Side, Terms
from simulator.exchange import SimulatedExchange
from simulator.orders import Key, Order
from simulator.refusals import Refused
from simulator.rounds import Rounds
from simulator.upstox.failures import UpstoxFailure, bad_input, words_of
from utils.constants import EXCHANGE_ZONE

ENTRY, STOP, TARGET = "ENTRY", "STOPLOSS", "TARGET"
_LIVE = frozenset({"SCHEDULED", "OPEN"})
_DAYS_END = time(23, 59, 59)
_BAND = Decimal("0.02")  # of the trigger: how far a protected rule's limit reaches beyond it
_ENDS = {RowStatus.FILLED: "COMPLETED", RowStatus.REJECTED: "FAILED"}


@dataclass(slots=True, kw_only=True)
class Rule:
    """One rule; order_id is of the order it placed."""

    strategy: str
    trigger_type: str
    level: Decimal
    is_protected: bool
    status: str = "SCHEDULED"
    order_id: str | None = None
    message: str | None = None


@dataclass(slots=True, kw_only=True)
class Gtt:
    """One GTT of one user."""

    gtt_id: str
    account_id: str
    kind: str
    key: Key
    product: Product
    side: Side  # of the entry
    quantity: int
    created_at: datetime
    rules: dict[str, Rule] = field(default_factory=dict)

    def side_of(self, rule: Rule) -> Side:
        return self.side if rule.strategy == ENTRY else self.side.opposite

    @property
    def expires_at(self) -> datetime:
        """Return its end: an intraday one's day, a year for others."""
        last = self.created_at + timedelta(days=0 if self.product is Product.MIS else 365)
        return datetime.combine(last.astimezone(EXCHANGE_ZONE).date(), _DAYS_END, tzinfo=EXCHANGE_ZONE)

    @property
    def is_over(self) -> bool:
        return all(rule.status not in _LIVE for rule in self.rules.values())

    @property
    def is_listed(self) -> bool:
        return not self.is_over or self.rules[ENTRY].status == "FAILED"

    def exits(self) -> list[Rule]:
        return [rule for rule in self.rules.values() if rule.strategy != ENTRY]


class GttDesk:
    """All GTTs. Thread-safe; `step` lets happen what a price or a fill has made due."""

    def __init__(self, exchange: SimulatedExchange, now: Callable[[], datetime]) -> None:
        self._exchange = exchange
        self._now = now
        self._lock = threading.RLock()
        self._rounds = Rounds(self._look_at_all, self._lock)
        self._gtts: dict[str, Gtt] = {}
        self._numbers = itertools.count(1)
        self._placed: dict[str, str] = {}  # order -> GTT
        exchange.listen_prices(lambda _keys: self.step())

    def new(self, **words: object) -> str:
        """Take in a GTT and return its id; what becomes of its entry is seen later."""
        with self._lock:
            now = self._now()
            gtt_id = f"GTT-C{now.astimezone(EXCHANGE_ZONE):%y%d%m}{next(self._numbers):09d}"
            self._gtts[gtt_id] = Gtt(gtt_id=gtt_id, created_at=now, **words)  # type: ignore[arg-type]  # its fields
            self.step()
            return gtt_id

    def listed(self, account_id: str) -> list[Gtt]:
        """Return a user's GTTs that are not over."""
        with self._lock:
            self.step()
            found = [gtt for gtt in self._gtts.values() if gtt.account_id == account_id and gtt.is_listed]
            return deepcopy(found)  # as they are now: what follows does not show in half of an answer

    def reference(self, order_id: str) -> str | None:
        """Return the GTT that placed an order. Takes no lock: who writes postbacks holds the exchange's."""
        return self._placed.get(order_id)

    def change(self, account_id: str, gtt_id: str, *, quantity: int, levels: Mapping[str, Decimal]) -> None:
        """Give a GTT's rules new levels. Raises UpstoxFailure, or Refused by the exchange."""
        with self._lock:
            gtt = self._active(account_id, gtt_id)
            entry = self._order(gtt.rules[ENTRY].order_id)
            if entry is not None and quantity != gtt.quantity:
                raise bad_input("Quantity cannot be modified", "UDAPI1137")
            if entry is not None and entry.is_live and levels[ENTRY] != entry.price:
                terms = Terms(order_type=OrderType.LIMIT, quantity=entry.quantity, price=levels[ENTRY])
                self._exchange.modify(account_id, entry.order_id, terms=terms)
            gtt.quantity = quantity
            for rule in gtt.rules.values():
                rule.level = levels.get(rule.strategy, rule.level)
            self.step()

    def cancel(self, account_id: str, gtt_id: str) -> None:
        """End a GTT with all its rules. Raises UpstoxFailure once an exit was sent."""
        with self._lock:
            gtt = self._active(account_id, gtt_id)
            if any(rule.status == "OPEN" for rule in gtt.exits()):
                raise bad_input("GTT order cannot be cancelled", "UDAPI1151")
            entry = self._order(gtt.rules[ENTRY].order_id)
            if entry is not None and entry.is_live:
                self._exchange.cancel(account_id, entry.order_id)
            _end(gtt)

    def step(self) -> None:
        """Send what is due, and see what became of what was sent."""
        self._rounds.run()

    def _look_at_all(self) -> None:
        for gtt in self._gtts.values():
            if not gtt.is_over:
                self._look_at(gtt)

    def _look_at(self, gtt: Gtt) -> None:
        if self._now() > gtt.expires_at:
            _end(gtt, "EXPIRED")
            return
        entry = gtt.rules[ENTRY]
        if entry.status == "SCHEDULED" and self._is_due(gtt, entry):
            self._send(gtt, entry)
        for rule in gtt.rules.values():
            self._settle(rule)
        if entry.status == "COMPLETED":
            self._send_due(gtt)
        elif entry.status not in _LIVE:
            _end(gtt)

    def _settle(self, rule: Rule) -> None:
        order = self._order(rule.order_id) if rule.status == "OPEN" else None
        if order is not None and not order.is_live:
            rule.status = _ENDS.get(order.status, "CANCELLED")
            if order.reason is not None:
                rule.message = words_of(order.refusal, order.reason)

    def _send_due(self, gtt: Gtt) -> None:
        for rule in gtt.exits():
            if rule.status == "SCHEDULED" and self._is_due(gtt, rule):
                self._send(gtt, rule)
                for other in gtt.exits():
                    if other.status == "SCHEDULED":
                        other.status = "CANCELLED"

    def _is_due(self, gtt: Gtt, rule: Rule) -> bool:
        if rule.strategy == ENTRY and rule.trigger_type == "IMMEDIATE":
            return True
        quote = self._exchange.quote(*gtt.key)
        if quote is None:
            return False
        if rule.strategy == ENTRY:
            rises = rule.trigger_type == "ABOVE"
        else:
            rises = (rule.strategy == TARGET) is (gtt.side is Side.BUY)
        return quote.last >= rule.level if rises else quote.last <= rule.level

    def _send(self, gtt: Gtt, rule: Rule) -> None:
        side = gtt.side_of(rule)
        price = self._limit(gtt, rule, side)
        request = OrderRequest(
            tag="",
            exchange=gtt.key[0],
            symbol=gtt.key[1],
            product=gtt.product,
            side=side,
            terms=Terms(order_type=OrderType.LIMIT, quantity=gtt.quantity, price=price),
        )
        try:
            rule.order_id = self._exchange.place(gtt.account_id, request)
        except Refused as exc:
            rule.status, rule.message = "FAILED", words_of(exc.kind, exc.reason)
        else:
            rule.status = "OPEN"
            self._placed[rule.order_id] = gtt.gtt_id

    def _limit(self, gtt: Gtt, rule: Rule, side: Side) -> Decimal:
        if not rule.is_protected:
            return rule.level
        tick = self._exchange.instruments[gtt.key].tick_size
        steps = rule.level * (1 + _BAND * side.sign) // tick
        return steps * tick

    def _active(self, account_id: str, gtt_id: str) -> Gtt:
        self.step()
        gtt = self._gtts.get(gtt_id)
        if gtt is None or gtt.account_id != account_id:
            raise UpstoxFailure(404, "UDAPI1136", "GTT order not found")
        if gtt.is_over:
            raise bad_input("GTT order cannot be modified", "UDAPI1137")
        return gtt

    def _order(self, order_id: str | None) -> Order | None:
        if order_id is None:
            return None
        return self._exchange.peek(lambda ledger: ledger.orders.get(order_id))


def _end(gtt: Gtt, word: str = "CANCELLED") -> None:
    for rule in gtt.rules.values():
        if rule.status in _LIVE:
            rule.status = word
