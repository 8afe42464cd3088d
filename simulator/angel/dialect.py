"""Angel One's ways: its envelope, in the services' spelling and the gateway's, and failures with HTTP 200."""

from simulator.angel.failures import INVALID_TOKEN, NOT_FOUND, failure_of, refusal_of
from simulator.refusals import Refused
from simulator.wire.calls import Call, Reply, encoded
from simulator.wire.failures import Complaint, Trouble, WireFailure
from simulator.wire.sessions import App, Sessions

KEY_HEADER = "X-PrivateKey"
_BEARER = "Bearer "
_SAYS_FALSE_AS_TEXT = frozenset({NOT_FOUND})  # some services answer with a text for the truth value


class AngelDialect:
    """Satisfies Dialect."""

    def success(self, data: object) -> Reply:
        return Reply(200, encoded({"status": True, "message": "SUCCESS", "errorcode": "", "data": data}))

    def failure(self, failure: WireFailure) -> Reply:
        if failure.status == 403:
            return Reply(403, failure.message.encode(), "text/plain")
        if failure.code == INVALID_TOKEN:  # the gateway's own spelling
            told = {"success": False, "message": failure.message, "errorCode": failure.code, "data": ""}
            return Reply(failure.status, encoded(told))
        said: bool | str = "false" if failure.code in _SAYS_FALSE_AS_TEXT else False
        body = {"status": said, "message": failure.message, "errorcode": failure.code, "data": None}
        return Reply(failure.status, encoded(body))

    def refusal(self, refused: Refused) -> WireFailure:
        return refusal_of(refused)

    def complaint(self, complaint: Complaint) -> WireFailure:
        return failure_of(complaint)

    def client_of(self, call: Call) -> str:
        return key_of(call)

    def app_of(self, sessions: Sessions, call: Call) -> App:
        token = call.authorization.removeprefix(_BEARER)
        if not sessions.is_alive(key_of(call), token):
            raise Complaint(Trouble.LOGGED_OUT, "Invalid Token")
        return sessions.app(key_of(call))


def key_of(call: Call) -> str:
    """Return the app's key that a call names."""
    return call.headers.get(KEY_HEADER.lower(), "")
