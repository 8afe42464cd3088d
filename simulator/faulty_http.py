"""An HTTP handler that misbehaves by plan, whatever stands behind it; see simulator/wire_faults.py."""

import os
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from simulator.wire_faults import Fault, FaultPlan

_KEPT_SECONDS = 3.0  # how old an answer is that a stale read gives
_MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of the server behind."""

    status: int
    content_type: str
    body: bytes
    headers: Sequence[tuple[str, str]] = ()


class _Memory:
    """Earlier answers to reads, for those that are to be stale."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, str], deque[tuple[float, Answer]]] = {}

    def keep(self, key: tuple[str, str], answer: Answer) -> None:
        with self._lock:
            kept = self._answers.setdefault(key, deque(maxlen=64))
            kept.append((time.monotonic(), answer))

    def old(self, key: tuple[str, str]) -> Answer | None:
        """Return the newest answer that is old enough, else the oldest there is."""
        with self._lock:
            kept = list(self._answers.get(key, ()))
        old = [answer for at, answer in kept if time.monotonic() - at >= _KEPT_SECONDS]
        return old[-1] if old else (kept[0][1] if kept else None)


class FaultyServer(ThreadingHTTPServer):
    """Serves loopback, a thread for each connection, until `end`. port 0 takes a free one."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self,
        port: int,
        handler: type["FaultyHandler"],
        *,
        plan: FaultPlan,
        client_header: str = "Authorization",
    ) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.plan = plan
        self.client_header = client_header  # what a rule knows a client by
        self.memory = _Memory()
        self.ending = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def serve_forever(self, poll_interval: float = 0.02) -> None:
        """Serve until shut down, which is noticed within poll_interval seconds."""
        super().serve_forever(poll_interval)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: broken connections are what this server is for."""


class FaultyHandler(BaseHTTPRequestHandler):
    """Gives each call the fate the server's plan has for it. `asked` is what a subclass adds."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    server: FaultyServer  # pyright: ignore[reportIncompatibleVariableOverride]  # made by no other

    def asked(self, body: bytes) -> Answer | None:
        """Return what the server behind answers, None when it does not."""
        raise NotImplementedError

    def do_GET(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _MOST_BYTES:
            self.close_connection = True
            self.send(Answer(400, "text/plain", b"Invalid Content-Length."))
            return
        body = self.rfile.read(int(length))
        fault = self.fault(body)
        if self.reached(fault):
            self._answer(fault, body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def fault(self, body: bytes) -> Fault:
        """Return what is to happen to this call; counts it."""
        return self.server.plan.fault_for(
            self.command,
            self.path,
            body=body.decode("utf-8", "replace"),
            client=self._client(),
        )

    def reached(self, fault: Fault) -> bool:
        """Wait as long as the fault says, and say whether the call goes on from here."""
        self.server.ending.wait(fault.wait_before)
        if fault.closes_before:
            self._reset()
            return False
        return True

    def send(self, answer: Answer, *, cut: bool = False) -> None:
        """Send an answer, or half of it and a reset."""
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
        self.wfile.flush()
        if cut:
            self._reset()

    def _client(self) -> str:
        return self.headers.get(self.server.client_header, "")

    def _answer(self, fault: Fault, body: bytes) -> None:
        answer = self._answer_of(fault, body)
        self.server.ending.wait(fault.wait_after)
        if answer is None or fault.closes_after:
            self._reset()
        else:
            self.send(answer, cut=fault.cuts_body)

    def _answer_of(self, fault: Fault, body: bytes) -> Answer | None:
        if fault.answers_itself is not None:
            return made_up(fault.answers_itself)
        key = self._client(), self.path
        if fault.replays and (old := self.server.memory.old(key)) is not None:
            return old
        answer = self.asked(body)
        if answer is not None and self.command == "GET":
            self.server.memory.keep(key, answer)
        return answer if fault.answers_instead is None else made_up(fault.answers_instead)

    def _reset(self) -> None:
        """Close so that the client gets RST, not FIN."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())  # a plain close waits for the files made of the socket


def made_up(told: tuple[int, bytes]) -> Answer:
    """Return an answer no server gave."""
    status, body = told
    kind = "application/json" if body.startswith(b"{") else "text/html"
    return Answer(status, kind, body)
