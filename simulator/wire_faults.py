"""What can go wrong between a client and an HTTP server, as values, and when each is to happen."""

import random
import re
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is done to one exchange. Without any field it passes.

    The server gets the request unless `answers_itself` or `closes_before`; seconds are waited, a `close`
    is a reset (RST). Of what a server sends unasked, `closes_before` loses it and `wait_before` delays it.
    """

    name: str
    wait_before: float = 0.0  # seconds before the server hears of it
    closes_before: bool = False  # the server never hears of it
    answers_itself: tuple[int, bytes] | None = None  # status and body, instead of asking the server
    wait_after: float = 0.0  # the server has done it, the client waits
    closes_after: bool = False  # done, and no answer
    answers_instead: tuple[int, bytes] | None = None  # done, and this answer
    cuts_body: bool = False  # done, and half an answer
    replays: bool = False  # a read: what was answered to the same path some time ago
    forges: bool = False  # a push: signed by somebody who does not know the secret
    repeats: int = 0  # a push: so many times more

    @property
    def reaches_server(self) -> bool:
        return not self.closes_before and self.answers_itself is None


_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_BUSY = b'{"status":"error","message":"Too many requests","error_type":"NetworkException","data":null}'
_GARBLED = b'{"status":"success","data":{"order_id":'
LONGER_THAN_ANY_TIMEOUT = 6.0

PASS = Fault(name="pass")
RESET_BEFORE = Fault(name="reset before acceptance", closes_before=True)
RESET_AFTER = Fault(name="reset after acceptance", closes_after=True)
HANG_BEFORE = Fault(
    name="time-out before acceptance", wait_before=LONGER_THAN_ANY_TIMEOUT, closes_before=True
)
HANG_AFTER = Fault(name="time-out after acceptance", wait_after=LONGER_THAN_ANY_TIMEOUT)
LATE = Fault(name="acceptance after the time-out", wait_before=LONGER_THAN_ANY_TIMEOUT)
BAD_GATEWAY_BEFORE = Fault(name="502 before acceptance", answers_itself=(502, _HTML))
BAD_GATEWAY_AFTER = Fault(name="502 after acceptance", answers_instead=(502, _HTML))
GATEWAY_TIMEOUT_BEFORE = Fault(name="504 before acceptance", answers_itself=(504, _HTML))
GATEWAY_TIMEOUT_AFTER = Fault(name="504 after acceptance", answers_instead=(504, _HTML))
TOO_MANY = Fault(name="429", answers_itself=(429, _BUSY))
GARBLED = Fault(name="garbled JSON after acceptance", answers_instead=(200, _GARBLED))
EMPTY = Fault(name="empty answer after acceptance", answers_instead=(200, b""))
CUT = Fault(name="half an answer", cuts_body=True)
STALE = Fault(name="stale book", replays=True)
EMPTY_BOOK = Fault(name="empty book", answers_itself=(200, b'{"status":"success","data":[]}'))
SLOW = Fault(name="slow answer", wait_after=1.0)
SERVER_ERROR_BEFORE = Fault(name="500 before acceptance", answers_itself=(500, _HTML))
SERVER_ERROR_AFTER = Fault(name="500 after acceptance", answers_instead=(500, _HTML))
LOST_PUSH = Fault(name="lost push", closes_before=True)
LATE_PUSH = Fault(name="late push", wait_before=3.0)
REPEATED_PUSH = Fault(name="repeated push", repeats=2)
FORGED_PUSH = Fault(name="forged push", forges=True)

FAULTS = {
    fault.name: fault
    for fault in (
        RESET_BEFORE,
        RESET_AFTER,
        HANG_BEFORE,
        HANG_AFTER,
        LATE,
        BAD_GATEWAY_BEFORE,
        BAD_GATEWAY_AFTER,
        GATEWAY_TIMEOUT_BEFORE,
        GATEWAY_TIMEOUT_AFTER,
        SERVER_ERROR_BEFORE,
        SERVER_ERROR_AFTER,
        TOO_MANY,
        GARBLED,
        EMPTY,
        CUT,
        STALE,
        EMPTY_BOOK,
        SLOW,
        LOST_PUSH,
        LATE_PUSH,
        REPEATED_PUSH,
        FORGED_PUSH,
    )
}


@dataclass(slots=True, kw_only=True)
class Rule:
    """When a fault happens: to which calls, after how many of them, how often, or with which chance.

    `path` and `body` are searched for as regular expressions; `client` is a part of the Authorization.
    """

    fault: Fault
    method: str = ".*"
    path: str = ""
    body: str = ""
    client: str = ""
    skip: int = 0  # matching calls that pass first
    times: int | None = None  # None: for ever
    chance: float = 1.0
    fired: int = 0
    _seen: int = field(default=0, repr=False)

    def concerns(self, method: str, path: str, *, body: str, client: str) -> bool:
        return (
            re.fullmatch(self.method, method) is not None
            and re.search(self.path, path) is not None
            and re.search(self.body, body) is not None
            and self.client in client
        )

    def takes(self, draw: float) -> bool:
        """Count one call that it concerns and say whether the fault happens to it."""
        self._seen += 1
        is_over = self.times is not None and self.fired >= self.times
        if is_over or self._seen <= self.skip or draw >= self.chance:
            return False
        self.fired += 1
        return True


class FaultPlan:
    """The rules in force, the first that takes a call wins. Thread-safe; repeatable by its seed."""

    def __init__(self, rules: Sequence[Rule] = (), *, seed: int = 0) -> None:
        self._rules = list(rules)
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.fired: Counter[str] = Counter()

    def add(self, *rules: Rule) -> None:
        with self._lock:
            self._rules += rules

    def clear(self) -> None:
        """Let everything pass from now on."""
        with self._lock:
            self._rules.clear()

    def fault_for(self, method: str, path: str, *, body: str, client: str) -> Fault:
        """Return what is to happen to a call; counts it."""
        with self._lock:
            for rule in self._rules:
                is_concerned = rule.concerns(method, path, body=body, client=client)
                if is_concerned and rule.takes(self._random.random()):
                    self.fired[rule.fault.name] += 1
                    return rule.fault
        return PASS
