"""Dhan's file of instruments: some 40 MB, fetched once a day by a command, never on an order's way."""

from collections.abc import Callable
from dataclasses import replace

from broker.base import BrokerSettings, ListedInstrument
from broker.dhan.instruments import instruments
from broker.dhan.refusals import read_error
from broker.dhan.session import FILES_ROOT, open_wire

FILE = "/api-data/api-scrip-master-detailed.csv"
_DOWNLOAD_SECONDS = 180.0


def get_instruments(
    settings: BrokerSettings, progress: Callable[[int], None]
) -> tuple[ListedInstrument, ...]:
    """Return what the file lists; it takes no login. Raises ReadFailed."""
    wire = open_wire(replace(settings, timeout_seconds=_DOWNLOAD_SECONDS), FILES_ROOT, {"Accept": "text/csv"})
    try:
        with wire.download(FILE) as file:
            if file.status != 200:
                raise read_error(file.short_answer())
            return instruments(file.lines(progress))
    finally:
        wire.close()
