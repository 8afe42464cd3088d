"""Rate limits: counted for each verified key, and for the address of callers who are not verified.

A header or a key as sent is never the measure: a stranger could change it with every request. And since
strangers count by address, whatever they do never slows a verified caller behind the same one.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from flask import Flask, Response, current_app, g
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits import RateLimitItem, parse_many

from utils.limit_storage import storage_address

# Ten wrong keys a minute from one address, or for one key id, are enough for any honest mistake.
STRANGERS_LIMIT = "10 per minute"
# What needs no key, health checks and the like, from one address.
OPEN_LIMIT = "200 per second"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a subject stands with a limit after a request was counted."""

    is_within: bool
    limit: int
    remaining: int
    reset_at: float  # Unix seconds

    @property
    def retry_after_seconds(self) -> int:
        return max(1, int(self.reset_at - time.time() + 0.999))

    def headers(self) -> dict[str, str]:
        """Return the headers that tell a client, as Flask-Limiter writes them where it counts."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(int(self.reset_at) + 1),
        }


def verified_or_address() -> str:
    """Return what a request is counted for; `caller` is there only once its key is verified."""
    caller = g.get("caller")
    return f"ip:{get_remote_address()}" if caller is None else f"key:{caller.key_id}"


def placing_limit() -> str:
    """Return the limit on placing brackets, as the app is configured now."""
    limit: str = current_app.config["BRACKET_ORDER_RATE_LIMIT"]
    return limit


def order_limit() -> str:
    """Return the limit on placing and changing plain orders and GTTs, as the app is configured now."""
    limit: str = current_app.config["ORDER_RATE_LIMIT"]
    return limit


ORDERS = "orders"
PLACING = "placing"  # one measure for every way to place

limiter = Limiter(key_func=verified_or_address, strategy="moving-window", headers_enabled=True)

# Each waiting request holds one of the threads that are left for requests.
_waiting = threading.BoundedSemaphore(16)


def configure_limits(app: Flask, *, placing: str, orders: str, calls: str, redis_url: str | None) -> None:
    """Bind the limits to an app: how often a key may place brackets, plain orders, call anything else."""
    app.config.update(
        BRACKET_ORDER_RATE_LIMIT=placing,
        ORDER_RATE_LIMIT=orders,
        API_RATE_LIMIT=calls,
        RATELIMIT_STORAGE_URI=storage_address(redis_url),
    )
    app.after_request(_tell_standing)
    limiter.init_app(app)


def count(limits: str, subject: str, *, scope: str) -> Standing:
    """Count a request for a subject and return the standing nearest to its end."""
    standings = [_counted(item, subject, scope) for item in _parsed(limits)]
    worst = min(standings, key=lambda one: (one.is_within, one.remaining))
    g.standing = worst
    return worst


def forget(limits: str, subject: str, *, scope: str) -> None:
    """Forget what was counted for a subject."""
    for item in _parsed(limits):
        limiter.limiter.clear(item, subject, scope)


def wait_for_turn(key: str, *, seconds: float, pause: Callable[[float], object]) -> bool:
    """Wait up to `seconds` until the placing limit lets key through; return whether it did.

    When it did not, the request's standing says how long it would have to wait.
    """
    limits = _parsed(placing_limit())
    if _hit(limits, key):
        return True
    if _waiting.acquire(blocking=False):
        try:
            if _wait(limits, key, until=time.monotonic() + seconds, pause=pause):
                return True
        finally:
            _waiting.release()
    g.standing = min((_standing(item, key, PLACING) for item in limits), key=lambda one: one.remaining)
    return False


def standing() -> Standing:
    """Return how the running request stands with the limit it was counted for last."""
    found: Standing = g.standing
    return found


def _counted(item: RateLimitItem, subject: str, scope: str) -> Standing:
    is_within = limiter.limiter.hit(item, subject, scope)
    return replace(_standing(item, subject, scope), is_within=is_within)


def _standing(item: RateLimitItem, subject: str, scope: str) -> Standing:
    stats = limiter.limiter.get_window_stats(item, subject, scope)
    return Standing(
        is_within=stats.remaining > 0,
        limit=item.amount,
        remaining=stats.remaining,
        reset_at=stats.reset_time,
    )


def _tell_standing(response: Response) -> Response:
    standing: Standing | None = g.pop("standing", None)
    if standing is not None:
        response.headers.update(standing.headers())
    return response


@cache
def _parsed(limits: str) -> list[RateLimitItem]:
    return parse_many(limits)


def _wait(limits: list[RateLimitItem], key: str, *, until: float, pause: Callable[[float], object]) -> bool:
    while (left := until - time.monotonic()) > 0:
        pause(min(left, _seconds_to_next(limits, key)))
        if _hit(limits, key):
            return True
    return False


def _hit(limits: list[RateLimitItem], key: str) -> bool:
    strategy = limiter.limiter
    is_free = all(strategy.test(limit, key, PLACING) for limit in limits)
    return is_free and all([strategy.hit(limit, key, PLACING) for limit in limits])  # noqa: C419  # hit all


def _seconds_to_next(limits: list[RateLimitItem], key: str) -> float:
    stats = [limiter.limiter.get_window_stats(limit, key, PLACING) for limit in limits]
    resets = [one.reset_time for one in stats if one.remaining == 0]
    return min(max(max(resets, default=0.0) - time.time(), 0.02), 0.5)
