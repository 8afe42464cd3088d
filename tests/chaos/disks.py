"""A folder whose disk can be filled and emptied: a small file system where we may mount one.

Where we may not (mounting needs root), the process is forbidden to write to any file instead; SQLite then
meets an I/O error where it would have met a full disk.
"""

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from bench.processes import worker_of

_BYTES = 24 * 1024 * 1024
_CHUNK = 64 * 1024


class Disk(Protocol):
    """Where a service's database lies."""

    folder: Path

    def fill(self, pid: int) -> None:
        """Leave no room; pid is the service's parent process."""
        ...

    def free(self, pid: int) -> None:
        """Give the room back."""
        ...


class SmallDisk:
    """A mounted file system of a few megabytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, pid: int) -> None:
        with (self.folder / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(b"\0" * _CHUNK)

    def free(self, pid: int) -> None:
        (self.folder / "ballast").unlink()


class ForbiddenDisk:
    """No file system of our own: the processes may not write beyond a file's first byte."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, pid: int) -> None:
        self._limit(pid, 1)

    def free(self, pid: int) -> None:
        self._limit(pid, resource.RLIM_INFINITY)

    def _limit(self, pid: int, most: int) -> None:
        for process in (pid, worker_of(pid)):
            resource.prlimit(process, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


@contextlib.contextmanager
def a_disk(folder: Path) -> Iterator[Disk]:
    """Give a disk below folder, the best that can be had here."""
    folder.mkdir()
    mounted = os.geteuid() == 0 and _mount(folder)
    try:
        yield SmallDisk(folder) if mounted else ForbiddenDisk(folder)
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(folder: Path) -> bool:
    words = ["mount", "-t", "tmpfs", "-o", f"size={_BYTES}", "tmpfs", str(folder)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0
