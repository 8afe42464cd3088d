"""Write the table of faults in docs/simulation.md from their classes, or check that it is up to date."""

import sys
from pathlib import Path

from simulator.faults import FAULTS, Elsewhere

PAGE = Path(__file__).parent.parent / "docs" / "simulation.md"
_BEGIN, _END = "<!-- faults -->\n", "<!-- end of faults -->\n"


def table() -> str:
    """Return the table as Markdown."""
    lines = ["| fault | what happens | where |", "|---|---|---|"]
    for code, fault in FAULTS.items():
        if issubclass(fault, Elsewhere):
            where = f"not in these worlds: {fault.because}; {fault.proven_by}"
        else:
            kind = "in worlds that break assumptions" if fault.breaks_assumptions else "in any world"
            where = f"`{fault.__name__}`, {kind}"
        lines.append(f"| {code} | {fault.says} | {where} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the table, or with --check return 1 when it is not the one on the page."""
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(_BEGIN)
    _, tail = rest.split(_END)
    fresh = head + _BEGIN + table() + _END + tail
    if "--check" in sys.argv:
        if fresh != text:
            print("docs/simulation.md is out of date: run `make docs`")
        return int(fresh != text)
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
