"""Many worlds in as many processes as there are cores; results come in the order of the seeds."""

import logging
import multiprocessing
from collections.abc import Iterable, Iterator

from worlds.director import Result, play
from worlds.plan import plan_of
from worlds.storage import Store

_CHUNK = 8

_store: Store | None = None


def results(seeds: Iterable[int], *, processes: int) -> Iterator[Result]:
    """Play the worlds and give what became of each."""
    if processes <= 1:
        hush()
        yield from map(_play, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(processes, initializer=hush) as pool:
        yield from pool.imap(_play, seeds, chunksize=_CHUNK)


def hush() -> None:
    """The worlds are about what is done, not about what the log says of it."""
    logging.disable(logging.CRITICAL)


def store() -> Store:
    """Return this process's file, which serves one world after the other."""
    global _store  # noqa: PLW0603  # made when a process first plays, gone with it
    if _store is None:
        _store = Store()
    return _store


def _play(seed: int) -> Result:
    return play(plan_of(seed), store())
