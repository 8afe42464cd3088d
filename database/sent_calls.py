"""When an account's orders, changes and cancels went out, as the journals tell."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select

from database.bracket_tables import BracketRow, EventRow
from database.plain_order_db import PlainOrderEventRow
from database.session import Database
from services.bracket.model import Mode

_MOST = 20_000  # events looked at, newest first: what no busier account has in a day

_LEGS = ("LegIntended", "ChangeIntended")
_PLAIN = ("sent", "modify_sent", "cancel_sent")


def calls_sent_since(db: Database, account_id: str, since: datetime) -> list[datetime]:
    """Return when the account's live calls were stored as intended, oldest first. Raises NotRead.

    A few more than went out: what was stored and not sent is among them, and plain orders on paper.
    """
    return sorted([*_of_brackets(db, account_id, since), *_of_plain_orders(db, account_id, since)])


def _of_brackets(db: Database, account_id: str, since: datetime) -> Iterator[datetime]:
    newest = (
        select(EventRow.bracket_id, EventRow.kind, EventRow.at)
        .where(EventRow.account_id == account_id)
        .order_by(EventRow.account_seq.desc())
        .limit(_MOST)
        .subquery()
    )
    sent = (
        select(newest.c.at)
        .join(BracketRow, BracketRow.id == newest.c.bracket_id)
        .where(newest.c.kind.in_(_LEGS), newest.c.at >= since, BracketRow.mode == Mode.LIVE)
    )
    with db.read() as connection:
        yield from connection.scalars(sent).all()


def _of_plain_orders(db: Database, account_id: str, since: datetime) -> Iterator[datetime]:
    newest = (
        select(PlainOrderEventRow.kind, PlainOrderEventRow.at)
        .where(PlainOrderEventRow.account_id == account_id)
        .order_by(PlainOrderEventRow.account_seq.desc())
        .limit(_MOST)
        .subquery()
    )
    with db.read() as connection:
        yield from connection.scalars(
            select(newest.c.at).where(newest.c.kind.in_(_PLAIN), newest.c.at >= since)
        ).all()
