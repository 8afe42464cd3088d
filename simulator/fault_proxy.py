"""An HTTP proxy that misbehaves by plan: between a client and a simulated broker, on real sockets."""

import http.client
import os
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from simulator.wire_faults import Fault, FaultPlan

_UPSTREAM_SECONDS = 10.0
_KEPT_SECONDS = 3.0  # how old an answer is that a stale read gives


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content_type: str
    body: bytes


class FaultProxy:
    """Serves on a free port of loopback from `start` to `stop`; a context manager."""

    def __init__(self, upstream: str, plan: FaultPlan | None = None) -> None:
        self.plan = plan or FaultPlan()
        self._memory = _Memory()
        self._server = _Server(upstream, self.plan, self._memory)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def redirect(self, upstream: str) -> None:
        """Forward to another server from now on: the first one died and came back elsewhere."""
        self._server.upstream = upstream

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, name="fault-proxy", daemon=True).start()

    def stop(self) -> None:
        self._server.ending.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> "FaultProxy":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Memory:
    """Earlier answers to reads, for those that are to be stale."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, str], deque[tuple[float, _Answer]]] = {}

    def keep(self, key: tuple[str, str], answer: _Answer) -> None:
        with self._lock:
            kept = self._answers.setdefault(key, deque(maxlen=64))
            kept.append((time.monotonic(), answer))

    def old(self, key: tuple[str, str]) -> _Answer | None:
        """Return the newest answer that is old enough, else the oldest there is."""
        with self._lock:
            kept = list(self._answers.get(key, ()))
        old = [answer for at, answer in kept if time.monotonic() - at >= _KEPT_SECONDS]
        return old[-1] if old else (kept[0][1] if kept else None)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, upstream: str, plan: FaultPlan, memory: _Memory) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.plan = plan
        self.memory = memory
        self.ending = threading.Event()

    def serve_forever(self, poll_interval: float = 0.02) -> None:
        """Serve until shut down, which is noticed within poll_interval seconds."""
        super().serve_forever(poll_interval)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: broken connections are what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]  # made by no other

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        fault = self._fault(body)
        if not self._reached(fault):
            return
        answer = self._answer_of(fault, body)
        self.server.ending.wait(fault.wait_after)
        if answer is None or fault.closes_after:
            self._reset()
        else:
            self._send(answer, cut=fault.cuts_body)

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def _fault(self, body: bytes) -> Fault:
        return self.server.plan.fault_for(
            self.command,
            self.path,
            body=body.decode("utf-8", "replace"),
            client=self.headers.get("Authorization", ""),
        )

    def _reached(self, fault: Fault) -> bool:
        """Wait as long as the fault says, and say whether the call goes on from here."""
        self.server.ending.wait(fault.wait_before)
        if fault.closes_before:
            self._reset()
            return False
        return True

    def _answer_of(self, fault: Fault, body: bytes) -> _Answer | None:
        if fault.answers_itself is not None:
            return _made_up(fault.answers_itself)
        key = self.headers.get("Authorization", ""), self.path
        if fault.replays and (old := self.server.memory.old(key)) is not None:
            return old
        answer = self._asked(body)
        if answer is not None and self.command == "GET":
            self.server.memory.keep(key, answer)
        return answer if fault.answers_instead is None else _made_up(fault.answers_instead)

    def _asked(self, body: bytes) -> _Answer | None:
        """Return the server's answer, None when it has none."""
        connection = http.client.HTTPConnection(
            urlsplit(self.server.upstream).netloc, timeout=_UPSTREAM_SECONDS
        )
        kept = {name: value for name, value in self.headers.items() if name.lower() not in _OURS}
        try:
            connection.request(self.command, self.path, body=body or None, headers=kept)
            response = connection.getresponse()
            return _Answer(response.status, response.headers.get("Content-Type", ""), response.read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _send(self, answer: _Answer, *, cut: bool) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
        self.wfile.flush()
        if cut:
            self._reset()

    def _reset(self) -> None:
        """Close so that the client gets RST, not FIN."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())  # a plain close waits for the files made of the socket


_OURS = frozenset({"host", "connection", "content-length", "accept-encoding"})


def _made_up(told: tuple[int, bytes]) -> _Answer:
    status, body = told
    kind = "application/json" if body.startswith(b"{") else "text/html"
    return _Answer(status, kind, body)
