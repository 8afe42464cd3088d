"""Webhooks have a name, and say how their alerts are read."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


# There is no way back: take a backup first and restore it.
def upgrade() -> None:
    """Apply this step."""
    with op.batch_alter_table("webhooks", schema=None) as batch_op:
        # Defaults only for the rows there are; new ones always say.
        batch_op.add_column(sa.Column("name", sa.Text(), nullable=False, server_default=sa.text("''")))
        batch_op.add_column(sa.Column("settings", sa.Text(), nullable=False, server_default="{}"))
