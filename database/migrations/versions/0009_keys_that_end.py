"""API keys that end by themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


# There is no way back: take a backup first and restore it.
def upgrade() -> None:
    """Apply this step. Keys that are there never end."""
    op.add_column("api_keys", sa.Column("expires_at", sa.Text(), nullable=True))
