"""How Fyers says no: a negative code in HTTP 400, 401, 403 or 429, and a sentence."""

from datetime import timedelta

from services.bracket.model import RefusalKind
from simulator.refusals import Refused
from simulator.wire.failures import Complaint, Trouble, WireFailure


class FyersFailure(WireFailure):
    """An error answer; wait is how long one is to keep away, after too many calls."""

    def __init__(self, status: int, code: int, message: str, *, wait: timedelta | None = None) -> None:
        super().__init__(status, str(code), message)
        self.wait = wait


class BadParameter(FyersFailure):
    """A field is missing or makes no sense."""

    def __init__(self, message: str) -> None:
        super().__init__(400, -50, message)


_COMPLAINTS = {
    Trouble.BAD_INPUT: (400, -50),
    Trouble.TOO_MANY: (429, -429),
    Trouble.NO_ROUTE: (404, -404),
    Trouble.WRONG_METHOD: (405, -405),
    Trouble.LOGGED_OUT: (401, -16),
}
# The exchange gives reasons in its own words; a client of Fyers' reads Fyers'. Kinds that are not here
# have no known sentence and keep the exchange's.
_SENTENCES = {
    RefusalKind.MARGIN: "RED:Margin Shortfall:",
    RefusalKind.TICK: "Price not a multiple of tick size.",
    RefusalKind.BAND: "RED:RULE:{Check circuit limit including square off order}",
    RefusalKind.FREEZE: "Quantity is above the freeze quantity.",
    RefusalKind.STOP_MARKET_BANNED: "16052 : Function not available.",
    RefusalKind.TRIGGER_CROSSED: "Stop price should be on its side of the LTP.",
    RefusalKind.DEMAT_AUTHORISATION: "Authorise the sale by eDIS (TPIN) first.",
    RefusalKind.RMS: "RED:RULE:",
    RefusalKind.SELF_TRADE: "Self trade is not allowed.",
    RefusalKind.SESSION_CLOSED: "Market is closed.",
    RefusalKind.CONTRACT_EXPIRED: "The contract has expired.",
    RefusalKind.MODIFICATION_CAP: "Modifications of this order exceeded.",
    RefusalKind.ALREADY_DONE: "Order is already traded, cancelled or rejected.",
    RefusalKind.NOT_FOUND: "Invalid order id.",
}
_CODES = {
    RefusalKind.NOT_FOUND: -51,
    RefusalKind.TICK: -50,
    RefusalKind.TRIGGER_CROSSED: -50,
    RefusalKind.ALREADY_DONE: -50,
    RefusalKind.FREEZE: -50,
}


def fyers_failure(complaint: Complaint) -> FyersFailure:
    """Return Fyers' error for what every broker refuses."""
    return FyersFailure(*_COMPLAINTS[complaint.trouble], complaint.message)


def failure_of(refused: Refused) -> FyersFailure:
    """Return the answer that a refused write gets."""
    return FyersFailure(400, _CODES.get(refused.kind, -99), words_of(refused.kind, refused.reason))


def words_of(kind: RefusalKind | None, reason: str) -> str:
    """Return a refusal in the words Fyers' clients know it by, the exchange's own behind them."""
    sentence = None if kind is None else _SENTENCES.get(kind)
    return reason if sentence is None else f"{sentence} {reason}"
