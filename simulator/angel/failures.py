"""How Angel One says no: HTTP 200, `status` false, and a code; too many calls in plain text with 403."""

from services.bracket.model import RefusalKind
from simulator.refusals import Refused
from simulator.wire.failures import Complaint, Trouble, WireFailure

OUT_OF_RANGE = "AB4008"
VARIETY = "AB1008"
SYMBOL = "AB1009"
NOT_FOUND = "AB1013"
WRONG_LOGIN = "AB1007"
INVALID_TOKEN = "AG8001"  # noqa: S105  # a code
BUSY = "Access denied because of exceeding access rate"


class AngelFailure(WireFailure):
    """An error answer: Angel's errorcode is its code."""

    def __init__(self, code: str, message: str, *, status: int = 200) -> None:
        super().__init__(status, code, message)


_COMPLAINTS = {
    Trouble.BAD_INPUT: (OUT_OF_RANGE, 200),
    Trouble.TOO_MANY: ("", 403),
    Trouble.NO_ROUTE: ("AB1004", 404),
    Trouble.WRONG_METHOD: ("AB1004", 405),
    Trouble.LOGGED_OUT: (INVALID_TOKEN, 200),
}
_SENTENCES = {
    RefusalKind.MARGIN: "Your order has been rejected due to Insufficient Funds.",
    RefusalKind.TICK: "Price is not a multiple of tick size.",
    RefusalKind.BAND: "Price is outside the circuit limits.",
    RefusalKind.FREEZE: "Quantity is above the freeze quantity.",
    RefusalKind.STOP_MARKET_BANNED: "16052 : Function not available.",
    RefusalKind.TRIGGER_CROSSED: "Trigger price should be on its side of the LTP.",
    RefusalKind.DEMAT_AUTHORISATION: "Authorise the sale by eDIS (TPIN) first.",
    RefusalKind.RMS: "RMS:",
    RefusalKind.SELF_TRADE: "Self trade is not allowed.",
    RefusalKind.SESSION_CLOSED: "Market is closed.",
    RefusalKind.CONTRACT_EXPIRED: "Contract has expired.",
    RefusalKind.MODIFICATION_CAP: "Modifications of this order exceeded.",
    RefusalKind.ALREADY_DONE: "Order is already complete, cancelled or rejected:",
    RefusalKind.NOT_FOUND: "Order not found.",
}
_CODES = {
    RefusalKind.MARGIN: "AB2020",
    RefusalKind.ALREADY_DONE: NOT_FOUND,
    RefusalKind.NOT_FOUND: NOT_FOUND,
}


def failure_of(complaint: Complaint) -> AngelFailure:
    """Return Angel's error for what every broker refuses."""
    code, status = _COMPLAINTS[complaint.trouble]
    return AngelFailure(
        code, BUSY if complaint.trouble is Trouble.TOO_MANY else complaint.message, status=status
    )


def refusal_of(refused: Refused) -> AngelFailure:
    """Return the answer that a refused write gets."""
    return AngelFailure(_CODES.get(refused.kind, OUT_OF_RANGE), words_of(refused.kind, refused.reason))


def words_of(kind: RefusalKind | None, reason: str) -> str:
    """Return a refusal in Angel's words, the exchange's own behind them."""
    sentence = None if kind is None else _SENTENCES.get(kind)
    return reason if sentence is None else f"{sentence} {reason}"
