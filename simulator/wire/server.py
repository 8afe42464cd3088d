"""The HTTP server: keep-alive connections, a thread each; a socket begins as one of its calls."""

import socket
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from simulator.faulty_http import Answer, FaultyHandler, FaultyServer, made_up
from simulator.wire.calls import OWN, Call, Reply
from simulator.wire.failures import Complaint, WireFailure
from simulator.wire_faults import PASS, Fault, FaultPlan


class Admission(Protocol):
    """A client's place among the sockets, kept from the moment it was let in."""

    def serve(self, connection: socket.socket, head: Mapping[str, str]) -> None:
        """Shake hands and serve until either side ends it; head is the request's, as WSGI has it."""
        ...


AdmitSocket = Callable[[Call], Admission]
Answering = Callable[[Call], Reply]
Refusing = Callable[[Call, WireFailure | Complaint], Reply]


class WireServer(FaultyServer):
    """Serves on loopback until shut down. port 0 takes a free one.

    client_header is what a rule of faults knows a client by. With `sockets` set, upgrades are let in by it,
    and refused by `refusing`.
    """

    def __init__(
        self,
        port: int,
        answer: Answering,
        *,
        plan: FaultPlan | None = None,
        client_header: str = "Authorization",
    ) -> None:
        super().__init__(port, _Handler, plan=plan or FaultPlan(), client_header=client_header)
        self.answer = answer
        self.sockets: AdmitSocket | None = None
        self.refusing: Refusing | None = None

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.server_port}"


class _Handler(FaultyHandler):
    server: WireServer  # pyright: ignore[reportIncompatibleVariableOverride]  # made by no other

    def do_GET(self) -> None:
        if self.server.sockets is not None and self.headers.get("Upgrade", "").lower() == "websocket":
            self._become_socket(self.server.sockets)
        else:
            super().do_GET()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

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
            headers={name.lower(): value for name, value in self.headers.items()},
            form=dict(parse_qsl(body.decode("utf-8", "replace"))) if is_form else {},
            query=parse_qsl(parts.query),
            body=body,
        )

    def _become_socket(self, admit: AdmitSocket) -> None:
        self.close_connection = True
        fault = self.fault(b"")
        if not self.reached(fault):
            return
        if fault.answers_itself is not None:
            self.send(made_up(fault.answers_itself))
            return
        call = self._call(b"")
        try:
            one = admit(call)
        except (WireFailure, Complaint) as exc:
            if self.server.refusing is not None:
                self.send(_answer(self.server.refusing(call, exc)))
            return
        head = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()}
        one.serve(self.connection, head)


def _answer(reply: Reply) -> Answer:
    return Answer(reply.status, reply.content_type, reply.body, reply.headers)
