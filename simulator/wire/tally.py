"""How often each app called what, and with which answer: what a test of a client's restraint asks."""

import re
import threading
from collections import Counter

from simulator.wire.calls import Call

_NUMBER = re.compile(r"/\d+")


class Tally:
    """Counts answers by app, method, path and status. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, Counter[str]] = {}

    def count(self, api_key: str, call: Call, *, status: int) -> None:
        """Count one answer. Calls below /sim are nobody's."""
        if call.is_own:
            return
        name = f"{call.method} {_NUMBER.sub('/:id', call.path)} {status}"
        with self._lock:
            self._answers.setdefault(api_key, Counter())[name] += 1

    def of(self, api_key: str) -> dict[str, int]:
        """Return the counts of an app, `{"GET /orders 200": 7}`."""
        with self._lock:
            return dict(self._answers.get(api_key, {}))
