"""Kite's daily login: where to send the person, and the session for what they bring back."""

import hashlib
from urllib.parse import urlencode

from broker.base import AuthDead, BrokerSettings, LoggedIn, OrderRejected
from broker.limiter import Lane
from broker.zerodha.mapping import logged_in
from broker.zerodha.session import open_session

LOGIN_PAGE = "https://kite.zerodha.com/connect/login"


def login_url(api_key: str, state: str | None = None) -> str:
    """Return the page on which the account's owner logs in; Kite then redirects with a request_token.

    Kite adds what `redirect_params` says to the app's redirect address: that is how our state comes back.
    """
    query = {"v": "3", "api_key": api_key}
    if state is not None:
        query["redirect_params"] = urlencode({"state": state})
    return f"{LOGIN_PAGE}?{urlencode(query)}"


def exchange_request_token(
    request_token: str, settings: BrokerSettings, *, api_key: str, api_secret: str
) -> LoggedIn:
    """Return the session; its token, "api_key:access_token", is good until 06:00 IST of the next day.

    Raises AuthDead when Kite refuses (the request_token lives minutes, works once), NotSent or
    OutcomeUnknown when it did not answer: either way the person logs in again.
    """
    form = {
        "api_key": api_key,
        "request_token": request_token,
        "checksum": checksum(request_token, api_key=api_key, api_secret=api_secret),
    }
    session = open_session(settings)
    try:
        answer = session.write("POST", "/session/token", lane=Lane.READ, form=form)
        return logged_in(answer, api_key)
    except OrderRejected as exc:
        raise AuthDead(exc.reason) from exc
    finally:
        session.close()


def checksum(request_token: str, *, api_key: str, api_secret: str) -> str:
    """Return what proves to Kite that we hold the app's secret."""
    return hashlib.sha256(f"{api_key}{request_token}{api_secret}".encode()).hexdigest()
