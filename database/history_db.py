"""Closed brackets, found by what people ask for: days, symbol, strategy, money or paper, outcome.

What is asked for lies in columns, but for how a bracket ended and what it earned: that is read out of its
snapshot, so that no order pays for columns which only this page looks at.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import JSON, ColumnElement, Select, String, and_, cast, func, or_, select, tuple_

from database.bracket_tables import BracketRow
from database.session import Database
from services.bracket.model import Bracket, Mode, Outcome, State

_decoder = msgspec.json.Decoder(Bracket)

# How a bracket can have ended: with shares by its outcome, without any by its state.
ENDINGS: dict[str, State | Outcome] = {
    **{one.value: one for one in Outcome},
    **{one.value.lower(): one for one in (State.REJECTED, State.CANCELLED, State.EXPIRED, State.HANDED_OVER)},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which closed brackets: of these accounts, closed from since to until; None is any.

    is_paper: on the paper market, by their mode or because paper is the broker of their account.
    """

    account_ids: tuple[str, ...]
    paper_account_ids: frozenset[str]
    since: datetime
    until: datetime
    symbol: str | None = None
    strategy: str | None = None
    is_paper: bool | None = None
    ending: str | None = None  # one of ENDINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page ended: the next one begins after this bracket."""

    finished_at: datetime
    bracket_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What sums are made of. profit is None without shares, and when somebody else closed a part."""

    finished_at: datetime
    symbol: str
    exchange: str
    strategy: str
    is_paper: bool
    held_shares: bool
    profit: Decimal | None


def closed_page(
    db: Database, wanted: Wanted, *, limit: int, after: Place | None = None
) -> tuple[Bracket, ...]:
    """Return up to limit closed brackets, the last closed first. Raises NotRead."""
    chosen = _chosen(db, wanted, select(BracketRow.snapshot))
    if after is not None:
        place = tuple_(BracketRow.finished_at, BracketRow.id)
        chosen = chosen.where(place < (after.finished_at, after.bracket_id))
    newest_first = chosen.order_by(BracketRow.finished_at.desc(), BracketRow.id.desc()).limit(limit)
    with db.read() as connection:
        return tuple(_decoder.decode(one) for one in connection.scalars(newest_first))


def endings_of(db: Database, wanted: Wanted) -> Iterator[Ended]:
    """Return how each of the closed brackets ended, for sums. Raises NotRead."""
    outcome, profit = _told(db, "outcome"), _told(db, "profit")
    columns = (
        BracketRow.finished_at,
        BracketRow.symbol,
        BracketRow.exchange,
        BracketRow.strategy,
        BracketRow.mode,
        BracketRow.account_id,
        outcome.label("outcome"),
        profit.label("profit"),
    )
    with db.read() as connection:
        rows = connection.execute(_chosen(db, wanted, select(*columns))).all()
    for row in rows:
        yield Ended(
            finished_at=row.finished_at,
            symbol=row.symbol,
            exchange=row.exchange,
            strategy=row.strategy,
            is_paper=row.mode == Mode.ANALYZE or row.account_id in wanted.paper_account_ids,
            held_shares=row.outcome is not None,
            profit=None if row.profit is None else Decimal(row.profit),
        )


def traded_names(db: Database, account_ids: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the symbols and the strategies there are among closed brackets, sorted. Raises NotRead."""
    ours = and_(BracketRow.account_id.in_(list(account_ids)), BracketRow.is_open.is_(False))
    with db.read() as connection:
        symbols, strategies = (
            tuple(connection.scalars(select(column).where(ours).distinct().order_by(column)))
            for column in (BracketRow.symbol, BracketRow.strategy)
        )
    return symbols, tuple(one for one in strategies if one)


def _chosen(db: Database, wanted: Wanted, columns: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    conditions: list[ColumnElement[bool]] = [
        BracketRow.account_id.in_(wanted.account_ids),
        BracketRow.is_open.is_(False),
        BracketRow.finished_at >= wanted.since,
        BracketRow.finished_at < wanted.until,
    ]
    if wanted.symbol is not None:
        conditions.append(BracketRow.symbol == wanted.symbol)
    if wanted.strategy is not None:
        conditions.append(BracketRow.strategy == wanted.strategy)
    if wanted.is_paper is not None:
        paper = or_(BracketRow.mode == Mode.ANALYZE, BracketRow.account_id.in_(wanted.paper_account_ids))
        conditions.append(paper if wanted.is_paper else ~paper)
    if wanted.ending is not None:
        conditions.append(_ended_as(db, ENDINGS[wanted.ending]))
    return columns.where(*conditions)


def _ended_as(db: Database, ending: State | Outcome) -> ColumnElement[bool]:
    if isinstance(ending, Outcome):
        return _told(db, "outcome") == ending.value
    return BracketRow.state == ending.value


def _told(db: Database, name: str) -> ColumnElement[str | None]:
    """Return a field of the snapshot as text."""
    if db.dialect_name == "postgresql":
        return func.json_extract_path_text(cast(BracketRow.snapshot, JSON), name)
    return func.json_extract(BracketRow.snapshot, f"$.{name}", type_=String)
