"""The one way to start a thread: named, logged, started again when it dies of a bug."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)

_RESTART_SECONDS = 1.0


def start_thread(
    name: str, work: Callable[[threading.Event], None], stop: threading.Event
) -> threading.Thread:
    """Run work(stop) in a thread of its own until stop is set; a crash is logged and work runs again.

    Work must find all it needs in the database: after a crash it begins anew.
    """
    thread = threading.Thread(target=_keep_running, args=(name, work, stop), name=name, daemon=True)
    thread.start()
    return thread


def _keep_running(name: str, work: Callable[[threading.Event], None], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            work(stop)
        except Exception:
            logger.critical("thread %s died; it starts again", name, exc_info=True)
            stop.wait(_RESTART_SECONDS)
