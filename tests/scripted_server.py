"""A TCP server that does to its clients exactly what a script says, down to the byte."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType

ANSWER_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answer(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    """Return a whole HTTP/1.1 answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket, server: "ScriptedServer") -> None:
        self.connection = connection
        self._server = server

    def read_request(self) -> bytes:
        """Return the next whole request, and note it in the server's list; b"" when the client left."""
        received = b""
        while b"\r\n\r\n" not in received:
            part = self.connection.recv(65536)
            if not part:
                return b""
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        while len(body) < _content_length(head):
            body += self.connection.recv(65536)
        self._server.requests.append(head + b"\r\n\r\n" + body)
        return self._server.requests[-1]

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def drip(self, data: bytes, *, every: float) -> None:
        """Send one byte each `every` seconds until the client leaves or the test ends."""
        for byte in data:
            if self._server.ending.wait(every):
                return
            self.send(bytes([byte]))

    def await_a_byte(self) -> None:
        """Wait until something has arrived, without reading it."""
        self.connection.recv(1, socket.MSG_PEEK)

    def reset(self) -> None:
        """Close so that the client gets RST, not FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def close(self) -> None:
        self.connection.close()

    def hang(self) -> None:
        """Say nothing until the test ends."""
        self._server.ending.wait(30)


Script = Callable[[Peer], None]


class ScriptedServer:
    """Runs the n-th script on the n-th connection, the last one on all later ones; a context manager."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.ending = threading.Event()
        self._scripts = scripts
        self._tls = tls
        self._peers: list[tuple[threading.Thread, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._acceptor = threading.Thread(target=self._accept, name="scripted-server")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def root(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.address}"

    def __enter__(self) -> "ScriptedServer":
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ending.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        for thread, connection in self._peers:
            with contextlib.suppress(OSError):  # closed by its script
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()

    def _accept(self) -> None:
        while not self.ending.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            thread = threading.Thread(target=self._play, args=(script, connection), name="scripted-peer")
            self._peers.append((thread, connection))
            thread.start()

    def _play(self, script: Script, connection: socket.socket) -> None:
        connection.settimeout(10)
        with connection, contextlib.suppress(OSError):  # the client left first
            if self._tls is None:
                script(Peer(connection, self))
                return
            with self._tls.wrap_socket(connection, server_side=True) as wrapped:
                script(Peer(wrapped, self))


def serve(*answers: bytes) -> Script:
    """Answer the connection's requests in turn, then wait for the client to leave."""

    def script(peer: Peer) -> None:
        for each in answers:
            if not peer.read_request():
                return
            peer.send(each)
        peer.read_request()

    return script


def serve_forever(each: bytes) -> Script:
    """Give every request the same answer."""

    def script(peer: Peer) -> None:
        while peer.read_request():
            peer.send(each)

    return script


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
