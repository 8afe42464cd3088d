"""What was measured, beside what was wanted."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    MET = "met"
    MISSED = "MISSED"
    TOLD = ""  # a figure without a goal


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value; `limit` is the goal, the value being at most that, or at least if so said."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False
    why: str = ""  # what limits it, told when the goal is missed

    @property
    def verdict(self) -> Verdict:
        if self.limit is None:
            return Verdict.TOLD
        is_met = self.value >= self.limit if self.at_least else self.value <= self.limit
        return Verdict.MET if is_met else Verdict.MISSED


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the bench; notes say under which conditions."""

    name: str
    figures: list[Figure]
    notes: list[str]
    seconds: float = 0.0


def printed(section: Section) -> str:
    """Return a section as a table."""
    lines = [f"\n{section.name}  ({section.seconds:.0f} s)"]
    lines += [f"  {note}" for note in section.notes]
    lines += [_line(figure) for figure in section.figures]
    return "\n".join(lines)


def as_page(sections: Sequence[Section], *, load: float) -> str:
    """Return the figures as rows of the table in docs/performance.md, with what they were measured under."""
    lines = ["| | measured | at a load of |", "|---|---|---|"]
    for section in sections:
        lines.append(f"| **{section.name}**: {'; '.join(section.notes)} | | |")
        lines += [_row(figure, load=load) for figure in section.figures]
    return "\n".join(lines)


def as_json(sections: Sequence[Section]) -> bytes:
    """Return all sections with their verdicts."""
    plain = [
        {
            "name": section.name,
            "seconds": section.seconds,
            "notes": section.notes,
            "figures": [
                msgspec.to_builtins(figure) | {"verdict": figure.verdict.value} for figure in section.figures
            ],
        }
        for section in sections
    ]
    return msgspec.json.format(msgspec.json.encode(plain), indent=2)


def _row(figure: Figure, *, load: float) -> str:
    goal = "" if figure.limit is None else f", goal {_sign(figure)} {_number(figure.limit)}"
    value = f"{_number(figure.value)} {figure.unit}".strip()
    return f"| {figure.name.strip()} | {value}{goal} | {load:.0f} |"


def _sign(figure: Figure) -> str:
    return ">=" if figure.at_least else "<="


def _line(figure: Figure) -> str:
    value = f"{_number(figure.value)} {figure.unit}"
    line = f"    {figure.name:<46} {value:>14}"
    if figure.limit is None:
        return line
    line += f"   goal {_sign(figure)} {_number(figure.limit)} {figure.unit:<6} {figure.verdict}"
    if figure.verdict is Verdict.MISSED:
        line += f" by {_number(abs(figure.value - figure.limit))} {figure.unit}"
        line += f": {figure.why}" if figure.why else ""
    return line


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"
