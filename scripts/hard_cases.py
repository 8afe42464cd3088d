"""The table in docs/hard-cases.md, made from the tests that tell each case as a story."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests" / "hard_cases"
PAGE = ROOT / "docs" / "hard-cases.md"
BEGIN = "<!-- made from tests/hard_cases by `make docs`; do not edit -->"
END = "<!-- end of what is made -->"
ALL = range(1, 72)

_NAME = re.compile(r"test_(h(\d\d))_\w+")
_PART = re.compile(r"^(Must|Must never|Here): (.*)$")


@dataclass(frozen=True, slots=True)
class Case:
    """One case as its test's docstring says it. `here` is what holds only for what is supported today."""

    number: int
    what: str
    must: str
    never: str
    here: str
    test: str
    file: str


def main(arguments: list[str]) -> int:
    """Write the table into the page; with --check, only say whether it is up to date."""
    cases = sorted(_cases(), key=lambda case: case.number)
    faults = list(_faults(cases))
    for fault in faults:
        print(fault)
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = f"{before}{BEGIN}\n{_table(cases)}\n{END}{after}"
    if "--check" in arguments:
        print(
            "the hard cases are up to date" if made == text else "run `make docs`: the page is not the tests"
        )
        return int(made != text or bool(faults))
    PAGE.write_text(made, encoding="utf-8")
    return int(bool(faults))


def _cases() -> Iterator[Case]:
    for path in sorted(TESTS.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and (named := _NAME.fullmatch(node.name)):
                yield _case(int(named[2]), node, path)


def _case(number: int, node: ast.FunctionDef, path: Path) -> Case:
    what, parts, name = "", {"Must": "", "Must never": "", "Here": ""}, ""
    for line in (ast.get_docstring(node) or "").splitlines():
        begun = _PART.match(line)
        if begun is not None:
            name = begun[1]
            parts[name] = begun[2]
        elif name:
            parts[name] += f" {line.strip()}"
        else:
            what += f" {line.strip()}"
    must, never, here = (part.strip() for part in parts.values())
    return Case(number, what.strip(), must, never, here, node.name, path.name)


def _faults(cases: list[Case]) -> Iterator[str]:
    told = Counter(case.number for case in cases)
    yield from (
        f"H{number:02} is told by {told[number]} tests, not by one" for number in ALL if told[number] != 1
    )
    yield from (f"H{number:02} is no case" for number in told if number not in ALL)
    for case in cases:
        if not (case.what and case.must and case.never):
            yield f"{case.test} does not say what happens, what must and what must never be done"


def _table(cases: list[Case]) -> str:
    head = ["| | what happens | must | must never | shown by |", "|---|---|---|---|---|"]
    return "\n".join(head + [_row(case) for case in cases])


def _row(case: Case) -> str:
    here = f" *Here: {case.here}*" if case.here else ""
    link = f"[{case.test[5:]}](../tests/hard_cases/{case.file})"
    return f"| H{case.number:02} | {case.what} | {case.must}{here} | {case.never} | {link} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
