"""Alpaca's keys: there is no login, they are good until somebody makes new ones."""

from broker.alpaca.mapping import account_number
from broker.alpaca.session import AlpacaSession


def get_user_id(session: AlpacaSession) -> str:
    """Return the number of the account that the keys belong to. Raises ReadFailed or AuthDead."""
    return account_number(session.wire.read("/v2/account"))
