"""Kite's file of instruments: some 8 MB, fetched once a day by a command, never on an order's way.

It is read line by line as it comes: neither its bytes nor its text are ever held as a whole.
"""

from collections.abc import Callable
from dataclasses import replace

from broker.base import BrokerSettings, ListedInstrument
from broker.zerodha.instruments import instruments
from broker.zerodha.refusals import read_error
from broker.zerodha.session import open_session

_DOWNLOAD_SECONDS = 120.0


def get_instruments(
    settings: BrokerSettings, auth_token: str | None, progress: Callable[[int], None]
) -> tuple[ListedInstrument, ...]:
    """Return what the file lists; Kite gives it without a login too. Raises ReadFailed or AuthDead."""
    session = open_session(replace(settings, timeout_seconds=_DOWNLOAD_SECONDS), auth_token)
    try:
        with session.download("/instruments") as file:
            if file.status != 200:
                raise read_error(file.short_answer())
            return instruments(file.lines(progress))
    finally:
        session.close()
