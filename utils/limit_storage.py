"""Where rate limits are counted: in this process, or in Redis for as long as it answers.

Both are storages of the `limits` library, known by the scheme of their address. The library's own one in
memory starts a thread with each request and never forgets a caller's name; strangers bring endless names.
"""

import logging
import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from typing import TypeVar

from limits.storage import MovingWindowSupport, RedisStorage, Storage
from redis import RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

IN_MEMORY = "in-memory://"
REDIS_SECONDS = 0.1  # how long a request waits for Redis, at most
REST_SECONDS = 5.0  # how long a Redis that failed is not asked

_MOST_NAMES = 10_000  # callers remembered before those who have been quiet are forgotten

T = TypeVar("T")


def storage_address(redis_url: str | None) -> str:
    """Return the address of the storage to count in."""
    return IN_MEMORY if redis_url is None else f"steady+{redis_url}"


class MemoryWindows(Storage, MovingWindowSupport):
    """Counts in this process."""

    STORAGE_SCHEME = ["in-memory"]  # noqa: RUF012  # the library's own form

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **_: object) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._windows: dict[str, _Window] = {}
        self._clean_at = _MOST_NAMES
        self._lock = threading.Lock()

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Take `amount` of the limit; False, and nothing is taken, when so much is not left."""
        now = time.time()
        with self._lock:
            window = self._windows.get(key) or self._new(key, now)
            window.expiry = expiry
            window.forget(now - expiry)
            if len(window.hits) + amount > limit:
                return False
            window.hits.extend([now] * amount)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Return when the oldest hit was that still counts, and how many count."""
        now = time.time()
        with self._lock:
            window = self._windows.get(key)
            if window is None:
                return now, 0
            window.forget(now - expiry)
            return (window.hits[0], len(window.hits)) if window.hits else (now, 0)

    def _new(self, key: str, now: float) -> "_Window":
        if len(self._windows) >= self._clean_at:
            self._windows = {name: one for name, one in self._windows.items() if not one.is_quiet(now)}
            # Twice what is left: cleaning must not come with every new name while many are busy.
            self._clean_at = max(_MOST_NAMES, 2 * len(self._windows))
        window = self._windows[key] = _Window()
        return window

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        raise NotImplementedError("only moving windows are counted")

    def get(self, key: str) -> int:
        raise NotImplementedError("only moving windows are counted")

    def get_expiry(self, key: str) -> float:
        raise NotImplementedError("only moving windows are counted")

    def clear(self, key: str) -> None:
        with self._lock:
            self._windows.pop(key, None)

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        with self._lock:
            count = len(self._windows)
            self._windows.clear()
        return count


class _Window:
    """When one caller's hits were, oldest first."""

    __slots__ = ("expiry", "hits")

    def __init__(self) -> None:
        self.hits: list[float] = []
        self.expiry: float = 0.0

    def forget(self, before: float) -> None:
        del self.hits[: bisect_left(self.hits, before)]

    def is_quiet(self, now: float) -> bool:
        return not self.hits or self.hits[-1] < now - self.expiry


class SteadyRedisWindows(Storage, MovingWindowSupport):
    """Counts in Redis, and in this process while Redis does not answer: no order waits or fails for it."""

    STORAGE_SCHEME = ["steady+redis", "steady+rediss"]  # noqa: RUF012  # the library's own form

    def __init__(self, uri: str, wrap_exceptions: bool = False, **_: object) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._redis = RedisStorage(
            uri.removeprefix("steady+"),
            socket_timeout=REDIS_SECONDS,
            socket_connect_timeout=REDIS_SECONDS,
            retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]  # its hint leaves most options out
        )
        self._memory = MemoryWindows()
        self._lock = threading.Lock()
        self._rests_until = float("-inf")
        self._is_down = False

    @property
    def base_exceptions(self) -> type[Exception]:
        return RedisError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return self._ask(
            lambda redis: redis.acquire_entry(key, limit, expiry, amount),
            lambda memory: memory.acquire_entry(key, limit, expiry, amount),
        )

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        return self._ask(
            lambda redis: redis.get_moving_window(key, limit, expiry),
            lambda memory: memory.get_moving_window(key, limit, expiry),
        )

    def clear(self, key: str) -> None:
        self._ask(lambda redis: redis.clear(key), lambda memory: memory.clear(key))

    def reset(self) -> int | None:
        return self._ask(lambda redis: redis.reset(), lambda memory: memory.reset())

    def check(self) -> bool:
        return True  # there is always one that counts

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        raise NotImplementedError("only moving windows are counted")

    def get(self, key: str) -> int:
        raise NotImplementedError("only moving windows are counted")

    def get_expiry(self, key: str) -> float:
        raise NotImplementedError("only moving windows are counted")

    def _ask(self, redis: Callable[[RedisStorage], T], memory: Callable[[MemoryWindows], T]) -> T:
        if not self._may_ask():
            return memory(self._memory)
        try:
            told = redis(self._redis)
        except (RedisError, OSError) as exc:
            self._note_failure(exc)
            return memory(self._memory)
        if self._is_down:
            self._note_recovery()
        return told

    def _may_ask(self) -> bool:
        """Return whether to ask Redis now. While it is down one request in REST_SECONDS tries."""
        if not self._is_down:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._rests_until:
                return False
            self._rests_until = now + REST_SECONDS
            return True

    def _note_failure(self, exc: Exception) -> None:
        with self._lock:
            was_down, self._is_down = self._is_down, True
            self._rests_until = time.monotonic() + REST_SECONDS
        if not was_down:
            logger.error("Redis does not answer: rate limits are counted in this process only: %s", exc)

    def _note_recovery(self) -> None:
        with self._lock:
            self._is_down = False
        logger.warning("Redis answers again: rate limits are counted there")
