"""Storms in words, as rows of a table, and as one line of JSON for whoever reads the end of a log. Pure."""

import json
from collections import Counter
from collections.abc import Sequence

from tests.cluster.verdict import Verdict

HEAD = (
    "seed  verdict    seconds  brackets  duplicates  lost  double exits  superseded  other"
    "  unowned s  unprotected s  frozen in acts"
)

# The first words of a fault, and what they are counted as.
_COUNTED_AS = {
    "DOUBLE ORDER": "duplicates",
    "DOUBLE ENTRY": "duplicates",
    "LOST EXIT": "lost",
    "DOUBLE EXIT": "double exits",
    "DOUBLE EXIT AT WORK": "double exits",
    "SUPERSEDED": "superseded acts",
    "SUPERSEDED WRITE": "superseded acts",
}
_SHOWN_OF_A_KIND = 8
KINDS = ("duplicates", "lost", "double exits", "superseded acts", "other faults")


def counted(faults: Sequence[str]) -> Counter[str]:
    """Return how many faults there are of each kind."""
    return Counter(_COUNTED_AS.get(fault.partition(":")[0], "other faults") for fault in faults)


def row(verdict: Verdict, *, seed: int, seconds: float) -> str:
    """Return a run as a row under HEAD."""
    found = counted(verdict.faults)
    duplicates, lost, double, superseded, other = (found[kind] for kind in KINDS)
    return (
        f"{seed:4}  {'NOT CLEAN' if verdict.faults else 'clean':9}  {seconds:7.0f}  {verdict.brackets:8}"
        f"  {duplicates:10}  {lost:4}  {double:12}  {superseded:10}  {other:5}"
        f"  {verdict.unowned.worst:9.2f}  {verdict.naked.worst:13.2f}  {verdict.points.total():14}"
    )


def printed(verdict: Verdict) -> str:
    """Return the details of a run."""
    lines = [
        f"{verdict.finished} finished, {verdict.refused} refused as never sent; {verdict.acts} acts,"
        f" {verdict.lost_answers} answers lost, {verdict.partial_fills} partial fills;"
        f" {verdict.takings} shards taken over; {verdict.begun_before_taking} acts begun before a taking came"
        " after it",
        "injuries: " + ", ".join(f"{count} x {kind}" for kind, count in sorted(verdict.injuries.items())),
        "frozen in acts: " + ", ".join(f"{count} x {name}" for name, count in sorted(verdict.points.items())),
        f"longest without an owner: {_spells(verdict.unowned.longest)}",
        f"longest unprotected ({verdict.naked.count} spells): {_spells(verdict.naked.longest)}",
    ]
    worst = sorted(verdict.naked_worst, reverse=True)[:3]
    lines.append("worst: " + "; ".join(f"{seconds:.2f} s {who} {what}" for seconds, who, what in worst))
    if not verdict.injuries["database cut off"]:
        lines.append("NOT DONE: the machine gave no network namespace, so no link was cut")
    return "\n".join(f"      {line}" for line in [*lines, *_samples(verdict.faults)])


def as_json(verdicts: Sequence[Verdict]) -> str:
    """Return all runs together as one line."""
    found: Counter[str] = Counter()
    for verdict in verdicts:
        found += counted(verdict.faults)
    return json.dumps(
        {
            "runs": len(verdicts),
            "clean": sum(not verdict.faults for verdict in verdicts),
            "brackets": sum(verdict.brackets for verdict in verdicts),
            **{kind.replace(" ", "_"): found[kind] for kind in KINDS},
            "frozen_in_acts": sum(verdict.points.total() for verdict in verdicts),
            "longest_without_owner": _longest([verdict.unowned.longest for verdict in verdicts]),
            "longest_unprotected": _longest([verdict.naked.longest for verdict in verdicts]),
        }
    )


def _samples(faults: Sequence[str]) -> list[str]:
    """Return the first few of each kind."""
    by_word: dict[str, list[str]] = {}
    for fault in faults:
        by_word.setdefault(fault.partition(":")[0], []).append(fault)
    return [fault for found in by_word.values() for fault in found[:_SHOWN_OF_A_KIND]]


def _spells(longest: dict[str, float]) -> str:
    return "; ".join(f"{kind} {seconds:.2f} s" for kind, seconds in sorted(longest.items())) or "never"


def _longest(all_of_them: Sequence[dict[str, float]]) -> dict[str, float]:
    kinds = sorted({kind for one in all_of_them for kind in one})
    return {kind: round(max(one.get(kind, 0.0) for one in all_of_them), 2) for kind in kinds}
