"""How Alpaca says no: a number, whose first digits are the HTTP status, and a sentence."""

from services.bracket.model import RefusalKind
from simulator.refusals import Refused
from simulator.wire.failures import Complaint, Trouble, WireFailure

INVALID = 42210000
INSUFFICIENT = 40310000


class AlpacaFailure(WireFailure):
    """An error answer."""


def unprocessable(message: str, code: int = INVALID) -> AlpacaFailure:
    return AlpacaFailure(422, str(code), message)


def insufficient(message: str) -> AlpacaFailure:
    return AlpacaFailure(403, str(INSUFFICIENT), message)


def not_found(message: str) -> AlpacaFailure:
    return AlpacaFailure(404, "40410000", message)


_COMPLAINTS = {
    Trouble.BAD_INPUT: (422, "40010001"),
    Trouble.TOO_MANY: (429, "42910000"),
    Trouble.NO_ROUTE: (404, "40410000"),
    Trouble.WRONG_METHOD: (405, "40510000"),
    Trouble.LOGGED_OUT: (401, "40110000"),
}
_SENTENCES = {
    RefusalKind.TICK: "sub-penny increment does not fulfill minimum pricing criteria",
    RefusalKind.SESSION_CLOSED: "market is closed",
    RefusalKind.SELF_TRADE: "potential wash trade detected. use complex orders",
}


def failure_of(complaint: Complaint) -> AlpacaFailure:
    """Return Alpaca's error for what every broker refuses."""
    return AlpacaFailure(*_COMPLAINTS[complaint.trouble], complaint.message)


def refusal_of(refused: Refused) -> AlpacaFailure:
    """Return the answer that a refused write gets."""
    if refused.kind is RefusalKind.NOT_FOUND:
        return not_found(refused.reason)
    if refused.kind is RefusalKind.TRIGGER_CROSSED:
        return unprocessable(f"stop price is already crossed: {refused.reason}")
    return unprocessable(words_of(refused.kind, refused.reason))


def words_of(kind: RefusalKind | None, reason: str) -> str:
    """Return a refusal in Alpaca's words."""
    return _SENTENCES.get(kind, reason) if kind is not None else reason
