"""Whole numbers as wide on PostgreSQL as SQLite's have been all along."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_COLUMNS = {
    "account_sequences": ("last_seq",),
    "analyzer_logs": ("id",),
    "bracket_events": ("seq", "account_seq"),
    "brackets": ("quantity", "version"),
    "destinations": ("fed_seq", "failures"),
    "instrument_lists": ("length",),
    "instrument_past_terms": ("lot_size", "freeze_quantity"),
    "instruments": ("id", "lot_size", "freeze_quantity"),
    "legs": ("seq", "slice", "quantity", "filled"),
    "order_logs": ("id",),
    "outbox": ("id", "seq", "attempts"),
    "plain_order_events": ("seq",),
    "plain_orders": ("version",),
    "second_factors": ("last_step",),
    "signals": ("id",),
}
# Their ids count up by themselves, and so must what counts.
_COUNTED = ("analyzer_logs", "instruments", "order_logs", "outbox", "signals")


# There is no way back: take a backup first and restore it.
def upgrade() -> None:
    """Apply this step: a list of instruments alone uses up a hundred thousand ids a day."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, columns in _COLUMNS.items():
        op.execute(
            f"ALTER TABLE {table} " + ", ".join(f"ALTER COLUMN {name} TYPE BIGINT" for name in columns)
        )
    for table in _COUNTED:
        op.execute(f"ALTER SEQUENCE {table}_id_seq AS BIGINT")
