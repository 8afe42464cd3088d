"""Who is calling: the key of a request, verified, and the scope a route asks for."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar, cast

from flask import current_app, g, request
from flask_limiter.util import get_remote_address

from database.auth_db import Caller, Scope
from database.secret_box import read_key
from limiter import OPEN_LIMIT, STRANGERS_LIMIT, count
from restx_api.errors import RateLimited
from restx_api.parsing import parse_object
from services.background import Background
from services.bracket_order_service import caller_of, require
from services.desk import Desk
from services.errors import InvalidApiKey

View = TypeVar("View", bound=Callable[..., object])

_BEARER = "bearer "


def desk() -> Desk:
    """Return the parts of the service this app was built with."""
    return cast("Desk", current_app.extensions["openbracket"])


def background() -> Background:
    """Return what works beside the requests."""
    return cast("Background", current_app.extensions["openbracket_background"])


def caller() -> Caller:
    """Return the verified caller of the running request."""
    return cast("Caller", g.caller)


def body() -> dict[str, object]:
    """Return the request's body without its key."""
    return cast("dict[str, object]", g.body)


def for_scopes(*scopes: Scope, counted: bool = True) -> Callable[[View], View]:
    """Let only callers in whose key has one of the scopes; the body is read and the caller known after.

    Used as a resource's method_decorators. A route that has a limit of its own is not counted here; that
    limit runs after this, and so counts by caller.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def authenticated(*args: object, **kwargs: object) -> object:
            read_body()
            g.caller = verified(key_of_request())
            require(g.caller, *scopes)
            if counted:
                count_call(acting=scopes == (Scope.TRADE,))
            return view(*args, **kwargs)

        authenticated.scopes = scopes  # type: ignore[attr-defined]  # for the test that no route is open
        return cast("View", authenticated)

    return decorate


def read_body() -> None:
    """Read the body and take its key out, so that nothing after this can log or echo it."""
    g.body = parse_object(request.get_data())
    g.body_key = g.body.pop("apikey", None)


def key_of_request() -> str | None:
    """Return the one key the request carries, wherever. Raises InvalidApiKey when there are two."""
    named = request.headers.get("X-API-KEY")
    authorization = request.headers.get("Authorization", "")
    bearer = authorization[len(_BEARER) :].strip() if authorization.lower().startswith(_BEARER) else None
    of_body = g.body_key
    if not isinstance(of_body, str | None):
        raise InvalidApiKey("Invalid API key")
    given = {key for key in (named, bearer, of_body) if key}
    if len(given) > 1:
        raise InvalidApiKey("Invalid API key")
    return given.pop() if given else None


def verified(key: str | None) -> Caller:
    """Return who a key speaks for. Raises InvalidApiKey, and RateLimited for one who keeps guessing.

    The key is looked up first: failures of others, even with the same key id, never slow a good one.
    """
    try:
        return caller_of(desk(), key or "")
    except InvalidApiKey:
        count_stranger(key)
        raise


def count_stranger(key: str | None) -> None:
    """Count a failed attempt for its address and for the key id it names. Raises RateLimited.

    An address beyond its limit counts for no key id any more: one stranger cannot fill the memory.
    """
    words = "Too many invalid keys"
    _refuse_beyond(STRANGERS_LIMIT, f"ip:{get_remote_address()}", scope="stranger", words=words)
    parts = read_key(key or "")
    if parts is not None:
        _refuse_beyond(STRANGERS_LIMIT, f"id:{parts.id}", scope="stranger", words=words)


def count_call(*, acting: bool) -> None:
    """Count a call of a verified key that places nothing. Raises RateLimited.

    What changes something has a measure of its own: a client that reads too often can still exit.
    """
    limit: str = current_app.config["API_RATE_LIMIT"]
    scope = "acting" if acting else "reading"
    _refuse_beyond(limit, f"key:{caller().key_id}", scope=scope, words="Too many calls of this key")


def count_anybody() -> None:
    """Count a call that needs no key, by its address. Raises RateLimited."""
    words = "Too many calls from this address"
    _refuse_beyond(OPEN_LIMIT, f"ip:{get_remote_address()}", scope="open", words=words)


def _refuse_beyond(limit: str, subject: str, *, scope: str, words: str) -> None:
    standing = count(limit, subject, scope=scope)
    if not standing.is_within:
        raise RateLimited(f"{words}: {limit}", retry_after_seconds=standing.retry_after_seconds)
