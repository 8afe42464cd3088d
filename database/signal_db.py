"""The log of signals: every alert that came with a key or token of ours, and what became of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from database.call_log import CallLog, CallLogRow
from database.session import Database
from utils.clock import Clock

ALERT = "alert"


class Verdict(StrEnum):
    """What became of a signal."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    STALE = "stale"
    REJECTED = "rejected"


class SignalRow(CallLogRow):
    """One signal. sender_id is the webhook or the API key it came with."""

    __tablename__ = "signals"

    account_id: Mapped[str] = mapped_column(index=True)
    sender_id: Mapped[str]
    verdict: Mapped[str]
    code: Mapped[str | None]
    reason: Mapped[str]
    dialect: Mapped[str | None]
    symbol: Mapped[str | None]
    bracket_id: Mapped[str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedSignal:
    """One signal as its owner sees it; request and answer are JSON without secrets."""

    id: int
    account_id: str
    sender_id: str
    verdict: Verdict
    code: str | None
    reason: str
    dialect: str | None
    symbol: str | None
    bracket_id: str | None
    request_data: str
    response_data: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalFilter:
    """Which signals to list; None leaves a question open. symbol is a part of the name."""

    verdict: Verdict | None = None
    sender_id: str | None = None
    symbol: str | None = None
    before_id: int | None = None
    after_id: int | None = None


_OF_SIGNALS = ("account_id", "sender_id", "verdict", "code", "reason", "dialect", "symbol", "bracket_id")


class SignalLog(CallLog):
    """Takes signals for the log, and lists those of some accounts."""

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db, clock, table=SignalRow, also=_OF_SIGNALS)
        self._db = db

    def signals(
        self, account_ids: Collection[str], wanted: SignalFilter, *, limit: int
    ) -> tuple[LoggedSignal, ...]:
        """Return up to `limit` signals of the accounts, newest first. Raises NotRead."""
        with self._db.read() as connection:
            rows = connection.execute(_listed(account_ids, wanted).limit(limit)).mappings().all()
        return tuple(_as_signal(row) for row in rows)

    def signal(self, account_ids: Collection[str], signal_id: int) -> LoggedSignal | None:
        """Return one signal of the accounts, or None. Raises NotRead."""
        found = _listed(account_ids, SignalFilter()).where(SignalRow.id == signal_id)
        with self._db.read() as connection:
            row = connection.execute(found).mappings().one_or_none()
        return None if row is None else _as_signal(row)


def _listed(account_ids: Collection[str], wanted: SignalFilter) -> Select[*tuple[Any, ...]]:
    found = (
        select(SignalRow.__table__)
        .where(SignalRow.account_id.in_(list(account_ids)))
        .order_by(SignalRow.id.desc())
    )
    if wanted.verdict is not None:
        found = found.where(SignalRow.verdict == wanted.verdict)
    if wanted.sender_id is not None:
        found = found.where(SignalRow.sender_id == wanted.sender_id)
    if wanted.symbol is not None:
        found = found.where(SignalRow.symbol.contains(wanted.symbol.upper(), autoescape=True))
    if wanted.before_id is not None:
        found = found.where(SignalRow.id < wanted.before_id)
    if wanted.after_id is not None:
        found = found.where(SignalRow.id > wanted.after_id)
    return found


def _as_signal(row: RowMapping) -> LoggedSignal:
    named = {name: row[name] for name in LoggedSignal.__slots__}
    return LoggedSignal(**{**named, "verdict": Verdict(named["verdict"])})
