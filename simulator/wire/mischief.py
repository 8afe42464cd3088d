"""Faults of the exchange itself, let loose on a user's orders: late refusals, stuck orders, odd fills.

They are those of simulator/faults that act by themselves as time passes; what goes wrong on the network
is simulator/wire_faults.py. One that needs to know entries from exits reads the tag, as described there.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from simulator.exchange import SimulatedExchange
from simulator.faults import FAULTS
from simulator.faults.base import Deed, Fault, Floor
from simulator.orders import Key
from simulator.refusals import Refused

logger = logging.getLogger(__name__)

ACTING = {code: fault for code, fault in FAULTS.items() if fault.act is not Fault.act}


class Mischief:
    """The faults at work, by user. Thread-safe; `step` carries them out."""

    def __init__(self, exchange: SimulatedExchange, now: Callable[[], datetime]) -> None:
        self._exchange = exchange
        self._now = now
        self._lock = threading.Lock()
        self._at_work: list[tuple[str, Fault]] = []
        self.deeds: Counter[str] = Counter()

    def begin(self, user_id: str, code: str, *, rate: float, script: Sequence[int] | None, seed: int) -> None:
        """Let a fault loose. Raises ValueError for a code that does nothing by itself."""
        if code not in ACTING:
            raise ValueError(f"no fault {code} acts at the exchange; there are {', '.join(sorted(ACTING))}")
        with self._lock:
            self._at_work.append((user_id, ACTING[code](seed, rate=rate, script=script)))

    def clear(self) -> None:
        """End every fault, and mend what would stay broken for ever."""
        with self._lock:
            over, self._at_work = self._at_work, []
        for user_id, fault in over:
            fault.end(self._floor(user_id))

    def step(self) -> None:
        """Give every fault its opportunity."""
        with self._lock:
            at_work = list(self._at_work)
        for user_id, fault in at_work:
            deed = self._act(fault, user_id)
            if deed is not None:
                self.deeds[fault.code] += 1
                logger.info("%s: %s", fault.code, deed.words)

    def _act(self, fault: Fault, user_id: str) -> Deed | None:
        try:
            return fault.act(self._floor(user_id))
        except (Refused, ValueError) as exc:  # the exchange's rules are stronger
            logger.warning("%s could not strike: %s", fault.code, exc)
            return None

    def _floor(self, user_id: str) -> Floor:
        now, hours = self._now(), self._exchange.settings.hours
        return Floor(
            exchange=self._exchange,
            account_id=user_id,
            now=now.timestamp(),
            wall=now,
            is_open=hours is None or hours.is_open(now),
            jump=self._jump,
        )

    def _jump(self, key: Key, price: Decimal, depth: int | None) -> None:
        self._exchange.set_price(*key, last=price, depth=depth)
