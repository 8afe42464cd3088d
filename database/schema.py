"""Every table there is, on one metadata: what migrations and tests build."""

from sqlalchemy import MetaData

from database import (
    analyzer_db,
    apilog_db,
    auth_tables,
    bracket_tables,
    exit_claim_db,
    lease_tables,
    login_tables,
    outbox_tables,
    plain_order_db,
    settings,
    signal_db,
    symbol_tables,
)
from database.session import Base

# Importing them is what puts their tables on the metadata.
TABLE_MODULES = (
    analyzer_db,
    apilog_db,
    auth_tables,
    bracket_tables,
    exit_claim_db,
    lease_tables,
    login_tables,
    outbox_tables,
    plain_order_db,
    settings,
    signal_db,
    symbol_tables,
)

metadata: MetaData = Base.metadata


def is_of_a_model(name: str | None, kind: str, _parents: object) -> bool:
    """Whether a name found in a database is ours to compare: an index SQLite keeps for itself is not."""
    return kind != "table" or name is None or not name.startswith(symbol_tables.WORD_INDEX)
