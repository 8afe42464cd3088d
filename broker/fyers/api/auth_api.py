"""Fyers' daily login: where to send the person, and the session for what they bring back."""

import hashlib
from urllib.parse import urlencode

from broker.base import AuthDead, BrokerSettings, LoggedIn, OrderRejected, OutcomeUnknown, ReadFailed
from broker.fyers.api.order_api import get_user_id
from broker.fyers.mapping import access_token, login_body
from broker.fyers.session import API, API_ROOT, open_session
from broker.limiter import Lane

LOGIN_PAGE = f"{API_ROOT}{API}/generate-authcode"


def login_url(app_id: str, redirect_uri: str, state: str | None = None) -> str:
    """Return the page on which the account's owner logs in; Fyers then redirects with an auth_code."""
    query = {"client_id": app_id, "redirect_uri": redirect_uri, "response_type": "code"}
    if state is not None:
        query["state"] = state
    return f"{LOGIN_PAGE}?{urlencode(query)}"


def exchange_auth_code(auth_code: str, settings: BrokerSettings, *, app_id: str, secret_id: str) -> LoggedIn:
    """Return the session; its token, "app_id:access_token", is good until the end of the day.

    Raises AuthDead when Fyers refuses (the auth_code lives minutes, works once), NotSent or OutcomeUnknown
    when it did not answer: either way the person logs in again.
    """
    body = login_body(auth_code, app_id_hash(app_id, secret_id))
    session = open_session(settings)
    try:
        answer = session.write("POST", f"{API}/validate-authcode", lane=Lane.READ, json=body)
        token = f"{app_id}:{access_token(answer)}"
        session.authorize(token)
        return LoggedIn(auth_token=token, user_id=get_user_id(session))
    except OrderRejected as exc:
        raise AuthDead(exc.reason) from exc
    except ReadFailed as exc:
        raise OutcomeUnknown("nobody said whose login it is") from exc
    finally:
        session.close()


def app_id_hash(app_id: str, secret_id: str) -> str:
    """Return what proves to Fyers that we hold the app's secret."""
    return hashlib.sha256(f"{app_id}:{secret_id}".encode()).hexdigest()
