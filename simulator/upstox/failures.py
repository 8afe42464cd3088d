"""How Upstox says no: a code and a sentence, in a list."""

from services.bracket.model import RefusalKind
from simulator.refusals import Refused
from simulator.wire.failures import Complaint, Trouble, WireFailure

INPUT = "UDAPI100036"


class UpstoxFailure(WireFailure):
    """An error answer: Upstox's error_code is its code."""


def bad_input(message: str, code: str = INPUT) -> UpstoxFailure:
    return UpstoxFailure(400, code, message)


def no_order() -> UpstoxFailure:
    return UpstoxFailure(404, "UDAPI100010", "Order not found")


_COMPLAINTS = {
    Trouble.BAD_INPUT: (400, INPUT),
    Trouble.TOO_MANY: (429, "UDAPI10005"),
    Trouble.NO_ROUTE: (404, "UDAPI100060"),
    Trouble.WRONG_METHOD: (405, "UDAPI100060"),
    Trouble.LOGGED_OUT: (401, "UDAPI100050"),
}
_CODES = {
    RefusalKind.NOT_FOUND: (404, "UDAPI100010"),
    RefusalKind.ALREADY_DONE: (400, "UDAPI100040"),
    RefusalKind.PROTECTION_MISSING: (400, "UDAPI1158"),
}
_SENTENCES = {
    RefusalKind.MARGIN: "You need to add funds to place this order.",
    RefusalKind.TICK: "Price is not a multiple of tick size.",
    RefusalKind.BAND: "The price set should be within the circuit limits. Please modify your order price.",
    RefusalKind.FREEZE: "Quantity is above the freeze quantity.",
    RefusalKind.STOP_MARKET_BANNED: "16052 : Function not available.",
    RefusalKind.TRIGGER_CROSSED: "Trigger price should be on its side of the LTP.",
    RefusalKind.DEMAT_AUTHORISATION: "Please authorise the sale with your CDSL TPIN (EDIS).",
    RefusalKind.SELF_TRADE: "Self trade is not allowed.",
    RefusalKind.SESSION_CLOSED: "Markets are closed.",
    RefusalKind.CONTRACT_EXPIRED: "The contract has expired.",
    RefusalKind.MODIFICATION_CAP: "Maximum modification count reached.",
    RefusalKind.ALREADY_DONE: "Already cancelled/rejected/completed order.",
    RefusalKind.NOT_FOUND: "Order not found.",
}


def failure_of(complaint: Complaint) -> UpstoxFailure:
    """Return Upstox's error for what every broker refuses."""
    return UpstoxFailure(*_COMPLAINTS[complaint.trouble], complaint.message)


def refusal_of(refused: Refused) -> UpstoxFailure:
    """Return the answer that a refused write gets."""
    status, code = _CODES.get(refused.kind, (400, INPUT))
    return UpstoxFailure(status, code, words_of(refused.kind, refused.reason))


def words_of(kind: RefusalKind | None, reason: str) -> str:
    """Return a refusal in Upstox's words, the exchange's own behind them."""
    sentence = None if kind is None else _SENTENCES.get(kind)
    return reason if sentence is None else f"{sentence} {reason}"
