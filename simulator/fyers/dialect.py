"""Fyers' ways: its envelope, its negative codes, and `app_id:access_token` as the Authorization."""

from typing import Any

from simulator.fyers.failures import FyersFailure, failure_of, fyers_failure
from simulator.refusals import Refused
from simulator.wire.calls import Call, Reply, encoded
from simulator.wire.failures import Complaint, WireFailure
from simulator.wire.sessions import App, Sessions


class FyersDialect:
    """Satisfies Dialect. What an endpoint returns are the fields beside `s`, `code` and `message`."""

    def success(self, data: Any) -> Reply:
        return Reply(200, encoded({"s": "ok", "code": 200, "message": ""} | data))

    def failure(self, failure: WireFailure) -> Reply:
        body = encoded({"s": "error", "code": int(failure.code), "message": failure.message})
        return Reply(failure.status, body, headers=_wait(failure))

    def refusal(self, refused: Refused) -> WireFailure:
        return failure_of(refused)

    def complaint(self, complaint: Complaint) -> WireFailure:
        return fyers_failure(complaint)

    def client_of(self, call: Call) -> str:
        return call.authorization.partition(":")[0]

    def app_of(self, sessions: Sessions, call: Call) -> App:
        return app_of(sessions, call.authorization)


def app_of(sessions: Sessions, authorization: str) -> App:
    """Return the app a header speaks for. Raises FyersFailure for any other."""
    app_id, _, access_token = authorization.partition(":")
    if not access_token:
        raise FyersFailure(401, -16, "Could not authenticate the user")
    if not sessions.is_alive(app_id, access_token):
        raise FyersFailure(401, -17, "Token is either invalid or expired")
    return sessions.app(app_id)


def _wait(failure: WireFailure) -> tuple[tuple[str, str], ...]:
    wait = failure.wait if isinstance(failure, FyersFailure) else None
    if wait is None:
        return ()
    milliseconds = int(wait.total_seconds() * 1000) + 1
    return ("Retry-After", str(-(-milliseconds // 1000))), ("X-Retry-After-Ms", str(milliseconds))
