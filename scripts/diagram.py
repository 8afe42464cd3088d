"""The state diagram in docs/bracket-lifecycle.md, made from the table of legal moves."""

import sys
from pathlib import Path

from services.bracket.lifecycle import MOVES
from services.bracket.model import State

PAGE = Path(__file__).parent.parent / "docs" / "bracket-lifecycle.md"
BEGIN = "<!-- made from the table of moves by `make docs`; do not edit -->"
END = "<!-- end of what is made -->"


def main(arguments: list[str]) -> int:
    """Write the diagram into the page; with --check, only say whether it is up to date."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = f"{before}{BEGIN}\n{section()}\n{END}{after}"
    if "--check" in arguments:
        print("the diagram is up to date" if made == text else "run `make docs`: the page is not the table")
        return int(made != text)
    PAGE.write_text(made, encoding="utf-8")
    return 0


def section() -> str:
    """Return the diagram and the table of moves as Markdown."""
    return f"```mermaid\nstateDiagram-v2\n{_arrows()}\n```\n\n{_table()}"


def _arrows() -> str:
    drawn = [f"    [*] --> {State.RECEIVED}"]
    for old, moves in MOVES.items():
        # Revivals are in the table only: eight arrows out of each closed state would hide the rest.
        drawn += [f"    {old} --> {new}" for new in moves if not old.is_closed]
    return "\n".join(drawn)


def _table() -> str:
    rows = [
        f"| {old} | {new} | {meaning} |" for old, moves in MOVES.items() for new, meaning in moves.items()
    ]
    return "\n".join(["| from | to | when |", "|---|---|---|", *rows])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
