"""Statements of the order path: written with SQLAlchemy, compiled once, run on the driver itself.

SQLAlchemy's own way of running one costs several times what SQLite needs for it. What comes back is the
driver's: times and decimals are their text (`database.session` has the types).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.engine.interfaces import DBAPICursor

Values = Mapping[str, object]
_Process = Callable[[object], object]


class Prepared:
    """One statement. `build` makes it for a dialect's name; its values are named as its binds are."""

    def __init__(self, build: Callable[[str], Any]) -> None:
        self._build = build
        self._compiled: dict[str, _Compiled] = {}

    def for_dialect(self, dialect: Dialect) -> "_Compiled":
        """Return the text and how to bind for a dialect; compiled when first asked for."""
        known = self._compiled.get(dialect.name)
        if known is None:
            known = self._compiled[dialect.name] = _Compiled(self._build(dialect.name), dialect)
        return known


class _Compiled:
    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self._is_positional = compiled.positional
        # By the names in the text: `binds` calls what is no bindparam of ours by a name before that.
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        self._names = compiled.positiontup if compiled.positional else list(binds)
        self._binds = [(name, _process(binds[name], dialect)) for name in self._names]
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}

    def bound(self, values: Values) -> Any:
        """Return values as the driver takes them. Raises KeyError for one that is missing: our bug."""
        given = {**self._fixed, **values} if self._fixed else values
        bound = [given[name] if process is None else process(given[name]) for name, process in self._binds]
        return bound if self._is_positional else dict(zip(self._names, bound, strict=True))


def _process(bind: Any, dialect: Dialect) -> _Process | None:
    found: _Process | None = bind.type.dialect_impl(dialect).bind_processor(dialect)
    return found


class Transaction:
    """One running transaction on the driver. `Database.reading` and `Database.writing` give it."""

    def __init__(self, cursor: DBAPICursor, dialect: Dialect) -> None:
        self._cursor = cursor
        self._dialect = dialect

    @property
    def is_shared(self) -> bool:
        """Whether other processes work on the same database."""
        return self._dialect.name == "postgresql"

    def run(self, prepared: Prepared, values: Values) -> int:
        """Run a statement and return how many rows it touched."""
        compiled = prepared.for_dialect(self._dialect)
        self._cursor.execute(compiled.text, compiled.bound(values))
        return self._cursor.rowcount

    def run_many(self, prepared: Prepared, rows: Iterable[Values]) -> None:
        """Run a statement once for each row of values."""
        compiled = prepared.for_dialect(self._dialect)
        self._cursor.executemany(compiled.text, [compiled.bound(values) for values in rows])

    def all(self, prepared: Prepared, values: Values) -> list[tuple[Any, ...]]:
        """Return every row."""
        compiled = prepared.for_dialect(self._dialect)
        self._cursor.execute(compiled.text, compiled.bound(values))
        return list(self._cursor.fetchall())

    def scalar(self, prepared: Prepared, values: Values) -> Any:
        """Return the only value of the only row. Raises ValueError when that is not what there is."""
        ((value,),) = self.all(prepared, values)
        return value

    def one(self, prepared: Prepared, values: Values) -> tuple[Any, ...] | None:
        """Return the only row, or None when there is none."""
        rows = self.all(prepared, values)
        if len(rows) > 1:
            raise ValueError(f"{len(rows)} rows where one was expected")
        return rows[0] if rows else None
