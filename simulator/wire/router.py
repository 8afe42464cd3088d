"""Which path is which endpoint, who may call it, and how its outcome becomes an answer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule

from simulator.refusals import Refused
from simulator.wire.calls import Call, Reply, encoded
from simulator.wire.desk import Desk
from simulator.wire.dialect import Dialect
from simulator.wire.failures import Complaint, Trouble, WireFailure
from simulator.wire.limits import SlidingLimits

D = TypeVar("D", bound=Desk)
Endpoint = Callable[[D, Call], Any]
Route = tuple[str, str, Endpoint[D]]  # method, path, what answers it: a Reply, or data for the envelope


class Router(Generic[D]):
    """Answers calls. Thread-safe, as what it works on is.

    Private routes need a token and count against the user's limits; open ones do neither. Paths below /sim
    have one envelope at every broker: `{"status": "success", "data": ...}`.
    """

    def __init__(
        self,
        desk: D,
        *,
        dialect: Dialect,
        private: Sequence[Route[D]],
        public: Sequence[Route[D]],
        limits: SlidingLimits | None,
    ) -> None:
        self._desk = desk
        self._dialect = dialect
        self._limits = limits
        self._public = frozenset(endpoint for _, _, endpoint in public)
        rules = [Rule(path, methods=[method], endpoint=end) for method, path, end in (*private, *public)]
        self._urls = Map(rules, strict_slashes=False, merge_slashes=False).bind("broker")

    def answer(self, call: Call) -> Reply:
        """Return the whole answer to a call, whatever it comes to."""
        reply = self._answer(call)
        self._desk.tally.count(self._dialect.client_of(call), call, status=reply.status)
        return reply

    def refused(self, call: Call, exc: WireFailure | Complaint | Refused) -> Reply:
        """Return the answer for what went wrong."""
        match exc:
            case Refused():
                exc = self._dialect.refusal(exc)
            case Complaint():
                exc = self._dialect.complaint(exc)
            case _:
                pass
        return _own_failure(exc) if call.is_own else self._dialect.failure(exc)

    def _answer(self, call: Call) -> Reply:
        try:
            data = self._carried_out(call)
        except (WireFailure, Complaint, Refused) as exc:
            return self.refused(call, exc)
        if isinstance(data, Reply):
            return data
        return _own_success(data) if call.is_own else self._dialect.success(data)

    def _carried_out(self, call: Call) -> Any:
        endpoint, words = self._found(call)
        call = replace(call, path_words=words)
        if endpoint in self._public:
            return endpoint(self._desk, call)
        app = self._dialect.app_of(self._desk.sessions, call)
        if self._limits is not None:
            self._limits.count(app.user_id, method=call.method, path=call.path)
        with self._desk.journal.acting(app.api_key):
            return endpoint(self._desk, replace(call, user_id=app.user_id))

    def _found(self, call: Call) -> tuple[Endpoint[D], dict[str, str]]:
        try:
            endpoint, words = self._urls.match(call.path, method=call.method)
        except MethodNotAllowed as exc:
            raise Complaint(Trouble.WRONG_METHOD, "Method not allowed.") from exc
        except HTTPException as exc:
            raise Complaint(Trouble.NO_ROUTE, "Route not found") from exc
        found: Endpoint[D] = endpoint
        return found, dict(words)


def _own_success(data: object) -> Reply:
    return Reply(200, encoded({"status": "success", "data": data}))


def _own_failure(failure: WireFailure) -> Reply:
    told = {"status": "error", "message": failure.message, "error_type": failure.code, "data": None}
    return Reply(failure.status, encoded(told))
