"""Who works which accounts, where several processes share them."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_SHARDS = 64


# There is no way back: take a backup first and restore it.
def upgrade() -> None:
    """Apply this step."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    shards = op.create_table(
        "account_shards",
        sa.Column("shard", number, autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("epoch", number, nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("shard", name=op.f("pk_account_shards")),
    )
    op.create_table(
        "worker_processes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("alive_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker_processes")),
    )
    op.bulk_insert(shards, [{"shard": shard, "epoch": 0} for shard in range(_SHARDS)])
