"""An HTTP proxy that misbehaves by plan: between a client and a simulated broker, on real sockets."""

import http.client
import threading
from types import TracebackType
from urllib.parse import urlsplit

from simulator.faulty_http import Answer, FaultyHandler, FaultyServer
from simulator.wire_faults import FaultPlan

_UPSTREAM_SECONDS = 10.0


class FaultProxy:
    """Serves on a free port of loopback from `start` to `stop`; a context manager."""

    def __init__(self, upstream: str, plan: FaultPlan | None = None) -> None:
        self.plan = plan or FaultPlan()
        self._server = _Server(upstream, self.plan)
        self.url = self._server.url

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


class _Server(FaultyServer):
    def __init__(self, upstream: str, plan: FaultPlan) -> None:
        super().__init__(0, _Handler, plan=plan)
        self.upstream = upstream


class _Handler(FaultyHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]  # made by no other

    def asked(self, body: bytes) -> Answer | None:
        connection = http.client.HTTPConnection(
            urlsplit(self.server.upstream).netloc, timeout=_UPSTREAM_SECONDS
        )
        kept = {name: value for name, value in self.headers.items() if name.lower() not in _OURS}
        try:
            connection.request(self.command, self.path, body=body or None, headers=kept)
            response = connection.getresponse()
            return Answer(response.status, response.headers.get("Content-Type", ""), response.read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


_OURS = frozenset({"host", "connection", "content-length", "accept-encoding"})
