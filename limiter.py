"""Rate limits: counted for each verified key, and for the address of callers who are not verified.

A header or a key as sent is never the measure: a stranger could change it with every request. And since
strangers count by address, whatever they do never slows a verified caller behind the same one.
"""

import logging
import threading
import time
from collections.abc import Callable

from flask import current_app, g
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits import RateLimitItem, parse_many
from limits.errors import StorageError

logger = logging.getLogger(__name__)

# Ten wrong keys a minute from one address, or for one key id, are enough for any honest mistake.
STRANGERS_LIMIT = "10 per minute"


def verified_or_address() -> str:
    """Return what a request is counted for; `caller` is there only once its key is verified."""
    caller = g.get("caller")
    return f"ip:{get_remote_address()}" if caller is None else f"key:{caller.key_id}"


def placing_limit() -> str:
    """Return the limit on placing brackets, as the app is configured now."""
    limit: str = current_app.config["BRACKET_ORDER_RATE_LIMIT"]
    return limit


def order_limit() -> str:
    """Return the limit on placing plain orders and GTTs, as the app is configured now."""
    limit: str = current_app.config["ORDER_RATE_LIMIT"]
    return limit


ORDERS = "orders"
PLACING = "placing"  # one measure for every way to place

limiter = Limiter(key_func=verified_or_address, strategy="moving-window", headers_enabled=True)

# Each waiting request holds one of the threads that are left for requests.
_waiting = threading.BoundedSemaphore(16)


def wait_for_turn(key: str, *, seconds: float, pause: Callable[[float], object]) -> bool:
    """Wait up to `seconds` until the placing limit lets key through; return whether it did."""
    limits = parse_many(placing_limit())
    if _hit(limits, key):
        return True
    if not _waiting.acquire(blocking=False):
        return False
    try:
        return _wait(limits, key, until=time.monotonic() + seconds, pause=pause)
    finally:
        _waiting.release()


def _wait(limits: list[RateLimitItem], key: str, *, until: float, pause: Callable[[float], object]) -> bool:
    while (left := until - time.monotonic()) > 0:
        pause(min(left, _seconds_to_next(limits, key)))
        if _hit(limits, key):
            return True
    return False


def _hit(limits: list[RateLimitItem], key: str) -> bool:
    strategy = limiter.limiter
    try:
        is_free = all(strategy.test(limit, key, PLACING) for limit in limits)
        return is_free and all([strategy.hit(limit, key, PLACING) for limit in limits])  # noqa: C419  # hit all
    except StorageError:
        # A limit that cannot be counted must not cost an order.
        logger.exception("the rate limits could not be counted; the request passes")
        return True


def _seconds_to_next(limits: list[RateLimitItem], key: str) -> float:
    stats = [limiter.limiter.get_window_stats(limit, key, PLACING) for limit in limits]
    resets = [one.reset_time for one in stats if one.remaining == 0]
    return min(max(max(resets, default=0.0) - time.time(), 0.02), 0.5)
