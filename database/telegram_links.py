"""Which Telegram chat belongs to which account: linked by a code that works once and not for long."""

import secrets as randomness
from datetime import datetime, timedelta

from sqlalchemy import delete, insert
from ulid import ULID

from database.auth_db import Scope
from database.outbox_db import Channel, Destination, add_destination, destinations, remove_destinations
from database.outbox_tables import LinkCodeRow
from database.secret_box import SecretBox
from database.session import Database

CODE_LIVES = timedelta(minutes=10)

_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that people mistake for another
_LENGTH = 12  # 59 bits


def create_link_code(
    db: Database, box: SecretBox, account_id: str, *, scopes: frozenset[Scope], at: datetime
) -> str:
    """Store a code that links one chat to an account within CODE_LIVES, and return it."""
    code = "".join(randomness.choice(_LETTERS) for _ in range(_LENGTH))
    row = {
        "digest": _digest(box, code),
        "account_id": account_id,
        "scopes": " ".join(sorted(scopes)),
        "expires_at": at + CODE_LIVES,
    }
    with db.write() as connection:
        connection.execute(delete(LinkCodeRow).where(LinkCodeRow.expires_at <= at))
        connection.execute(insert(LinkCodeRow), row)
    return code


def redeem_link_code(
    db: Database, box: SecretBox, code: str, *, chat_id: int, at: datetime
) -> Destination | None:
    """Link a chat to the account of a code and use the code up; None when it is not a good one.

    The account's earlier link ends: an account speaks to one chat.
    """
    used = delete(LinkCodeRow).where(LinkCodeRow.digest == _digest(box, code), LinkCodeRow.expires_at > at)
    with db.write() as connection:
        row = connection.execute(used.returning(LinkCodeRow.account_id, LinkCodeRow.scopes)).one_or_none()
    if row is None:
        return None
    unlink(db, row.account_id)
    link = Destination(
        id=str(ULID()),
        account_id=row.account_id,
        channel=Channel.TELEGRAM,
        address=str(chat_id),
        scopes=row.scopes,
        created_at=at,
    )
    add_destination(db, link, secret=None)
    return link


def unlink(db: Database, account_id: str) -> int:
    """End an account's link and return whether there was one."""
    known = [one.id for one in destinations(db, Channel.TELEGRAM, account_id=account_id)]
    if known:
        remove_destinations(db, known)
    return len(known)


def _digest(box: SecretBox, code: str) -> str:
    return box.digest(f"telegram link {code.strip().upper()}")
