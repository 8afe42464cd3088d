"""Upstox's ways: its envelope, its list of errors, and a bearer token that names nobody."""

from simulator.refusals import Refused
from simulator.upstox.failures import failure_of, refusal_of
from simulator.upstox.sessions import Sessions
from simulator.wire.calls import Call, Reply, encoded
from simulator.wire.failures import Complaint, Trouble, WireFailure
from simulator.wire.sessions import App
from simulator.wire.sessions import Sessions as AnySessions


class UpstoxDialect:
    """Satisfies Dialect; a token tells whose it is by the login alone, a dead one's too."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def success(self, data: object) -> Reply:
        return Reply(200, encoded({"status": "success", "data": data, "metadata": {"latency": 30}}))

    def failure(self, failure: WireFailure) -> Reply:
        told = {
            "errorCode": failure.code,
            "message": failure.message,
            "propertyPath": None,
            "invalidValue": None,
            "error_code": failure.code,
            "property_path": None,
            "invalid_value": None,
        }
        return Reply(failure.status, encoded({"status": "error", "errors": [told]}))

    def refusal(self, refused: Refused) -> WireFailure:
        return refusal_of(refused)

    def complaint(self, complaint: Complaint) -> WireFailure:
        return failure_of(complaint)

    def client_of(self, call: Call) -> str:
        return self._sessions.ever(token_of(call))

    def app_of(self, sessions: AnySessions, call: Call) -> App:
        app = sessions.owner_of(token_of(call))
        if app is None:
            raise Complaint(Trouble.LOGGED_OUT, "Invalid token used to access API")
        return app


def token_of(call: Call) -> str:
    return call.authorization.removeprefix("Bearer ")
