"""HTTP answers that must be whole by a deadline. A socket's own time-out starts anew with every byte."""

import io
import socket
from http.client import HTTPResponse
from typing import Any

from utils.clock import elapsed_timer


class TimedReader(io.RawIOBase):
    """Reads a socket until a deadline.

    Without it a server that drips one byte each second would hold the call, and what waits behind it,
    for hours.
    """

    def __init__(self, source: io.RawIOBase, sock: socket.socket, *, seconds: float) -> None:
        self._source = source
        self._sock = sock
        self._ends = elapsed_timer() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends - elapsed_timer()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left)
        return self._source.readinto(buffer)

    def close(self) -> None:
        self._source.close()
        super().close()


class TimedResponse(HTTPResponse):
    """An answer whose head and body are read within the connection's read time-out, all in all."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        seconds = sock.gettimeout()  # urllib3 has just set it to the read time-out
        if seconds is None:
            raise TimeoutError("no read time-out was set")
        self.fp = io.BufferedReader(TimedReader(self.fp.detach(), sock, seconds=seconds))
