"""Places for processes that are killed, frozen and started again, with the story of their lives."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.service_process import PROJECT
from tests.brokers.process import state_of

_ITS_ID = re.compile(r"this process, (\w+), works")


@dataclass
class Life:
    """One process from its start to its end; wall-clock seconds. Frozen spells are within it."""

    process: "subprocess.Popen[bytes]"
    log: Path
    began: float
    begun_file: Path  # where it notes the calls that it begins
    ended: float | None = None
    frozen_at: float | None = None

    def begun(self, of: str, *, before: float) -> float | None:
        """Return when it last began a call about an order or a tag; None when it noted none."""
        rows = read_journal(self.begun_file) if self.begun_file.exists() else []
        moments = [float(str(row["at"])) for row in rows if row["of"] == of]
        return max((at for at in moments if at <= before), default=None)

    def owner(self) -> str | None:
        """Return its name among the owners of shards, None while it has had none."""
        found = _ITS_ID.search(self.log.read_text(errors="replace"))
        return None if found is None else found[1]


class Slot:
    """Where one process after the other lives, each with a log of its own."""

    def __init__(self, name: str, folder: Path, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self.name = name
        self._folder = folder
        self._command = command
        self._environ = environ
        self.lives: list[Life] = []

    def start(self) -> None:
        log = self._folder / f"{self.name}-{len(self.lives)}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                self._command,
                cwd=PROJECT,
                env={**self._environ, "BEGUN": str(self._begun_file())},
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self.lives.append(Life(process, log, time.time(), self._begun_file()))

    @property
    def life(self) -> Life:
        return self.lives[-1]

    def works(self) -> bool:
        """Whether its process runs and is not frozen."""
        return self.life.ended is None and self.life.frozen_at is None

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        self.life.ended = time.time()
        self.life.process.wait()
        assert self.life.process.stdin is not None
        self.life.process.stdin.close()

    def arm(self, point: str) -> None:
        """Have a worker of storms stop itself at a point of the order path, once; empty: nowhere."""
        pipe = self.life.process.stdin
        assert pipe is not None
        pipe.write(f"freeze {point}\n".encode() if point else b"\n")
        pipe.flush()

    def has_stopped(self) -> bool:
        """Whether its process stands still, whoever stopped it."""
        return state_of(self.life.process.pid) == "T"

    def state(self) -> str:
        """Return in words what its process is, and what we think it is."""
        if self.life.ended is not None:
            return "killed"
        if self.has_died():
            return f"ended by itself: {self.life.process.poll()}"
        return f"{self.life.owner()} stands still: {self.has_stopped()}, frozen at {self.life.frozen_at}"

    def note_frozen(self) -> None:
        """Count as frozen from here on: the process stopped itself."""
        self.life.frozen_at = time.time()

    def freeze(self) -> None:
        self.life.frozen_at = time.time()
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.life.frozen_at is not None
        self._signal(signal.SIGCONT)
        self.life.frozen_at = None

    def wake(self) -> None:
        """Let it go on if it stopped itself at a point after all, when nobody waited for that any more."""
        if self.works() and self.life.process.poll() is None and self.has_stopped():
            self._signal(signal.SIGCONT)

    def end(self) -> None:
        """Kill what is there."""
        if self.lives and self.life.process.poll() is None:
            self.kill()

    def has_died(self) -> bool:
        """Whether it ended although nobody killed it."""
        return self.life.ended is None and self.life.process.poll() is not None

    def life_at(self, at: float) -> Life | None:
        """Return who lived here at a moment."""
        found = [
            one for one in self.lives if one.began <= at and (one.ended is None or at <= one.ended + 1.0)
        ]
        return found[-1] if found else None

    def _begun_file(self) -> Path:
        return self._folder / f"{self.name}-{len(self.lives)}.begun"

    def _signal(self, number: signal.Signals) -> None:
        os.killpg(self.life.process.pid, number)


def read_journal(path: Path) -> list[dict[str, object]]:
    """Return what a watched Kite noted; a line that is not whole yet is left out."""
    lines = path.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
