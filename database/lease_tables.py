"""The tables of who works which accounts: leases of shards, and the processes that share them out.

Used on PostgreSQL only; a service on SQLite is alone, and its lock is a file's.
"""

from datetime import datetime

from sqlalchemy import DateTime, Table, event, insert
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, mapped_column

from database.session import Base

SHARDS = 64


class ShardRow(Base):
    """One shard of the accounts and who works it. Times are the server's own: nobody else's clock counts."""

    __tablename__ = "account_shards"

    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    owner: Mapped[str | None]
    epoch: Mapped[int]
    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class WorkerRow(Base):
    """One process that works shards, as long as it says so."""

    __tablename__ = "worker_processes"

    id: Mapped[str] = mapped_column(primary_key=True)
    alive_until: Mapped[datetime] = mapped_column(DateTime(timezone=True))


@event.listens_for(ShardRow.__table__, "after_create")
def _number_shards(table: Table, connection: Connection, **_: object) -> None:
    connection.execute(insert(table), [{"shard": number, "epoch": 0} for number in range(SHARDS)])
