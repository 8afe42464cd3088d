"""How a simulated broker says no: in general here, in its own words by its dialect."""

from enum import StrEnum


class WireFailure(Exception):
    """An error answer: HTTP status, the broker's code for it, and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class Trouble(StrEnum):
    """What any broker refuses before it looks at what an order means."""

    BAD_INPUT = "bad input"
    TOO_MANY = "too many requests"
    NO_ROUTE = "no such address"
    WRONG_METHOD = "wrong method"
    LOGGED_OUT = "logged out"


class Complaint(Exception):
    """Raised by what all brokers share; a dialect turns it into the broker's own error."""

    def __init__(self, trouble: Trouble, message: str) -> None:
        super().__init__(message)
        self.trouble = trouble
        self.message = message
