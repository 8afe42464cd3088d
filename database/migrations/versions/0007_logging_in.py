"""Logging in: second factors, recovery codes, set-up codes, sessions."""

import sqlalchemy as sa
from alembic import op

from database import session

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


# There is no way back: take a backup first and restore it.
def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "second_factors",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("pending", sa.Text(), nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=True),
        sa.Column("updated_at", session.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["users.id"], name=op.f("fk_second_factors_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_factors")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("used_at", session.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_recovery_codes_owner_id_users")),
        sa.PrimaryKeyConstraint("owner_id", "digest", name=op.f("pk_recovery_codes")),
    )
    op.create_table(
        "setup_codes",
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("expires_at", session.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_setup_codes_owner_id_users")),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_setup_codes")),
    )
    op.create_table(
        "login_sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("created_at", session.UtcDateTime(), nullable=False),
        sa.Column("seen_at", session.UtcDateTime(), nullable=False),
        sa.Column("expires_at", session.UtcDateTime(), nullable=False),
        sa.Column("revoked_at", session.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_login_sessions_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_login_sessions_digest")),
    )
    with op.batch_alter_table("login_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_sessions_owner_id"), ["owner_id"], unique=False)
