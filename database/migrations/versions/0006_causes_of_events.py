"""What a decision was made from, beside the first event of it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


# There is no way back: take a backup first and restore it.
def upgrade() -> None:
    """Apply this step. Older events have no cause, and their hashes stay what they are."""
    op.add_column("bracket_events", sa.Column("cause", sa.Text(), nullable=True))
