"""Order updates posted to the apps' addresses, signed, by one thread."""

import heapq
import itertools
import logging
import threading
import time
from dataclasses import dataclass, field

import msgspec
import requests

from simulator.kite.desk import Desk
from simulator.kite.journal import Update
from simulator.kite.rows import Row
from simulator.kite.sessions import App
from simulator.kite.updates import checksum, update_row
from simulator.wire_faults import Fault

logger = logging.getLogger(__name__)

METHOD = "POSTBACK"  # what a rule of faults names to concern postbacks; its path is the status
_SECONDS = 5.0
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(order=True)
class _Letter:
    due: float
    number: int
    url: str = field(compare=False)
    body: bytes = field(compare=False)


class Postbacks:
    """Posts every update of an app's orders to the app's address, once, whatever the answer."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._wake = threading.Condition()
        self._letters: list[_Letter] = []
        self._numbers = itertools.count()
        self._is_over = False
        self._thread = threading.Thread(target=self._deliver, name="kite-postbacks", daemon=True)
        desk.journal.listen(self.put)
        self._thread.start()

    def put(self, update: Update) -> None:
        """Put an update by for each app that is to hear of it: its own orders, and those nobody placed."""
        if not update.is_told:
            return
        for app in self._desk.sessions.apps_of(update.order.account_id):
            if app.postback_url and update.api_key in (None, app.api_key):
                self._post(app, app.postback_url, update)

    def close(self) -> None:
        with self._wake:
            self._is_over = True
            self._wake.notify()
        self._thread.join()

    def _post(self, app: App, url: str, update: Update) -> None:
        row = update_row(self._desk, update)
        fault = self._desk.plan.fault_for(METHOD, row["status"], body=row["order_id"], client=app.api_key)
        if fault.closes_before:
            return
        body = _encoder.encode(_signed(row, app, fault))
        for _ in range(1 + fault.repeats):
            self._put_by(url, body, seconds=fault.wait_before)

    def _put_by(self, url: str, body: bytes, *, seconds: float) -> None:
        with self._wake:
            letter = _Letter(time.monotonic() + seconds, next(self._numbers), url, body)
            heapq.heappush(self._letters, letter)
            self._wake.notify()

    def _deliver(self) -> None:
        with requests.Session() as session:
            while (letter := self._next()) is not None:
                try:
                    session.post(letter.url, data=letter.body, headers=_HEADERS, timeout=_SECONDS)
                except requests.RequestException as exc:
                    logger.warning("a postback was not taken: %s", type(exc).__name__)

    def _next(self) -> _Letter | None:
        """Return the next letter once it is due, None at the end."""
        with self._wake:
            while not self._is_over:
                left = self._letters[0].due - time.monotonic() if self._letters else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._letters)
                self._wake.wait(left)
        return None


_HEADERS = {"Content-Type": "application/json"}


def _signed(row: Row, app: App, fault: Fault) -> Row:
    """Return the row with its checksum; a forged one claims to be filled and knows no secret."""
    if fault.forges:
        claimed = row | {"status": "COMPLETE", "filled_quantity": row["quantity"], "pending_quantity": 0}
        return claimed | {"checksum": checksum(row, "not the secret")}
    return row | {"checksum": checksum(row, app.api_secret)}
