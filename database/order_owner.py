"""Which bracket an order at the broker belongs to."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import select

from database.bracket_tables import BracketRow, LegRow
from database.plain_order_db import plain_order_ids
from database.session import Database
from services.bracket.model import Bracket

_decoder = msgspec.json.Decoder(Bracket)


def bracket_of_order(db: Database, account_id: str, *, order_id: str) -> Bracket | None:
    """Return the account's bracket that an order or GTT of this broker's id is a leg of, or None."""
    wanted = (
        select(BracketRow.snapshot)
        .join(LegRow, LegRow.bracket_id == BracketRow.id)
        .where(LegRow.broker_order_id == order_id, BracketRow.account_id == account_id)
        .order_by(BracketRow.id.desc())  # the newest: brokers begin their numbers anew
        .limit(1)
    )
    with db.read() as connection:
        snapshot = connection.scalar(wanted)
    return None if snapshot is None else _decoder.decode(snapshot)


def known_order_ids(db: Database, account_id: str, *, order_ids: Iterable[str]) -> frozenset[str]:
    """Return those of the broker's ids that we know: legs of brackets and plain orders. Raises NotRead."""
    asked = list(order_ids)
    brackets = order_ids_of_brackets(db, account_id, order_ids=asked)
    return brackets | plain_order_ids(db, account_id, order_ids=asked)


def order_ids_of_brackets(db: Database, account_id: str, *, order_ids: Iterable[str]) -> frozenset[str]:
    """Return those of the broker's ids that are legs of brackets. Raises NotRead."""
    wanted = (
        select(LegRow.broker_order_id)
        .join(BracketRow, LegRow.bracket_id == BracketRow.id)
        .where(LegRow.broker_order_id.in_(list(order_ids)), BracketRow.account_id == account_id)
    )
    with db.read() as connection:
        return frozenset(found for found in connection.scalars(wanted) if found)


def has_open_bracket(db: Database, account_id: str, *, exchange: str, symbol: str, mode: str) -> bool:
    """Whether the account has an open bracket of this mode in a symbol. Raises NotRead."""
    wanted = select(BracketRow.id).where(
        BracketRow.account_id == account_id,
        BracketRow.is_open.is_(True),
        BracketRow.exchange == exchange,
        BracketRow.symbol == symbol,
        BracketRow.mode == mode,
    )
    with db.read() as connection:
        return connection.scalar(wanted.limit(1)) is not None
