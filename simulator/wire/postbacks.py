"""Order updates posted to the apps' addresses by one thread."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import requests

from simulator.wire.calls import JSON_TYPE
from simulator.wire.desk import Desk
from simulator.wire.journal import Update
from simulator.wire.sessions import App
from simulator.wire_faults import Fault

logger = logging.getLogger(__name__)

METHOD = "POSTBACK"  # what a rule of faults names to concern postbacks; its path is the status
_SECONDS = 5.0
_HEADERS = {"Content-Type": JSON_TYPE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a postback says: the order's status, in the broker's word, and how to write the whole of it.

    The body is written for the app that gets it and for the fault it meets: a forged one claims what is not.
    """

    status: str
    order_id: str
    body: Callable[[App, Fault], bytes]


@dataclass(order=True)
class _Posted:
    due: float
    number: int
    url: str = field(compare=False)
    body: bytes = field(compare=False)


class Postbacks:
    """Posts every update of an app's orders to the app's address, once, whatever the answer."""

    def __init__(self, desk: Desk, write: Callable[[Update], Letter]) -> None:
        self._desk = desk
        self._write = write
        self._wake = threading.Condition()
        self._letters: list[_Posted] = []
        self._numbers = itertools.count()
        self._is_over = False
        self._thread = threading.Thread(target=self._deliver, name="postbacks", daemon=True)
        desk.journal.listen(self.put)
        self._thread.start()

    def put(self, update: Update) -> None:
        """Put an update by for each app that is to hear of it: its own orders, and those nobody placed."""
        if not update.is_told:
            return
        for app in self._desk.sessions.apps_of(update.order.account_id):
            if app.postback_url and update.api_key in (None, app.api_key):
                self._post(app, self._write(update))

    def close(self) -> None:
        with self._wake:
            self._is_over = True
            self._wake.notify()
        self._thread.join()

    def _post(self, app: App, letter: Letter) -> None:
        fault = self._desk.plan.fault_for(METHOD, letter.status, body=letter.order_id, client=app.api_key)
        if fault.closes_before:
            return
        body = letter.body(app, fault)
        for _ in range(1 + fault.repeats):
            self._put_by(app.postback_url, body, seconds=fault.wait_before)

    def _put_by(self, url: str, body: bytes, *, seconds: float) -> None:
        with self._wake:
            letter = _Posted(time.monotonic() + seconds, next(self._numbers), url, body)
            heapq.heappush(self._letters, letter)
            self._wake.notify()

    def _deliver(self) -> None:
        with requests.Session() as session:
            while (letter := self._next()) is not None:
                try:
                    session.post(letter.url, data=letter.body, headers=_HEADERS, timeout=_SECONDS)
                except requests.RequestException as exc:
                    logger.warning("a postback was not taken: %s", type(exc).__name__)

    def _next(self) -> _Posted | None:
        """Return the next letter once it is due, None at the end."""
        with self._wake:
            while not self._is_over:
                left = self._letters[0].due - time.monotonic() if self._letters else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._letters)
                self._wake.wait(left)
        return None
