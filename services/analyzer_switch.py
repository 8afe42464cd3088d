"""The analyzer switch: whether an owner's new brackets are live or go to the paper market."""

from database.settings import set_analyzer_mode
from services.bracket.model import Mode
from services.desk import Desk


def switch_analyzer(desk: Desk, owner_id: str, mode: Mode) -> None:
    """Set the mode of new brackets; those that exist keep the mode of their birth. Raises NotStored."""
    set_analyzer_mode(desk.db, owner_id, mode=mode, at=desk.clock.now())
    # Callers verified a moment ago still carry the old mode: their next order would go the wrong way.
    desk.secrets.callers.forget()
