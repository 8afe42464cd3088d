"""Virtual environments for published clients, made once: what they need must not meet what we need."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.service_process import PROJECT

ENVIRONMENTS = PROJECT / ".venv-clients"


def environment(name: str, *installs: Sequence[str], python: str | None = None) -> Path:
    """Return the Python of an environment, made by these installs when it is missing."""
    folder = ENVIRONMENTS / name
    own = folder / "bin" / "python"
    if not (folder / "made").exists():
        run(python or sys.executable, "-m", "venv", "--clear", folder)
        for words in installs:
            run(own, "-m", "pip", "install", "-q", "--disable-pip-version-check", *words)
        (folder / "made").touch()
    return own


def run(*words: str | Path) -> str:
    """Return what a program prints. Raises AssertionError with its last words when it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words[0]}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout
