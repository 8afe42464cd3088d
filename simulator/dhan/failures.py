"""How Dhan says no: one code for each kind of failure, and a sentence."""

from services.bracket.model import RefusalKind
from simulator.refusals import Refused
from simulator.wire.failures import Complaint, Trouble, WireFailure

INPUT = "DH-905"
ORDER = "DH-906"


class DhanFailure(WireFailure):
    """An error answer: Dhan's errorCode is its code."""


def bad_input(message: str) -> DhanFailure:
    return DhanFailure(400, INPUT, message)


def order_failure(message: str) -> DhanFailure:
    return DhanFailure(400, ORDER, message)


_COMPLAINTS = {
    Trouble.BAD_INPUT: (400, INPUT),
    Trouble.TOO_MANY: (429, "DH-904"),
    Trouble.NO_ROUTE: (404, "DH-910"),
    Trouble.WRONG_METHOD: (405, "DH-910"),
    Trouble.LOGGED_OUT: (401, "DH-901"),
}
TYPES = {
    "DH-901": "Invalid_Authentication",
    "DH-902": "Invalid_Access",
    "DH-903": "User_Account",
    "DH-904": "Rate_Limit",
    "DH-905": "Input_Exception",
    "DH-906": "Order_Error",
    "DH-907": "Data_Error",
    "DH-908": "Internal_Server_Error",
    "DH-909": "Network_Error",
    "DH-910": "Others",
    "DH-911": "Invalid_IP",
}
_SENTENCES = {
    RefusalKind.MARGIN: "RMS: Margin Shortfall.",
    RefusalKind.TICK: "Price is not a multiple of tick size.",
    RefusalKind.BAND: "Price is outside the circuit limits.",
    RefusalKind.FREEZE: "Quantity is above the freeze quantity.",
    RefusalKind.STOP_MARKET_BANNED: "16052: Function not available.",
    RefusalKind.TRIGGER_CROSSED: "Trigger price already reached by LTP.",
    RefusalKind.DEMAT_AUTHORISATION: "Holdings not authorised: complete EDIS with TPIN.",
    RefusalKind.SELF_TRADE: "Self trade is not allowed.",
    RefusalKind.SESSION_CLOSED: "Market is closed.",
    RefusalKind.CONTRACT_EXPIRED: "Contract has expired.",
    RefusalKind.MODIFICATION_CAP: "Maximum modification count reached.",
    RefusalKind.ALREADY_DONE: "Order is not in a pending state.",
    RefusalKind.NOT_FOUND: "Order not found.",
}
_INPUTS = frozenset({RefusalKind.TICK, RefusalKind.FREEZE})


def failure_of(complaint: Complaint) -> DhanFailure:
    """Return Dhan's error for what every broker refuses."""
    return DhanFailure(*_COMPLAINTS[complaint.trouble], complaint.message)


def refusal_of(refused: Refused) -> DhanFailure:
    """Return the answer that a refused write gets."""
    code = INPUT if refused.kind in _INPUTS else ORDER
    return DhanFailure(400, code, words_of(refused.kind, refused.reason))


def words_of(kind: RefusalKind | None, reason: str) -> str:
    """Return a refusal in Dhan's words, the exchange's own behind them."""
    sentence = None if kind is None else _SENTENCES.get(kind)
    return reason if sentence is None else f"{sentence} {reason}"
