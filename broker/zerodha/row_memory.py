"""Rows of the last order book by their bytes: a book is read often and changes little."""

from collections.abc import Callable, Iterable
from hashlib import blake2b

from services.bracket.model import OrderRow

_DIGEST_BYTES = 16


class RowMemory:
    """Turns rows of one account's book into ours, each of them once while its bytes stay the same.

    It remembers the last book only. Used by one reading thread at a time.
    """

    def __init__(self) -> None:
        self._rows: dict[bytes, OrderRow] = {}

    def rows(self, raw: Iterable[bytes], parse: Callable[[bytes], OrderRow]) -> tuple[OrderRow, ...]:
        """Return the rows in their order; what `parse` raises leaves the memory as it was."""
        known = self._rows
        seen: dict[bytes, OrderRow] = {}
        rows = []
        for text in raw:
            digest = blake2b(text, digest_size=_DIGEST_BYTES).digest()
            row = known.get(digest) or parse(text)
            seen[digest] = row
            rows.append(row)
        self._rows = seen
        return tuple(rows)
