"""Keys at these addresses: the same keys, another answer to a wrong one."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar, cast

from database.auth_db import Scope
from restx_api.callers import for_scopes
from restx_api.errors import InvalidOpenalgoKey
from services.errors import InvalidApiKey

View = TypeVar("View", bound=Callable[..., object])

WRONG_KEY = InvalidOpenalgoKey.code


def for_openalgo(*scopes: Scope) -> Callable[[View], View]:
    """Let only callers in whose key has one of the scopes; a wrong key is 403, as these clients know it."""

    def decorate(view: View) -> View:
        guarded = for_scopes(*scopes)(view)

        @wraps(guarded)
        def answered(*args: object, **kwargs: object) -> object:
            try:
                return guarded(*args, **kwargs)
            except InvalidApiKey as exc:
                raise InvalidOpenalgoKey("Invalid openalgo apikey") from exc

        return cast("View", answered)

    return decorate
