"""Run every check, all of them even when one fails, and print what took how long.

What reads the code needs one core each and runs side by side, with the official Kite client at its simulator,
which mostly waits; the tests then have the machine for themselves, because some of them measure time.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

Check = tuple[str, Sequence[str]]

BESIDE: tuple[Check, ...] = (  # the longest first
    (
        "kiteconnect",
        ("python", "-m", "pytest", "-q", "-m", "clients", "tests/clients/test_kiteconnect_client.py"),
    ),
    ("types, basedpyright", ("basedpyright",)),
    ("types, mypy", ("mypy", ".")),
    ("style", ("ruff", "check", ".")),
    ("format", ("ruff", "format", "--check", ".")),
    ("imports", ("lint-imports", "--no-cache")),
    ("diagram", ("python", "-m", "scripts.diagram", "--check")),
    ("hard cases", ("python", "-m", "scripts.hard_cases", "--check")),
    ("error codes", ("python", "-m", "scripts.error_codes", "--check")),
    ("faults", ("python", "-m", "scripts.faults", "--check")),
    ("brokers", ("python", "-m", "scripts.broker_matrix", "--check")),
)
TESTS: Check = (
    "tests",
    (
        "python",
        "-m",
        "pytest",
        "-m",
        "not slow and not clients and not browser",
        "-n",
        "3",  # one more than cores: a third of the time the tests wait
        "--dist",
        "worksteal",  # most modules stay whole, and with them the one service of their tests
        "--cov",
        "--cov-report=term:skip-covered",
    ),
)


@dataclass(frozen=True)
class Result:
    name: str
    seconds: float
    code: int

    @property
    def line(self) -> str:
        word = "ok" if self.code == 0 else f"FAILED ({self.code})"
        return f"{self.name:<22}{self.seconds:>9.1f}  {word}"


def main() -> int:
    """Return 0 when every check passed."""
    with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool:  # one more: the client mostly waits
        results = [*pool.map(_read, BESIDE)]
    results.append(_test())
    print(f"\n{'check':<22}{'seconds':>9}  result", *(one.line for one in results), sep="\n")
    return int(any(one.code for one in results))


def _read(check: Check) -> Result:
    """Run a check and print what it said in one piece: others run beside it."""
    name, command = check
    began = time.perf_counter()
    done = subprocess.run(
        _words(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    print(f"--- {name}: {' '.join(command)}\n{done.stdout}", end="", flush=True)
    return Result(name, time.perf_counter() - began, done.returncode)


def _test() -> Result:
    name, command = TESTS
    print(f"--- {name}: {' '.join(command)}", flush=True)
    began = time.perf_counter()
    code = subprocess.run(_words(command), check=False).returncode
    return Result(name, time.perf_counter() - began, code)


def _words(command: Sequence[str]) -> list[str]:
    return [f"{sys.prefix}/bin/{command[0]}", *command[1:]]


if __name__ == "__main__":
    sys.exit(main())
