"""Run every check, all of them even when one fails, and print what took how long."""

import subprocess
import sys
import time
from collections.abc import Sequence

CHECKS: tuple[tuple[str, Sequence[str]], ...] = (
    ("style", ("ruff", "check", ".")),
    ("format", ("ruff", "format", "--check", ".")),
    ("imports", ("lint-imports", "--no-cache")),
    ("types, mypy", ("mypy", ".")),
    ("types, basedpyright", ("basedpyright",)),
    ("diagram", ("python", "-m", "scripts.diagram", "--check")),
    ("hard cases", ("python", "-m", "scripts.hard_cases", "--check")),
    ("error codes", ("python", "-m", "scripts.error_codes", "--check")),
    ("faults", ("python", "-m", "scripts.faults", "--check")),
    (
        "tests",
        (
            "python",
            "-m",
            "pytest",
            "-m",
            "not slow and not clients and not browser",
            "-n",
            "2",
            "--cov",
            "--cov-report=term:skip-covered",
        ),
    ),
)


def main() -> int:
    """Return 0 when every check passed."""
    results = [(name, *_run(name, command)) for name, command in CHECKS]
    print(f"\n{'check':<22}{'seconds':>9}  result")
    for name, seconds, code in results:
        print(f"{name:<22}{seconds:>9.1f}  {'ok' if code == 0 else f'FAILED ({code})'}")
    return int(any(code for _, _, code in results))


def _run(name: str, command: Sequence[str]) -> tuple[float, int]:
    print(f"--- {name}: {' '.join(command)}", flush=True)
    began = time.perf_counter()
    code = subprocess.run([f"{sys.prefix}/bin/{command[0]}", *command[1:]], check=False).returncode
    return time.perf_counter() - began, code


if __name__ == "__main__":
    sys.exit(main())
