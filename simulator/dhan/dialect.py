"""Dhan's ways: no envelope, errors with a code, the token in a header of its own."""

from simulator.dhan.failures import TYPES, failure_of, refusal_of
from simulator.refusals import Refused
from simulator.wire.calls import Call, Reply, encoded
from simulator.wire.failures import Complaint, Trouble, WireFailure
from simulator.wire.sessions import App, Sessions

TOKEN_HEADER = "access-token"  # noqa: S105  # the name of a header


class DhanDialect:
    """Satisfies Dialect."""

    def success(self, data: object) -> Reply:
        return Reply(200, encoded(data))

    def failure(self, failure: WireFailure) -> Reply:
        told = {
            "errorType": TYPES[failure.code],
            "errorCode": failure.code,
            "errorMessage": failure.message,
        }
        return Reply(failure.status, encoded(told))

    def refusal(self, refused: Refused) -> WireFailure:
        return refusal_of(refused)

    def complaint(self, complaint: Complaint) -> WireFailure:
        return failure_of(complaint)

    def client_of(self, call: Call) -> str:
        return call.headers.get("client-id", "")

    def app_of(self, sessions: Sessions, call: Call) -> App:
        app = sessions.owner_of(call.headers.get(TOKEN_HEADER, ""))
        if app is None:
            raise Complaint(Trouble.LOGGED_OUT, "Client ID or access token is invalid or expired.")
        return app
