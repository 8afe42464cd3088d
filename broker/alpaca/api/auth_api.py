"""Alpaca's keys: there is no login, they are good until somebody makes new ones."""

from broker.alpaca.api.order_api import get_account_number
from broker.alpaca.session import open_session
from broker.base import AuthDead, BrokerSettings, LoggedIn, OutcomeUnknown, ReadFailed


def whose_keys(auth_token: str, settings: BrokerSettings) -> LoggedIn:
    """Return the session of a key id and its secret, after asking Alpaca whose they are.

    Raises AuthDead for wrong keys, OutcomeUnknown when Alpaca did not answer.
    """
    try:
        session = open_session(settings, auth_token)
    except ValueError as exc:
        raise AuthDead(str(exc)) from exc
    try:
        return LoggedIn(auth_token=auth_token, user_id=get_account_number(session))
    except ReadFailed as exc:
        raise OutcomeUnknown(str(exc)) from exc
    finally:
        session.close()
