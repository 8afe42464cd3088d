"""All events of an account in the order they were stored, for those who tell of them: clients, the outbox."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, literal_column, select, union_all

from database.bracket_tables import EventRow
from database.plain_order_db import PlainOrderEventRow
from database.prepared import Prepared
from database.session import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class BracketNews:
    """An event of a bracket; payload is the event as JSON."""

    account_seq: int
    at: datetime
    bracket_id: str
    kind: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainNews:
    """An event of a plain order: order_seq counts from 1, where it is stored before it is sent."""

    account_seq: int
    at: datetime
    order_id: str
    order_seq: int
    kind: str
    broker_order_id: str | None = None
    reason: str | None = None


News = BracketNews | PlainNews


def news_after(db: Database, account_id: str, account_seq: int, *, limit: int) -> tuple[News, ...]:
    """Return up to `limit` events of an account that come after account_seq, in order. Raises NotRead."""
    wanted = {"account_id": account_id, "account_seq": account_seq, "most": limit}
    with db.reading() as transaction:
        rows = transaction.all(_NEWS_AFTER, wanted)
    return tuple(_news(row) for row in rows)


class _Detail(msgspec.Struct):
    broker_order_id: str | None = None
    reason: str | None = None


_decoder = msgspec.json.Decoder(_Detail)


def _news_after() -> Any:
    # One statement sees one state of both tables; two could miss what was stored in between.
    both = union_all(
        _of(EventRow, "'bracket'", owner=EventRow.bracket_id, payload=EventRow.payload),
        _of(
            PlainOrderEventRow,
            "'plain'",
            owner=PlainOrderEventRow.order_id,
            payload=PlainOrderEventRow.detail,
        ),
    )
    return both.order_by("account_seq").limit(bindparam("most"))


def _of(table: type[EventRow | PlainOrderEventRow], whose: str, *, owner: Any, payload: Any) -> Any:
    return select(
        table.account_seq.label("account_seq"),
        literal_column(whose).label("whose"),
        owner.label("owner"),
        table.seq.label("seq"),
        table.kind.label("kind"),
        table.at.label("at"),
        payload.label("payload"),
    ).where(table.account_id == bindparam("account_id"), table.account_seq > bindparam("account_seq"))


_NEWS_AFTER = Prepared(lambda _: _news_after())


def _news(row: tuple[Any, ...]) -> News:
    account_seq, whose, owner, order_seq, kind, at, payload = row
    moment = datetime.fromisoformat(at)
    if whose == "bracket":
        return BracketNews(
            account_seq=account_seq, at=moment, bracket_id=owner, kind=kind, payload=payload.encode()
        )
    detail = _decoder.decode(payload)
    return PlainNews(
        account_seq=account_seq,
        at=moment,
        order_id=owner,
        order_seq=order_seq,
        kind=kind,
        broker_order_id=detail.broker_order_id,
        reason=detail.reason,
    )
