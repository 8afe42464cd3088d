"""How an account's worker is: when it last turned and read, what waits for it, what keeps it from reading."""

from dataclasses import dataclass

from broker.limiter import BudgetUse
from services.bracket.model import Mode, Overlay

HEARTBEAT_SECONDS = 10.0  # a worker that has not turned for so long hangs


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
