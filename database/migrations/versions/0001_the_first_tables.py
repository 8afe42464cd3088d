"""The first tables."""

import sqlalchemy as sa
from alembic import op

from database import session

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# There is no way back: take a backup first and restore it.
def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "account_sequences",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_sequences")),
    )
    op.create_table(
        "analyzer_logs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("api_type", sa.Text(), nullable=False),
        sa.Column("request_data", sa.Text(), nullable=False),
        sa.Column("response_data", sa.Text(), nullable=False),
        sa.Column("created_at", session.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analyzer_logs")),
    )
    with op.batch_alter_table("analyzer_logs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_analyzer_logs_created_at"), ["created_at"], unique=False)

    op.create_table(
        "brackets",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("client_order_id", sa.Text(), nullable=True),
        sa.Column("body_hash", sa.Text(), nullable=True),
        sa.Column("created_at", session.UtcDateTime(), nullable=False),
        sa.Column("updated_at", session.UtcDateTime(), nullable=False),
        sa.Column("finished_at", session.UtcDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brackets")),
    )
    with op.batch_alter_table("brackets", schema=None) as batch_op:
        batch_op.create_index("ix_brackets_account_finished", ["account_id", "finished_at"], unique=False)
        batch_op.create_index("ix_brackets_account_open", ["account_id", "is_open", "id"], unique=False)

    op.create_table(
        "instruments",
        sa.Column("broker", sa.Text(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tick_size", session.ExactDecimal(), nullable=False),
        sa.Column("lot_size", sa.Integer(), nullable=False),
        sa.Column("freeze_quantity", sa.Integer(), nullable=True),
        sa.Column("expiry", sa.Date(), nullable=True),
        sa.Column("strike", session.ExactDecimal(), nullable=True),
        sa.Column("token", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("broker", "exchange", "symbol", name=op.f("pk_instruments")),
    )
    op.create_table(
        "order_logs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("api_type", sa.Text(), nullable=False),
        sa.Column("request_data", sa.Text(), nullable=False),
        sa.Column("response_data", sa.Text(), nullable=False),
        sa.Column("created_at", session.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_logs")),
    )
    with op.batch_alter_table("order_logs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_logs_created_at"), ["created_at"], unique=False)

    op.create_table(
        "settings",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", session.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "subject_id", "key", name=op.f("pk_settings")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("created_at", session.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("broker", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("auth_token", sa.Text(), nullable=True),
        sa.Column("login", sa.Text(), nullable=True),
        sa.Column("created_at", session.UtcDateTime(), nullable=False),
        sa.Column("updated_at", session.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_accounts_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_name")),
    )
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_accounts_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "bracket_events",
        sa.Column("bracket_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("account_seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", session.UtcDateTime(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bracket_id"], ["brackets.id"], name=op.f("fk_bracket_events_bracket_id_brackets")
        ),
        sa.PrimaryKeyConstraint("bracket_id", "seq", name=op.f("pk_bracket_events")),
        sa.UniqueConstraint(
            "account_id", "account_seq", name=op.f("uq_bracket_events_account_id_account_seq")
        ),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("bracket_id", sa.Text(), nullable=False),
        sa.Column("created_at", session.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bracket_id"],
            ["brackets.id"],
            name=op.f("fk_idempotency_keys_bracket_id_brackets"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "legs",
        sa.Column("bracket_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slice", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("broker_order_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("filled", sa.Integer(), nullable=False),
        sa.Column("average_price", session.ExactDecimal(), nullable=True),
        sa.Column("updated_at", session.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["bracket_id"], ["brackets.id"], name=op.f("fk_legs_bracket_id_brackets")),
        sa.PrimaryKeyConstraint("bracket_id", "seq", name=op.f("pk_legs")),
        sa.UniqueConstraint("tag", name=op.f("uq_legs_tag")),
    )
    with op.batch_alter_table("legs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_legs_broker_order_id"), ["broker_order_id"], unique=False)

    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("last4", sa.Text(), nullable=False),
        sa.Column("created_at", session.UtcDateTime(), nullable=False),
        sa.Column("last_used_at", session.UtcDateTime(), nullable=True),
        sa.Column("revoked_at", session.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_api_keys_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_keys_account_id"), ["account_id"], unique=False)

    op.create_table(
        "webhooks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("require_timenow", sa.Boolean(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.Column("created_at", session.UtcDateTime(), nullable=False),
        sa.Column("revoked_at", session.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_webhooks_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    with op.batch_alter_table("webhooks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_webhooks_account_id"), ["account_id"], unique=False)
