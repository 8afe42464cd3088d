"""Whether the server still trades for us. It has no login of ours: a person logs in at its own page."""

from broker.base import AuthDead
from broker.openalgo import mapping
from broker.openalgo.session import OpenalgoSession


def is_alive(session: OpenalgoSession) -> bool:
    """Ask for the cash, which the server asks its broker for. Raises ReadFailed when it did not say."""
    try:
        mapping.funds(session.ask("funds"))
    except AuthDead:
        return False
    return True
