"""Upstox's files of instruments, one for each exchange, fetched once a day by a command."""

from collections.abc import Callable
from dataclasses import replace

from broker.base import BrokerSettings, ListedInstrument
from broker.http import BrokerSession, Counted
from broker.upstox.instruments import FILES, instruments
from broker.upstox.refusals import read_error
from broker.upstox.session import FILES_ROOT, open_wire

_DOWNLOAD_SECONDS = 120.0


def get_instruments(
    settings: BrokerSettings, progress: Callable[[int], None]
) -> tuple[ListedInstrument, ...]:
    """Return what all files list; no login is needed. Raises ReadFailed."""
    wire = open_wire(replace(settings, timeout_seconds=_DOWNLOAD_SECONDS), FILES_ROOT)
    found: list[ListedInstrument] = []
    come = 0
    try:
        for name in FILES:
            counted = Counted(come, progress)
            found += _file(wire, name, counted)
            come = counted.total
        return tuple(found)
    finally:
        wire.close()


def _file(wire: BrokerSession, name: str, progress: Callable[[int], None]) -> tuple[ListedInstrument, ...]:
    with wire.download(f"/market-quote/instruments/exchange/{name}.json.gz") as file:
        if file.status != 200:
            raise read_error(file.short_answer())
        return instruments(file.pieces(progress))
