"""One account's brackets copied to thousands of others, in PostgreSQL and in the stub's books.

The core makes one account's brackets in a tenth of a second; copies are text with other names in it, a
thousand times as fast. A copied bracket has its last event only: its history is not what is measured.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
import psycopg
from psycopg import Connection, sql
from ulid import ULID

from bench.stage import StagedAccount
from bench.stub_client import StubProcess
from services.bracket.model import Bracket
from services.bracket.tags import tag_of
from services.bracket_announcer import CURSOR

_TOGETHER = 100  # accounts in one transaction and one call of the stub
_TABLES = {  # in the order in which rows may refer to each other
    "brackets": "SELECT * FROM brackets WHERE account_id = %s",
    "legs": "SELECT legs.* FROM legs JOIN brackets ON id = bracket_id WHERE account_id = %s",
    "bracket_events": (
        "SELECT e.* FROM bracket_events e JOIN brackets b ON b.id = e.bracket_id"
        " WHERE b.account_id = %s AND e.seq = b.version"
    ),
    "account_sequences": "SELECT * FROM account_sequences WHERE account_id = %s",
    "settings": f"SELECT * FROM settings WHERE subject_id = %s AND key = '{CURSOR}'",  # noqa: S608  # ours
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mould:
    """An account whose brackets the core has made, and the orders of them that the stub was given."""

    account: StagedAccount
    brackets: Sequence[Bracket]
    orders: Sequence[Mapping[str, Any]]


class Copier:
    """Copies one mould."""

    def __init__(self, database_url: str, stub: StubProcess, mould: Mould) -> None:
        self._connection: Connection[Any] = psycopg.connect(
            database_url.replace("+psycopg", ""), autocommit=True
        )
        self._stub = stub
        self._mould = mould
        names = {mould.account.id, mould.account.token}
        names |= {one.id for one in mould.brackets}
        names |= {leg.tag for one in mould.brackets for leg in one.legs}
        self._names = re.compile("(" + "|".join(map(re.escape, sorted(names))) + ")")
        self._rows = {name: self._names.split(self._text(query)) for name, query in _TABLES.items()}
        self._orders = self._names.split(msgspec.json.encode(mould.orders).decode())

    def close(self) -> None:
        self._connection.close()

    def copy_to(self, accounts: Sequence[StagedAccount]) -> list[dict[str, str]]:
        """Give each account the same brackets; return for each what the mould's names became."""
        renamed = []
        remaining = iter(accounts)
        while some := list(islice(remaining, _TOGETHER)):
            names = [self._renamed(one) for one in some]
            self._store(names)
            self._stub.place(
                [order for one in names for order in msgspec.json.decode(_put(self._orders, one))]
            )
            renamed += names
        return renamed

    def _renamed(self, account: StagedAccount) -> dict[str, str]:
        names = {self._mould.account.id: account.id, self._mould.account.token: account.token}
        for one in self._mould.brackets:
            fresh = str(ULID())
            names[one.id] = fresh
            names |= {leg.tag: tag_of(fresh, leg.role, leg.seq) for leg in one.legs}
        return names

    def _store(self, names: Sequence[Mapping[str, str]]) -> None:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO off")
            for table, pieces in self._rows.items():
                into = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
                with cursor.copy(into) as copy:
                    for one in names:
                        copy.write(_put(pieces, one))

    def _text(self, query: str) -> str:
        account = sql.Literal(self._mould.account.id).as_string(self._connection)
        statement = f"COPY ({query.replace('%s', account)}) TO STDOUT"
        with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            return b"".join(bytes(part) for part in copy).decode()


def _put(pieces: Sequence[str], names: Mapping[str, str]) -> str:
    return "".join(_each(pieces, names))


def _each(pieces: Sequence[str], names: Mapping[str, str]) -> Iterator[str]:
    # Every second piece is a name: that is how a split with a group answers.
    for number, piece in enumerate(pieces):
        yield names[piece] if number % 2 else piece
