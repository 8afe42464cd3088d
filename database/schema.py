"""Every table there is, on one metadata: what migrations and tests build."""

from sqlalchemy import MetaData

from database import bracket_tables
from database.session import Base

TABLE_MODULES = (bracket_tables,)  # importing them is what puts their tables on the metadata

metadata: MetaData = Base.metadata
