"""Who is calling: the key of a request, verified, and the scope a route asks for."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar, cast

from flask import current_app, g, request
from flask_limiter.util import get_remote_address
from limits import parse

from database.auth_db import Caller, Scope
from database.secret_box import read_key
from limiter import STRANGERS_LIMIT, limiter
from restx_api.errors import RateLimited
from restx_api.parsing import parse_object
from services.background import Background
from services.bracket_order_service import caller_of, require
from services.desk import Desk
from services.errors import InvalidApiKey

View = TypeVar("View", bound=Callable[..., object])

_BEARER = "bearer "
_STRANGERS = parse(STRANGERS_LIMIT)
_STRANGERS_SECONDS = 60


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


def for_scopes(*scopes: Scope) -> Callable[[View], View]:
    """Let only callers in whose key has one of the scopes; the body is read and the caller known after.

    Used as a resource's method_decorators: it runs before the rate limit, which counts by caller.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def authenticated(*args: object, **kwargs: object) -> object:
            read_body()
            g.caller = verified(key_of_request())
            require(g.caller, *scopes)
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
    """Count a failed attempt for its address and for the key id it names. Raises RateLimited."""
    parts = read_key(key or "")
    subjects = [f"ip:{get_remote_address()}"] + ([f"id:{parts.id}"] if parts else [])
    hits = [limiter.limiter.hit(_STRANGERS, "stranger", subject) for subject in subjects]
    if not all(hits):
        raise RateLimited("Too many invalid keys from this address", retry_after_seconds=_STRANGERS_SECONDS)
