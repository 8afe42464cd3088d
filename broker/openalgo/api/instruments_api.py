"""The server's list of instruments, read line by line as it comes."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote, urlencode

from broker.base import BrokerSettings, ListedInstrument, ReadFailed
from broker.openalgo.instruments import instruments
from broker.openalgo.refusals import read_error
from broker.openalgo.session import API, checked, open_wire

_DOWNLOAD_SECONDS = 120.0


def get_instruments(
    settings: BrokerSettings, key: str, progress: Callable[[int], None]
) -> tuple[ListedInstrument, ...]:
    """Return everything that the server lists. Raises ReadFailed or AuthDead.

    The server wants the key in the address here: it is taken out of whatever is said of a failure.
    """
    wire = open_wire(replace(settings, timeout_seconds=_DOWNLOAD_SECONDS))
    path = f"{API}/instruments?{urlencode({'apikey': checked(key), 'format': 'csv'})}"
    try:
        with wire.download(path) as file:
            if file.status != 200:
                raise read_error(file.short_answer())
            return instruments(file.lines(progress))
    except ReadFailed as exc:
        words = str(exc).replace(quote(key, safe=""), "...").replace(key, "...")
        raise ReadFailed(words) from None  # its cause has the address too
    finally:
        wire.close()
