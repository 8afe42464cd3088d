"""The HTTP server: keep-alive connections, a thread each; a socket begins as one of its calls."""

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from simulator.faulty_http import Answer, FaultyHandler, FaultyServer, made_up
from simulator.kite.calls import Call, Reply, failure
from simulator.kite.failures import KiteFailure
from simulator.kite.sockets import SocketHub
from simulator.wire_faults import PASS, Fault, FaultPlan

OWN = "/sim/"  # what a test steers the simulator by: no fault ever touches it


class KiteServer(FaultyServer):
    """Serves on loopback until shut down. port 0 takes a free one."""

    def __init__(
        self,
        port: int,
        answer: Callable[[Call], Reply],
        *,
        plan: FaultPlan | None = None,
        sockets: SocketHub | None = None,
    ) -> None:
        super().__init__(port, _Handler, plan=plan or FaultPlan())
        self.answer = answer
        self.sockets = sockets

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.server_port}"


class _Handler(FaultyHandler):
    server: KiteServer  # pyright: ignore[reportIncompatibleVariableOverride]  # made by no other

    def do_GET(self) -> None:
        if self.server.sockets is not None and self.headers.get("Upgrade", "").lower() == "websocket":
            self._become_socket(self.server.sockets)
        else:
            super().do_GET()

    do_POST = do_PUT = do_DELETE = do_GET

    def fault(self, body: bytes) -> Fault:
        return PASS if self.path.startswith(OWN) else super().fault(body)

    def asked(self, body: bytes) -> Answer | None:
        return _answer(self.server.answer(self._call(body)))

    def _call(self, body: bytes) -> Call:
        parts = urlsplit(self.path)
        is_form = "form-urlencoded" in self.headers.get("Content-Type", "")
        return Call(
            method=self.command,
            path=parts.path,
            authorization=self.headers.get("Authorization", ""),
            form=dict(parse_qsl(body.decode("utf-8", "replace"))) if is_form else {},
            query=parse_qsl(parts.query),
            body=body,
        )

    def _become_socket(self, sockets: SocketHub) -> None:
        self.close_connection = True
        fault = self.fault(b"")
        if not self.reached(fault):
            return
        query = dict(parse_qsl(urlsplit(self.path).query))
        if fault.answers_itself is not None:
            self.send(made_up(fault.answers_itself))
            return
        try:
            one = sockets.admit(query)
        except KiteFailure as exc:
            self.send(_answer(failure(exc.status, exc.error_type, exc.message)))
            return
        head = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()}
        sockets.serve(one, self.connection, head)


def _answer(reply: Reply) -> Answer:
    return Answer(reply.status, reply.content_type, reply.body, reply.headers)
