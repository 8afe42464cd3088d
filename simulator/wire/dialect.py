"""What a broker's package says of its language: envelope, errors, and by what a caller is known."""

from typing import Protocol

from simulator.refusals import Refused
from simulator.wire.calls import Call, Reply
from simulator.wire.failures import Complaint, WireFailure
from simulator.wire.sessions import App, Sessions


class Dialect(Protocol):
    """One broker's ways; without state, so that one value serves every thread."""

    def success(self, data: object) -> Reply:
        """Return an answer in the broker's envelope."""
        ...

    def failure(self, failure: WireFailure) -> Reply:
        """Return an error in the broker's envelope."""
        ...

    def refusal(self, refused: Refused) -> WireFailure:
        """Return the error that a write gets which the exchange refused."""
        ...

    def complaint(self, complaint: Complaint) -> WireFailure:
        """Return the error for what every broker refuses."""
        ...

    def client_of(self, call: Call) -> str:
        """Return whose call the tally counts it as: an api_key, also of one who is not logged in."""
        ...

    def app_of(self, sessions: Sessions, call: Call) -> App:
        """Return the app that a call speaks for. Raises WireFailure or Complaint for a dead token."""
        ...
