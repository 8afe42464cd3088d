"""Which exit alerts came, and which brackets each of them spoke of when it came first."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, Select, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from database.session import Base, Database, insert_for


class ExitClaimRow(Base):
    """One exit alert. bracket_ids is a JSON list."""

    __tablename__ = "exit_claims"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    bracket_ids: Mapped[str]
    created_at: Mapped[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitClaim:
    """An exit alert, as key, and the brackets it is about."""

    key: str
    bracket_ids: tuple[str, ...]
    created_at: datetime


def claim_exit(db: Database, account_id: str, claim: ExitClaim) -> ExitClaim | None:
    """Store a claim; when its key is taken, return the claim that holds it instead. Raises NotStored."""
    row = {
        "account_id": account_id,
        "key": claim.key,
        "bracket_ids": json.dumps(claim.bracket_ids),
        "created_at": claim.created_at,
    }
    with db.write() as connection:
        insert = insert_for(connection.dialect.name, ExitClaimRow).on_conflict_do_nothing()
        if connection.execute(insert, row).rowcount == 1:
            return None
        held = connection.execute(_of_key(account_id, claim.key)).one()
    return _as_claim(held)


def find_exit_claim(db: Database, account_id: str, *, key: str) -> ExitClaim | None:
    """Return the claim that holds a key, or None. Raises NotRead."""
    with db.read() as connection:
        held = connection.execute(_of_key(account_id, key)).one_or_none()
    return None if held is None else _as_claim(held)


def forget_exit_claims(db: Database, created_before: datetime) -> None:
    """Delete the claims made before a time. Raises NotStored."""
    with db.write() as connection:
        connection.execute(delete(ExitClaimRow).where(ExitClaimRow.created_at < created_before))


def _of_key(account_id: str, key: str) -> Select[str, str, datetime]:
    return select(ExitClaimRow.key, ExitClaimRow.bracket_ids, ExitClaimRow.created_at).where(
        ExitClaimRow.account_id == account_id, ExitClaimRow.key == key
    )


def _as_claim(held: Row[str, str, datetime]) -> ExitClaim:
    key, bracket_ids, created_at = held
    return ExitClaim(key=key, bracket_ids=tuple(json.loads(bracket_ids)), created_at=created_at)
