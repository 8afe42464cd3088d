"""Measure the service: `python -m bench [--quick] [--json FILE] [SECTION ...]`.

Everything runs on this machine, against a stub broker, in a scratch folder that is deleted; nothing is
bounded by hope: every run has a length and every wait an end.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from bench.board import measure_board
from bench.cluster import measure_workers
from bench.cluster_accounts import measure_many_accounts, measure_polled_accounts
from bench.fill_to_stop import measure_fill_to_stop
from bench.many_brackets import measure_many_brackets
from bench.peers import measure_peers
from bench.placing import measure_placing
from bench.report import Section, as_json, as_page, printed
from bench.setting import Setting, full, quick
from bench.symbols import measure_symbols
from bench.webhook import measure_webhook

SECTIONS: dict[str, Callable[[Setting], Section]] = {
    "placing": measure_placing,
    "webhook": measure_webhook,
    "fills": measure_fill_to_stop,
    "many": measure_many_brackets,
    "symbols": measure_symbols,
    "board": measure_board,
    "peers": measure_peers,
}
CLUSTER: dict[str, Callable[[Setting], Section]] = {
    "workers": measure_workers,
    "polled": measure_polled_accounts,
    "accounts": measure_many_accounts,
}
ALL = SECTIONS | CLUSTER


def main() -> int:
    """Run the sections asked for, all by default; 0 whatever they measured."""
    asked = _asked()
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} before")
    with tempfile.TemporaryDirectory(prefix="openbracket-bench-") as folder:
        make = quick if asked.quick else full
        setting = make(Path(folder), asked.latency)
        if asked.accounts is not None:
            setting = replace(setting, cluster_accounts=asked.accounts, cluster_brackets=asked.brackets)
        chosen = asked.sections or (CLUSTER if asked.cluster else SECTIONS)
        sections = [_measured(name, setting) for name in chosen]
    if asked.cluster:
        print("\nAs rows of docs/performance.md:\n\n" + as_page(sections, load=os.getloadavg()[2]))
    if asked.json is not None:
        asked.json.write_bytes(as_json(sections))
    return 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(ALL))
    parser.add_argument("--cluster", action="store_true", help=f"all of {', '.join(CLUSTER)}")
    parser.add_argument("--accounts", type=int, help="of the section accounts")
    parser.add_argument("--brackets", type=int, default=10_000, help="on them")
    parser.add_argument("--quick", action="store_true", help="a minute in all, rough figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file too")
    parser.add_argument("--latency", type=float, default=2.0, help="of a broker call, in ms (2)")
    asked = parser.parse_args()
    unknown = set(asked.sections) - set(ALL)
    if unknown:
        parser.error(f"there is no section {', '.join(sorted(unknown))}; choose of {', '.join(ALL)}")
    return asked


def _measured(name: str, setting: Setting) -> Section:
    began = time.monotonic()
    section = msgspec.structs.replace(ALL[name](setting), seconds=time.monotonic() - began)
    print(printed(section), flush=True)
    return section


if __name__ == "__main__":
    sys.exit(main())
