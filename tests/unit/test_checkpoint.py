"""The points at which tests kill or freeze the service: the thread that gets there goes no further."""

import os
import subprocess
import sys
from functools import partial

import pytest

from scripts.service_process import PROJECT
from tests.brokers.process import state_of
from tests.serving import until

CHILD = """
import os, signal, sys, threading
from utils import checkpoint

def act():
    checkpoint.reach("stored place stop")
    os.write(1, b"sent")

signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
checkpoint.arm(sys.argv[1])
threading.Thread(target=act).start()
signal.sigwait([signal.SIGTERM])
"""


@pytest.mark.parametrize(
    ("point", "ends_as"), [("freeze stored place stop", "T"), ("stored place stop", "Z")]
)
def test_nothing_is_sent_after_the_point(point: str, ends_as: str) -> None:
    for _ in range(5):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, point], cwd=PROJECT, stdout=subprocess.PIPE, start_new_session=True
        )
        assert child.stdout is not None
        until(partial(_is_in, ends_as, child.pid), what=f"state {ends_as}")
        os.set_blocking(child.stdout.fileno(), False)
        said = child.stdout.read()
        child.kill()
        child.communicate()

        assert not said


def _is_in(state: str, pid: int) -> bool:
    return state_of(pid) == state
