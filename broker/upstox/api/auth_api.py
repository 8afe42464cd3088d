"""Upstox's daily login: where to send the person, and the session for the code they bring back."""

from urllib.parse import urlencode

import msgspec

from broker.base import AuthDead, BrokerSettings, LoggedIn, OutcomeUnknown, RateLimited
from broker.limiter import Lane
from broker.upstox.refusals import failure_of, write_error
from broker.upstox.schemas import AccessToken
from broker.upstox.session import API_ROOT, open_wire

LOGIN_PAGE = f"{API_ROOT}/v2/login/authorization/dialog"
TOKEN_PATH = "/v2/login/authorization/token"  # noqa: S105  # a path

_TOKEN = msgspec.json.Decoder(AccessToken)


def login_url(api_key: str, redirect_uri: str, state: str | None = None) -> str:
    """Return the page on which the account's owner logs in; Upstox then redirects with a code."""
    query = {"response_type": "code", "client_id": api_key, "redirect_uri": redirect_uri}
    if state is not None:
        query["state"] = state
    return f"{LOGIN_PAGE}?{urlencode(query)}"


def exchange_code(
    code: str, settings: BrokerSettings, *, api_key: str, api_secret: str, redirect_uri: str
) -> LoggedIn:
    """Return the session for a code, which works once.

    Raises AuthDead when Upstox refuses, NotSent, OutcomeUnknown or RateLimited when it did not answer: either
    way the person logs in again.
    """
    form = {
        "code": code,
        "client_id": api_key,
        "client_secret": api_secret,
        "redirect_uri": redirect_uri,
        "grant_type": "authorization_code",
    }
    wire = open_wire(settings)
    try:
        answer = wire.write("POST", TOKEN_PATH, lane=Lane.READ, form=form)
    finally:
        wire.close()
    if answer.status != 200:
        error = write_error(answer)
        if failure_of(answer) is not None and not isinstance(error, RateLimited) and answer.status < 500:
            raise AuthDead(str(error))
        raise error
    try:
        found = _TOKEN.decode(answer.body)
    except (ValueError, RecursionError) as exc:
        raise OutcomeUnknown("the answer to the login holds no token") from exc
    return LoggedIn(auth_token=found.access_token, user_id=found.user_id)
