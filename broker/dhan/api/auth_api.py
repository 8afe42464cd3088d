"""Dhan's login: whose a token is, and a token for PIN and one-time password."""

from urllib.parse import urlencode

import msgspec

from broker.base import AuthDead, BrokerSettings, LoggedIn, NotSent, OutcomeUnknown, ReadFailed
from broker.dhan.mapping import profile
from broker.dhan.schemas import AccessToken
from broker.dhan.session import AUTH_ROOT, open_session, open_wire
from broker.limiter import Lane

_TOKEN = msgspec.json.Decoder(AccessToken)


def whose_token(access_token: str, settings: BrokerSettings, *, client_id: str) -> LoggedIn:
    """Return the session of a token a person made on Dhan's web page, after asking Dhan whose it is.

    Raises AuthDead for a dead token or another client's, OutcomeUnknown when Dhan did not answer.
    """
    try:
        session = open_session(settings, f"{client_id}:{access_token}")
    except ValueError as exc:
        raise AuthDead(str(exc)) from exc
    try:
        found = profile(session.wire.read("/v2/profile"))
    except ReadFailed as exc:
        raise OutcomeUnknown(str(exc)) from exc
    finally:
        session.wire.close()
    return LoggedIn(auth_token=f"{found.dhanClientId}:{access_token}", user_id=found.dhanClientId)


def generate_access_token(settings: BrokerSettings, *, client_id: str, pin: str, code: str) -> LoggedIn:
    """Return a session by PIN and one-time password; its token is good for 24 hours.

    Raises AuthDead when Dhan refuses, NotSent or OutcomeUnknown when it did not answer.
    """
    wire = open_wire(settings, AUTH_ROOT, {})
    query = urlencode({"dhanClientId": client_id, "pin": pin, "totp": code})
    try:
        answer = wire.write("POST", f"/app/generateAccessToken?{query}", lane=Lane.READ)
    except (NotSent, OutcomeUnknown) as exc:
        # The address holds the PIN, and the words of the failure hold the address.
        raise type(exc)("Dhan did not answer the login") from None
    finally:
        wire.close()
    if answer.status >= 500:
        raise OutcomeUnknown(f"HTTP {answer.status} from Dhan's login")
    try:
        found = _TOKEN.decode(answer.body)
    except (ValueError, RecursionError):
        raise AuthDead("Dhan refused the PIN or the one-time password") from None
    return LoggedIn(auth_token=f"{found.dhanClientId}:{found.accessToken}", user_id=found.dhanClientId)
