"""A simulated broker as a program of its own."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.service_process import PROJECT


def _caught(pid: int) -> int:
    """Return the signals that a process has handlers for, as a mask."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_simulated_broker_ends_when_told_without_a_handler_that_may_wait_for_its_own_lock(
    tmp_path: Path, number: signal.Signals
) -> None:
    words = [sys.executable, "-m", "simulator.kite", "--state", str(tmp_path / "broker.state")]
    with subprocess.Popen(words, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as broker:
        assert broker.stdout is not None
        serves = broker.stdout.readline().startswith("http://127.0.0.1:")
        is_handled = bool(_caught(broker.pid) >> (signal.SIGTERM - 1) & 1)
        broker.send_signal(number)
        ended = broker.wait(timeout=10)

    assert serves
    assert not is_handled
    assert ended == 0
