"""Waiting inside an event loop that another thread may stop."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence

_SHORT_SECONDS = 0.25


async def rest(stop: threading.Event, seconds: float) -> None:
    """Wait, a short while at a time, until the seconds have passed or stop is set."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not stop.is_set() and (left := until - loop.time()) > 0:
        await asyncio.sleep(min(left, _SHORT_SECONDS))


async def until_one_ends(parts: Sequence[Coroutine[object, object, None]]) -> None:
    """Run parts side by side until one ends, then end the others; raise what it raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
