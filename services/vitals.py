"""How an account's worker is: when it last turned and read, what waits for it, what keeps it from reading."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from broker.limiter import BudgetUse
from services.bracket.model import Mode, Overlay

HEARTBEAT_SECONDS = 10.0  # a worker that has not turned for so long hangs


@runtime_checkable
class Metered(Protocol):
    """A broker's account whose calls are counted against rate limits; the paper market's are not."""

    def rate_use(self) -> tuple[BudgetUse, ...]:
        """Return what is used of each limit, now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """One worker, seen from outside. read_seconds is the age of the newest read that was taken in.

    is_reading: without anything open a worker asks its broker for nothing, and an old read is no fault.
    """

    account_id: str
    mode: Mode
    turned_seconds: float
    read_seconds: float | None
    is_reading: bool
    inbox: int
    unstored: int  # answers of brokers that the database has not taken yet
    open: int
    troubles: frozenset[Overlay]
    stuck: frozenset[str]
    rate_use: tuple[BudgetUse, ...]
