"""Lists of instruments as brokers give them. Pure."""

from collections.abc import Iterable, Iterator

from broker.base import ListedInstrument


def first_of_each(found: Iterable[ListedInstrument]) -> Iterator[ListedInstrument]:
    """Leave out a symbol that comes again: a share that is listed twice is meant by its first."""
    seen: set[tuple[str, str]] = set()
    for one in found:
        key = one.instrument.exchange, one.instrument.symbol
        if key not in seen:
            seen.add(key)
            yield one
