"""Fyers' files of symbols, one for each exchange's segment, fetched once a day by a command.

They are read line by line as they come: neither their bytes nor their text are ever held as a whole.
"""

from collections.abc import Callable
from dataclasses import replace

from broker.base import BrokerSettings, ListedInstrument
from broker.fyers.instruments import FILES, instruments
from broker.fyers.refusals import read_error
from broker.fyers.session import open_lists
from broker.http import BrokerSession, Counted

_DOWNLOAD_SECONDS = 120.0


def get_instruments(
    settings: BrokerSettings, progress: Callable[[int], None]
) -> tuple[ListedInstrument, ...]:
    """Return what all files list; no login is needed. Raises ReadFailed."""
    session, come = open_lists(replace(settings, timeout_seconds=_DOWNLOAD_SECONDS)), 0
    found: list[ListedInstrument] = []
    try:
        for name in FILES:
            counted = Counted(come, progress)
            found += _file(session, name, counted)
            come = counted.total
        return tuple(found)
    finally:
        session.close()


def _file(session: BrokerSession, name: str, progress: Callable[[int], None]) -> tuple[ListedInstrument, ...]:
    with session.download(f"/sym_details/{name}.csv") as file:
        if file.status != 200:
            raise read_error(file.short_answer())
        return instruments(file.lines(progress))
