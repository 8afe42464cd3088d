"""Kite's ways: its envelope, its exceptions, and the Authorization header by which it knows an app."""

from simulator.kite.calls import Call, Reply, success
from simulator.kite.calls import failure as error
from simulator.kite.failures import failure_of, kite_failure
from simulator.kite.sessions import app_of
from simulator.refusals import Refused
from simulator.wire.failures import Complaint, WireFailure
from simulator.wire.sessions import App, Sessions


class KiteDialect:
    """Satisfies Dialect."""

    def success(self, data: object) -> Reply:
        return success(data)

    def failure(self, failure: WireFailure) -> Reply:
        return error(failure.status, failure.code, failure.message)

    def refusal(self, refused: Refused) -> WireFailure:
        return failure_of(refused)

    def complaint(self, complaint: Complaint) -> WireFailure:
        return kite_failure(complaint)

    def client_of(self, call: Call) -> str:
        return call.authorization.partition(" ")[2].partition(":")[0]

    def app_of(self, sessions: Sessions, call: Call) -> App:
        return app_of(sessions, call.authorization)
