"""What a process that serves nobody says of itself: /metrics, /healthz and /readyz, to this machine only."""

import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.exceptions import NotFound
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

OPEN = frozenset({"/metrics", "/healthz", "/readyz"})
LOOPBACK = "127.0.0.1"


def bound(port: int) -> socket.socket:
    """Take the port, before any work begins. Raises OSError when another has it."""
    return socket.create_server((LOOPBACK, port))


def vitals_server(app: "WSGIApplication", listening: socket.socket) -> BaseWSGIServer:
    """Return a server of the few open addresses of an app; a thread has to run it."""
    port = listening.getsockname()[1]
    gate = _Gate(app)
    return make_server(LOOPBACK, port, gate, threaded=True, request_handler=_Quiet, fd=listening.fileno())


class _Gate:
    """Lets through what is open. Whoever asks a worker for anything else is at the wrong address."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        is_open = environ.get("PATH_INFO") in OPEN and environ.get("REQUEST_METHOD") == "GET"
        return self._app(environ, start_response) if is_open else NotFound()(environ, start_response)


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Leave the log to what the worker does."""
