"""Every column that holds a cipher, and how they all get the newest key."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update

from database.auth_tables import AccountRow, WebhookRow
from database.login_tables import SecondFactorRow
from database.outbox_tables import DestinationRow
from database.secret_box import SecretBox
from database.session import Base, Database

SEALED: tuple[tuple[type[Base], str], ...] = (
    (AccountRow, "auth_token"),
    (AccountRow, "login"),
    (WebhookRow, "token"),
    (DestinationRow, "secret"),
    (SecondFactorRow, "secret"),
    (SecondFactorRow, "pending"),
)
_TOGETHER = 100  # rows in one transaction: orders wait for the database meanwhile


@dataclass(frozen=True, slots=True)
class _Sealed:
    table: type[Base]
    column: str
    row_id: str
    cipher: str


def rotate_secrets(db: Database, box: SecretBox) -> int:
    """Seal every stored secret again that is not sealed with the first of ENCRYPTION_KEYS; return how many.

    The service may run. One that breaks off is run again: what was sealed anew is left alone. Raises
    SecretUnreadable, and changes nothing, when one of them fits no key.
    """
    wanted = [one for table, name in SEALED for one in _old_ones(db, table, name, box)]
    for first in range(0, len(wanted), _TOGETHER):
        _seal_again(db, box, wanted[first : first + _TOGETHER])
    return len(wanted)


def _old_ones(db: Database, table: type[Base], name: str, box: SecretBox) -> Iterator[_Sealed]:
    columns = table.__table__.c
    with db.read() as connection:
        rows = connection.execute(select(columns.id, columns[name]).where(columns[name].is_not(None))).all()
    for row_id, cipher in rows:
        if not box.is_newest(cipher):
            box.rotate(cipher)  # whether it can be read at all, before anything is changed
            yield _Sealed(table, name, row_id, cipher)


def _seal_again(db: Database, box: SecretBox, found: Sequence[_Sealed]) -> None:
    with db.write() as connection:
        for one in found:
            columns = one.table.__table__.c
            # Only what is still there: a login that came meanwhile is sealed with the first key anyway.
            is_same = (columns.id == one.row_id) & (columns[one.column] == one.cipher)
            again = {one.column: box.rotate(one.cipher)}
            connection.execute(update(one.table).where(is_same).values(again))
