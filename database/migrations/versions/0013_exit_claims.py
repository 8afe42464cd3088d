"""Exit alerts are remembered, so that one which comes twice leaves once."""

import sqlalchemy as sa
from alembic import op

from database.session import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


# There is no way back: take a backup first and restore it.
def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "exit_claims",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("bracket_ids", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("pk_exit_claims")),
    )
