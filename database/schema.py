"""Every table there is, on one metadata: what migrations and tests build."""

from sqlalchemy import MetaData

from database import auth_tables, bracket_tables, settings
from database.session import Base

TABLE_MODULES = (
    auth_tables,
    bracket_tables,
    settings,
)  # importing them is what puts their tables on the metadata

metadata: MetaData = Base.metadata
