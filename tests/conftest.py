"""Where the tests keep their files, and what is measured while they run."""

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108  # memory, when there is: databases of tests need no disk
_ENOUGH_BYTES = 2 * 1024**3  # a container may have 64 MB of it


def pytest_configure() -> None:
    """Keep temporary files in memory, those of started processes too: a commit waits for no disk then.

    What a process wrote outlives its kill there as well; only a power cut would tell the difference.
    """
    if "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None  # found anew
