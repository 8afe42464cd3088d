"""Alpaca's ways: no envelope, errors with a number, key id and secret in headers of their own."""

from simulator.alpaca.failures import failure_of, refusal_of
from simulator.refusals import Refused
from simulator.wire.calls import Call, Reply, encoded
from simulator.wire.failures import Complaint, Trouble, WireFailure
from simulator.wire.sessions import App, Sessions

KEY_HEADER = "APCA-API-KEY-ID"
SECRET_HEADER = "APCA-API-SECRET-KEY"  # noqa: S105  # the name of a header


class AlpacaDialect:
    """Satisfies Dialect."""

    def success(self, data: object) -> Reply:
        return Reply(200, encoded(data))

    def failure(self, failure: WireFailure) -> Reply:
        return Reply(failure.status, encoded({"code": int(failure.code), "message": failure.message}))

    def refusal(self, refused: Refused) -> WireFailure:
        return refusal_of(refused)

    def complaint(self, complaint: Complaint) -> WireFailure:
        return failure_of(complaint)

    def client_of(self, call: Call) -> str:
        return call.headers.get(KEY_HEADER.lower(), "")

    def app_of(self, sessions: Sessions, call: Call) -> App:
        return app_of(
            sessions, call.headers.get(KEY_HEADER.lower(), ""), call.headers.get(SECRET_HEADER.lower(), "")
        )


def app_of(sessions: Sessions, key_id: str, secret: str) -> App:
    """Return whose keys these are. Raises Complaint for keys that are not good (any more)."""
    if not sessions.is_alive(key_id, secret):
        raise Complaint(Trouble.LOGGED_OUT, "request is not authorized")
    return sessions.app(key_id)
