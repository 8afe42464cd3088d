"""${message}."""

import sqlalchemy as sa
from alembic import op

from database import session
${imports if imports else ""}

revision = "${up_revision}"
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


# There is no way back: take a backup first and restore it.
def upgrade() -> None:
    """Apply this step."""
    ${upgrades if upgrades else "pass"}

