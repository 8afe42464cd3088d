"""Rate limits: counted for each verified key, and for the address of callers who are not verified.

A header or a key as sent is never the measure: a stranger could change it with every request. And since
strangers count by address, whatever they do never slows a verified caller behind the same one.
"""

from flask import current_app, g
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

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


limiter = Limiter(key_func=verified_or_address, strategy="moving-window", headers_enabled=True)
