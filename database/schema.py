"""Every table there is, on one metadata: what migrations and tests build."""

from sqlalchemy import MetaData

from database import (
    analyzer_db,
    apilog_db,
    auth_tables,
    bracket_tables,
    outbox_tables,
    settings,
    symbol,
)
from database.session import Base

# Importing them is what puts their tables on the metadata.
TABLE_MODULES = (analyzer_db, apilog_db, auth_tables, bracket_tables, outbox_tables, settings, symbol)

metadata: MetaData = Base.metadata
