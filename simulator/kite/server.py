"""The HTTP server: keep-alive connections, a thread each, every answer in one write."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from simulator.kite.calls import Call, Reply, failure

Answer = Callable[[Call], Reply]

_MOST_BYTES = 1024 * 1024


class KiteServer(ThreadingHTTPServer):
    """Serves on loopback until shut down. port 0 takes a free one."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, answer: Answer) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answer = answer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def serve_forever(self, poll_interval: float = 0.02) -> None:
        """Serve until shut down, which is noticed within poll_interval seconds."""
        super().serve_forever(poll_interval)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that leave in the middle of a call: that is what they are tested with."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    server: KiteServer  # pyright: ignore[reportIncompatibleVariableOverride]  # made by no other

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: paths hold no secret, but a test's output has no use for them."""

    def _handle(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _MOST_BYTES:
            self.close_connection = True
            self._send(failure(400, "InputException", "Invalid Content-Length."))
            return
        self._send(self.server.answer(self._call(self.rfile.read(int(length)))))

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

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
