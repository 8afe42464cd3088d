"""Angel One's login: client code, PIN and one-time password for a JWT."""

import msgspec

from broker.angel.api.order_api import get_client_code
from broker.angel.mapping import jwt_of, login_body
from broker.angel.refusals import envelope_of
from broker.angel.session import open_session, open_wire
from broker.base import AuthDead, BrokerSettings, LoggedIn, OrderRejected, OutcomeUnknown, ReadFailed
from broker.http import Answer
from broker.limiter import Lane

LOGIN = "/rest/auth/angelbroking/user/v1/loginByPassword"


def login_by_password(
    settings: BrokerSettings, *, api_key: str, client_code: str, pin: str, code: str
) -> LoggedIn:
    """Return the session; its token, "api_key:jwt", dies before the next trading day.

    Raises AuthDead when Angel refuses, NotSent or OutcomeUnknown when it did not answer.
    """
    body = login_body(client_code=client_code, pin=pin, code=code)
    token = f"{api_key}:{_jwt(settings, api_key, body)}"
    try:
        session = open_session(settings, token)
    except ValueError as exc:
        raise AuthDead(str(exc)) from exc
    try:
        return LoggedIn(auth_token=token, user_id=get_client_code(session))
    except ReadFailed as exc:
        raise OutcomeUnknown("nobody said whose login it is") from exc
    finally:
        session.wire.close()


def _jwt(settings: BrokerSettings, api_key: str, body: dict[str, str]) -> str:
    answer = _asked(settings, api_key, msgspec.json.encode(body))
    try:
        return jwt_of(answer)
    except OrderRejected as exc:
        raise AuthDead(exc.reason) from exc
    except OutcomeUnknown as exc:
        # No order is at stake: any "no" of Angel's own is a login refused, whatever its code.
        if answer.status < 500 and _is_refusal(answer):
            raise AuthDead(str(exc)) from exc
        raise


def _asked(settings: BrokerSettings, api_key: str, body: bytes) -> Answer:
    try:
        wire = open_wire(settings, api_key, {})
    except ValueError:
        raise AuthDead("the app's key cannot be sent") from None
    try:
        return wire.write("POST", LOGIN, lane=Lane.READ, json=body)
    finally:
        wire.close()


def _is_refusal(answer: Answer) -> bool:
    said = envelope_of(answer)
    return said is not None and said.is_bad
