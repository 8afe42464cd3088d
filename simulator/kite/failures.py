"""How Kite says no: its exceptions, their codes, and the words a client recognises a reason by."""

from services.bracket.model import RefusalKind
from simulator.refusals import Refused
from simulator.wire.failures import Complaint, Trouble, WireFailure


class KiteFailure(WireFailure):
    """An error answer, with Kite's word for its kind."""

    @property
    def error_type(self) -> str:
        return self.code


class InputFailure(KiteFailure):
    """A field is missing or makes no sense."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "InputException", message)


_COMPLAINTS = {
    Trouble.BAD_INPUT: (400, "InputException"),
    Trouble.TOO_MANY: (429, "NetworkException"),
    Trouble.NO_ROUTE: (404, "GeneralException"),
    Trouble.WRONG_METHOD: (405, "GeneralException"),
    Trouble.LOGGED_OUT: (403, "TokenException"),
}


def kite_failure(complaint: Complaint) -> KiteFailure:
    """Return Kite's error for what every broker refuses."""
    return KiteFailure(*_COMPLAINTS[complaint.trouble], complaint.message)


# The exchange gives reasons in its own words; a client of Kite's reads Kite's. Kinds that are not here
# have no known sentence and keep the exchange's.
_SENTENCES = {
    RefusalKind.MARGIN: "Insufficient funds.",
    RefusalKind.TICK: "Tick size for this script is not met.",
    RefusalKind.BAND: "Price is beyond the circuit limit.",
    RefusalKind.FREEZE: "Quantity is above the freeze quantity.",
    RefusalKind.STOP_MARKET_BANNED: "16052 : Function not available.",
    RefusalKind.PROTECTION_MISSING: "Market orders without market protection are not allowed.",
    RefusalKind.TRIGGER_CROSSED: "Trigger already met.",
    RefusalKind.TOO_NEAR: "Trigger should be at least 0.25% away from the last price.",
    RefusalKind.DEMAT_AUTHORISATION: "Authorise holdings with CDSL TPIN before selling.",
    RefusalKind.RMS: "RMS:Rule.",
    RefusalKind.SELF_TRADE: "Self trade is not allowed.",
    RefusalKind.SESSION_CLOSED: "Markets are closed right now.",
    RefusalKind.CONTRACT_EXPIRED: "The instrument has either expired or does not exist.",
    RefusalKind.MODIFICATION_CAP: "Maximum allowed order modifications exceeded.",
    RefusalKind.ALREADY_DONE: "Order already completed or cancelled.",
    RefusalKind.NOT_FOUND: "Couldn't find that `order_id`.",
}
_TYPES = {
    RefusalKind.MARGIN: "MarginException",
    RefusalKind.DEMAT_AUTHORISATION: "HoldingException",
    RefusalKind.TICK: "InputException",
    RefusalKind.FREEZE: "InputException",
    RefusalKind.PROTECTION_MISSING: "InputException",
    RefusalKind.TRIGGER_CROSSED: "InputException",
    RefusalKind.TOO_NEAR: "InputException",
}


def words_of(kind: RefusalKind | None, reason: str) -> str:
    """Return a refusal in the words Kite's clients know it by, the exchange's own behind them."""
    sentence = None if kind is None else _SENTENCES.get(kind)
    return reason if sentence is None else f"{sentence} {reason}"


def failure_of(refused: Refused) -> KiteFailure:
    """Return the answer that a refused write gets."""
    error_type = _TYPES.get(refused.kind, "OrderException")
    return KiteFailure(400, error_type, words_of(refused.kind, refused.reason))
