"""Instruments in lists that replace each other whole, with words to search and the terms they had."""

import sqlalchemy as sa
from alembic import op

from database import session

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# As it was then: a step that has been taken must not change with today's tables.
_CREATE_WORD_INDEX = (
    "CREATE VIRTUAL TABLE instrument_words USING fts5"
    "(words, content='instruments', content_rowid='id', tokenize='trigram', columnsize=0)"
)


# There is no way back: take a backup first and restore it.
def upgrade() -> None:
    """Apply this step. The old table held the paper market's symbols only, which every start lists anew."""
    op.drop_table("instruments")
    op.create_table(
        "instrument_lists",
        sa.Column("broker", sa.Text(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("list_id", sa.Text(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("listed_at", session.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("broker", "exchange", name=op.f("pk_instrument_lists")),
    )
    op.create_table(
        "instruments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("list_id", sa.Text(), nullable=False),
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
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("valid_from", session.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instruments")),
    )
    with op.batch_alter_table("instruments", schema=None) as batch_op:
        batch_op.create_index("ix_instruments_list_symbol", ["list_id", "symbol"], unique=True)
    op.create_table(
        "instrument_past_terms",
        sa.Column("broker", sa.Text(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("valid_from", session.UtcDateTime(), nullable=False),
        sa.Column("valid_until", session.UtcDateTime(), nullable=False),
        sa.Column("tick_size", session.ExactDecimal(), nullable=False),
        sa.Column("lot_size", sa.Integer(), nullable=False),
        sa.Column("freeze_quantity", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint(
            "broker", "exchange", "symbol", "valid_from", name=op.f("pk_instrument_past_terms")
        ),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(_CREATE_WORD_INDEX)
