"""Hints between processes, by PostgreSQL's NOTIFY. One that is lost costs the wait until the next look."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, bindparam, func, select

from database.prepared import Prepared, Transaction
from database.session import Database

CHANNEL = "openbracket"


class Notice(StrEnum):
    """What a hint is about."""

    STORED = "stored"  # events of an account
    PUSHED = "pushed"  # a broker says that there is news of an account
    KILL = "kill"  # the kill switch of an account was set
    SHARDS = "shards"  # some were given back


@dataclass(frozen=True, slots=True)
class Hint:
    """One hint. account_id is empty where it concerns none; seq is the account's newest event's."""

    notice: Notice
    account_id: str
    seq: int


def notify(db: Database, notice: Notice, account_id: str = "") -> None:
    """Tell every process that listens. Raises NotStored."""
    with db.write() as connection:
        notify_in(connection, notice, account_id)


def notify_in(connection: Connection, notice: Notice, account_id: str = "") -> None:
    """Tell it when the transaction has been committed, and only then."""
    connection.execute(select(func.pg_notify(CHANNEL, _payload(notice, account_id, 0))))


def notify_stored(transaction: Transaction, account_id: str, *, seq: int) -> None:
    """Tell, once this is committed, that events of an account were stored; where there is whom to tell."""
    if transaction.is_shared:
        payload = _payload(Notice.STORED, account_id, seq)
        transaction.all(_NOTIFY, {"channel": CHANNEL, "word": payload})


_NOTIFY = Prepared(lambda _: select(func.pg_notify(bindparam("channel"), bindparam("word"))))


def _payload(notice: Notice, account_id: str, seq: int) -> str:
    return f"{notice} {account_id} {seq}"


def hint_of(payload: str) -> Hint | None:
    """Return what was said; None for what is no hint of ours."""
    parts = payload.split(" ")
    # A newer version beside this one may say what we do not know: a hint that is lost is only late.
    if len(parts) != 3 or parts[0] not in set(Notice) or not parts[2].isdigit():
        return None
    return Hint(Notice(parts[0]), parts[1], int(parts[2]))
