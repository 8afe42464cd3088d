"""How long and how much to measure."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One run's sizes; folder is scratch space that is deleted afterwards."""

    folder: Path
    latency: float  # of a broker call, in milliseconds
    turns: int  # of service and floor each, at every number of clients
    turn_seconds: float
    alert_seconds: float
    fills: int
    brackets: int
    settle_seconds: float  # after a restart: what was just placed is sighted, the accounts are calm again
    calm_seconds: float  # over which CPU is measured
    board_seconds: float
    cluster_accounts: int
    cluster_brackets: int


def full(folder: Path, latency: float) -> Setting:
    return Setting(
        folder=folder,
        latency=latency,
        turns=2,
        turn_seconds=5,
        alert_seconds=15,
        fills=200,
        brackets=10_000,
        settle_seconds=10,
        calm_seconds=60,
        board_seconds=30,
        cluster_accounts=10_000,
        cluster_brackets=100_000,
    )


def quick(folder: Path, latency: float) -> Setting:
    """Return sizes for about a minute in all: good for a look, not for a comparison."""
    return Setting(
        folder=folder,
        latency=latency,
        turns=1,
        turn_seconds=2,
        alert_seconds=3,
        fills=40,
        brackets=1_000,
        settle_seconds=4,
        calm_seconds=6,
        board_seconds=8,
        cluster_accounts=60,
        cluster_brackets=600,
    )
