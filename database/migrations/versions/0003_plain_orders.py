"""Orders and GTTs that belong to no bracket."""

import sqlalchemy as sa
from alembic import op

from database import session

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


# There is no way back: take a backup first and restore it.
def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "plain_orders",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("broker_order_id", sa.Text(), nullable=True),
        sa.Column("client_order_id", sa.Text(), nullable=True),
        sa.Column("sent_at", session.UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plain_orders")),
        sa.UniqueConstraint("tag", name=op.f("uq_plain_orders_tag")),
    )
    with op.batch_alter_table("plain_orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_plain_orders_status"), ["status"], unique=False)
        batch_op.create_index(
            "ix_plain_orders_account_client", ["account_id", "client_order_id"], unique=True
        )
        batch_op.create_index(
            "ix_plain_orders_account_broker", ["account_id", "broker_order_id"], unique=False
        )
    op.create_table(
        "plain_order_events",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", session.UtcDateTime(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["plain_orders.id"], name=op.f("fk_plain_order_events_order_id_plain_orders")
        ),
        sa.PrimaryKeyConstraint("order_id", "seq", name=op.f("pk_plain_order_events")),
    )
