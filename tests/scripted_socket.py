"""A WebSocket server that says to its clients exactly what a script says, and notes what they say."""

import contextlib
import json
import queue
import socket
from collections.abc import Callable
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Message,
    RejectConnection,
    Request,
    TextMessage,
)

from tests.scripted_server import Peer, ScriptedServer

Speech = Callable[["Talk"], None]


class Talk:
    """The server's end of one connection, accepted or about to be refused."""

    def __init__(self, connection: socket.socket, heard: "queue.SimpleQueue[dict[str, Any]]") -> None:
        self._socket = connection
        self._ws = WSConnection(ConnectionType.SERVER)
        self._heard = heard

    def read_target(self) -> str:
        """Return the address the client asked for."""
        while True:
            for event in self._ws.events():
                if isinstance(event, Request):
                    return event.target
            received = self._socket.recv(65536)
            if not received:
                raise ConnectionError("the client left before it asked")
            self._ws.receive_data(received)

    def accept(self) -> None:
        self._send(AcceptConnection())

    def refuse(self, status: int) -> None:
        self._send(RejectConnection(status_code=status))

    def say(self, content: bytes | dict[str, Any] | str) -> None:
        """Send a binary frame, or text: JSON of a dictionary, or the text itself."""
        if isinstance(content, bytes):
            self._send(BytesMessage(data=content))
        else:
            self._send(TextMessage(data=content if isinstance(content, str) else json.dumps(content)))

    def say_raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def frame(self, content: bytes) -> bytes:
        """Return a binary frame as it goes over the wire, to be sent in parts."""
        return self._ws.send(BytesMessage(data=content))

    def close(self) -> None:
        self._send(CloseConnection(code=1000))

    def listen(self, *, words: int | None = None) -> None:
        """Note what the client says until it leaves, or has said so many words."""
        heard = 0
        while words is None or heard < words:
            received = self._socket.recv(65536)
            if not received:
                return
            self._ws.receive_data(received)
            for event in self._ws.events():
                if isinstance(event, Message):
                    self._heard.put(json.loads(event.data))
                    heard += 1
                elif isinstance(event, CloseConnection):
                    return

    def _send(self, event: Any) -> None:
        self._socket.sendall(self._ws.send(event))


class ScriptedSocket:
    """Plays the n-th speech on the n-th connection, the last one on all later ones; a context manager."""

    def __init__(self, *speeches: Speech) -> None:
        self.targets: list[str] = []
        self.heard: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._server = ScriptedServer(*(self._script(speech) for speech in speeches))

    @property
    def root(self) -> str:
        return f"ws://{self._server.address}"

    @property
    def connections(self) -> int:
        return self._server.connections

    def next_word(self) -> dict[str, Any]:
        """Return the next thing a client said; waits for it."""
        return self.heard.get(timeout=10)

    def __enter__(self) -> "ScriptedSocket":
        self._server.__enter__()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._server.__exit__(*exc_info)

    def _script(self, speech: Speech) -> Callable[[Peer], None]:
        def play(peer: Peer) -> None:
            talk = Talk(peer.connection, self.heard)
            with contextlib.suppress(OSError):  # the client left first
                self.targets.append(talk.read_target())
                speech(talk)

        return play


def speaking(*contents: bytes | dict[str, Any] | str) -> Speech:
    """Accept, say each of these, and then listen until the client leaves."""

    def speech(talk: Talk) -> None:
        talk.accept()
        for content in contents:
            talk.say(content)
        talk.listen()

    return speech


def refusing(status: int) -> Speech:
    return lambda talk: talk.refuse(status)


def leaving(*contents: bytes | dict[str, Any] | str) -> Speech:
    """Accept, say each of these, and close."""

    def speech(talk: Talk) -> None:
        talk.accept()
        for content in contents:
            talk.say(content)
        talk.close()

    return speech
