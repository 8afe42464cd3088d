"""Events of plain orders get a number among all events of their account, so that they can be told."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


# There is no way back: take a backup first and restore it.
def upgrade() -> None:
    """Apply this step. Older events get no number: what is long over is not told now."""
    with op.batch_alter_table("plain_order_events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("account_id", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("account_seq", _WIDE, nullable=True))
        batch_op.create_unique_constraint(
            batch_op.f("uq_plain_order_events_account_id_account_seq"), ["account_id", "account_seq"]
        )
