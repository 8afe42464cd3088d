"""How an OpenAlgo server says no: a message, with the HTTP status of its broker's no."""

from services.bracket.model import RefusalKind
from simulator.refusals import Refused
from simulator.wire.failures import Complaint, Trouble, WireFailure

_COMPLAINTS = {
    Trouble.BAD_INPUT: 400,
    Trouble.TOO_MANY: 429,
    Trouble.NO_ROUTE: 404,
    Trouble.WRONG_METHOD: 405,
    Trouble.LOGGED_OUT: 403,
}
# The broker behind it gives its reasons in its own words, and for some of them no status of its own.
_SENTENCES = {
    RefusalKind.MARGIN: "Insufficient funds.",
    RefusalKind.TICK: "Price is not a multiple of tick size.",
    RefusalKind.BAND: "Price is outside the circuit limits.",
    RefusalKind.FREEZE: "Quantity is above the freeze quantity.",
    RefusalKind.TRIGGER_CROSSED: "Trigger price must be on its side of the LTP.",
    RefusalKind.DEMAT_AUTHORISATION: "Authorise the sale by TPIN first.",
    RefusalKind.RMS: "RMS: Rule.",
    RefusalKind.SELF_TRADE: "Self trade is not allowed.",
    RefusalKind.SESSION_CLOSED: "Markets are closed right now.",
    RefusalKind.MODIFICATION_CAP: "Maximum allowed order modifications exceeded.",
    RefusalKind.ALREADY_DONE: "Order cannot be modified: it is already completed, cancelled or rejected.",
    RefusalKind.NOT_FOUND: "Order not found.",
    RefusalKind.TOO_NEAR: "Trigger price is too near the LTP.",
}
_STATUSES = {RefusalKind.NOT_FOUND: 404, RefusalKind.MARGIN: 500, RefusalKind.RMS: 500}


def failure(status: int, message: str) -> WireFailure:
    return WireFailure(status, str(status), message)


def failure_of(refused: Refused) -> WireFailure:
    """Return the answer that a refused write gets."""
    return failure(_STATUSES.get(refused.kind, 400), words_of(refused.kind, refused.reason))


def failure_for(complaint: Complaint) -> WireFailure:
    """Return its error for what every broker refuses."""
    message = complaint.message
    if complaint.trouble is Trouble.TOO_MANY:
        message = "Rate limit exceeded. Please try again later."
    return failure(_COMPLAINTS[complaint.trouble], message)


def words_of(kind: RefusalKind | None, reason: str) -> str:
    """Return a refusal in the words clients know it by, the exchange's own behind them."""
    sentence = None if kind is None else _SENTENCES.get(kind)
    return reason if sentence is None else f"{sentence} {reason}"
