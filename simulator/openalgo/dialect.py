"""An OpenAlgo server's ways: its envelope, and the key in the body, or in the address of a GET."""

from typing import Any

import msgspec

from simulator.openalgo.failures import failure, failure_for, failure_of
from simulator.refusals import Refused
from simulator.wire.calls import Call, Reply, encoded
from simulator.wire.failures import Complaint, WireFailure
from simulator.wire.sessions import App, Sessions


class OpenalgoDialect:
    """Satisfies Dialect. What an endpoint returns are the fields beside `status`."""

    def success(self, data: Any) -> Reply:
        return Reply(200, encoded({"status": "success"} | data))

    def failure(self, failure: WireFailure) -> Reply:
        return Reply(failure.status, encoded({"status": "error", "message": failure.message}))

    def refusal(self, refused: Refused) -> WireFailure:
        return failure_of(refused)

    def complaint(self, complaint: Complaint) -> WireFailure:
        return failure_for(complaint)

    def client_of(self, call: Call) -> str:
        return key_of(call)

    def app_of(self, sessions: Sessions, call: Call) -> App:
        app = sessions.owner_of(key_of(call))
        if app is None:
            raise failure(403, "Invalid openalgo apikey")
        return app


def key_of(call: Call) -> str:
    """Return the key that a call gives; "" for none."""
    if call.method == "GET":
        return "".join(call.query_values("apikey"))
    try:
        body = msgspec.json.decode(call.body)
    except ValueError:
        return ""
    key = body.get("apikey") if isinstance(body, dict) else None
    return key if isinstance(key, str) else ""
