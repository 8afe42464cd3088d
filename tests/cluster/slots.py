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

_ITS_ID = re.compile(r"this process, (\w+), works")


@dataclass
class Life:
    """One process from its start to its end; wall-clock seconds. Frozen spells are within it."""

    process: "subprocess.Popen[bytes]"
    log: Path
    began: float
    ended: float | None = None
    frozen_at: float | None = None

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
        self.thaws: list[tuple[float, float]] = []  # frozen from, until

    def start(self) -> None:
        log = self._folder / f"{self.name}-{len(self.lives)}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                self._command,
                cwd=PROJECT,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self.lives.append(Life(process, log, time.time()))

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

    def freeze(self) -> None:
        self.life.frozen_at = time.time()
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.life.frozen_at is not None
        self._signal(signal.SIGCONT)
        self.thaws.append((self.life.frozen_at, time.time()))
        self.life.frozen_at = None

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

    def _signal(self, number: signal.Signals) -> None:
        os.killpg(self.life.process.pid, number)


def read_journal(path: Path) -> list[dict[str, object]]:
    """Return what a watched Kite noted; a line that is not whole yet is left out."""
    lines = path.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
