"""Angel One's file of instruments: some 40 MB of JSON in one line, fetched once a day by a command."""

from collections.abc import Callable
from dataclasses import replace

from broker.angel.instruments import instruments
from broker.angel.refusals import read_error
from broker.angel.session import open_files
from broker.base import BrokerSettings, ListedInstrument

FILE = "/OpenAPI_File/files/OpenAPIScripMaster.json"
_DOWNLOAD_SECONDS = 180.0


def get_instruments(
    settings: BrokerSettings, progress: Callable[[int], None]
) -> tuple[ListedInstrument, ...]:
    """Return what the file lists; it takes no login, and is never held as a whole. Raises ReadFailed."""
    wire = open_files(replace(settings, timeout_seconds=_DOWNLOAD_SECONDS))
    try:
        with wire.download(FILE) as file:
            if file.status != 200:
                raise read_error(file.short_answer())
            return instruments(file.lines(progress, end=b"}"))
    finally:
        wire.close()
