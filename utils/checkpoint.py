"""Named points of the order path at which a test may kill or freeze the process. Does nothing unless armed.

The point is armed by the setting KILL_AT, which only tests set: "stored place stop" kills the whole
process group by SIGKILL when the intention of a stop is on disk and not yet sent, "freeze stored place stop"
stops the process there once by SIGSTOP.
"""

import os
import signal
import threading

_armed: str | None = None


def arm(point: str | None) -> None:
    """Kill the process group, or freeze the process, at this point; None disarms. Called at start-up."""
    global _armed  # noqa: PLW0603  # the one switch; a parameter through every layer would outlive its use
    _armed = point


def reach(point: str) -> None:
    """Pass a point of the order path."""
    if _armed == point:
        os.killpg(0, signal.SIGKILL)
    if _armed == f"freeze {point}":
        arm(None)  # once it goes on, it goes on
        # To this very thread: sent to the process, another may take it, and this one goes on until it has.
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
