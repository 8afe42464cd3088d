"""The end of the service's threads."""

import sys
import threading
from pathlib import Path

import pytest

from services import bracket_announcer, outbox, webhook_sender
from tests.serving import a_config, end, serve, until

LISTENERS = {"announcer", "outbox", "webhooks"}


def test_the_end_wakes_every_thread_that_waits_for_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (bracket_announcer, outbox, webhook_sender):
        monkeypatch.setattr(module, "_LOOK_EVERY_SECONDS", 600)
    before = set(threading.enumerate())
    served = serve(a_config(tmp_path))
    listening = [one for one in set(threading.enumerate()) - before if one.name in LISTENERS]
    assert {one.name for one in listening} == LISTENERS
    until(lambda: all(waits_for_long(one) for one in listening), what="everybody listens")

    end(served)

    assert [one.name for one in listening if one.is_alive()] == []


def waits_for_long(thread: threading.Thread) -> bool:
    """Whether a thread waits in its own loop with nothing else to do."""
    frame = sys._current_frames().get(thread.ident or 0)
    seconds = None
    while frame is not None and frame.f_code.co_filename == threading.__file__:
        seconds = frame.f_locals.get("timeout")
        frame = frame.f_back
    return seconds == 600
