"""The broker's no."""

from services.bracket.model import RefusalKind


class Refused(Exception):
    """The exchange or its broker front refused: nothing was placed, changed or cancelled."""

    def __init__(self, kind: RefusalKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
