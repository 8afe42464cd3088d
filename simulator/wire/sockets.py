"""WebSockets of any simulated broker: who is connected, what waits to be said, and a heartbeat."""

import socket
import threading
import time
from collections.abc import Mapping
from typing import Generic, TypeVar

import simple_websocket

from simulator.wire.calls import Call
from simulator.wire.desk import Desk
from simulator.wire.failures import Complaint, Trouble

METHOD = "SOCKET"  # what a rule of faults names to concern messages; its path is the kind of message
_ROUND = 0.1  # seconds between two looks at whether the token still lives
_BEAT = 1.0
_MOST_BYTES = 1024 * 1024


class WireSocket:
    """One client: what it wants, and what waits to be sent to it. A broker's own says the rest.

    `api_key` and `user_id` are empty until it is known who speaks. heartbeat, if any, is said each second.
    """

    heartbeat: str | bytes | None = None

    def __init__(self, desk: Desk, *, api_key: str = "", user_id: str = "") -> None:
        self.api_key = api_key
        self.user_id = user_id
        self._desk = desk
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._waiting: list[tuple[str, str | bytes]] = []  # kind, message
        self._ending = threading.Event()

    def obey(self, text: str | bytes) -> None:
        """Take what the client says."""

    def is_welcome(self) -> bool:
        """Whether it may stay: whether its token still lives."""
        return True

    def news(self) -> list[tuple[str, str | bytes]]:
        """Return what there is to say beside what was put by."""
        return []

    def on_beat(self) -> None:
        """Do what is to be done each second."""

    def put(self, kind: str, content: str | bytes) -> None:
        """Have something said; kind is what rules of faults call it."""
        with self._lock:
            self._waiting.append((kind, content))
        self._wake.set()

    def run(self, web_socket: simple_websocket.Server) -> None:
        """Serve: this thread listens to the client, another one talks to it."""
        talker = threading.Thread(target=self._talk, args=(web_socket,), name="socket-talker", daemon=True)
        talker.start()
        try:
            while web_socket.connected:
                text = web_socket.receive(timeout=_BEAT)
                if text is not None:
                    self.obey(text)
        except simple_websocket.ConnectionClosed:
            pass  # whichever side it was
        self.end()
        talker.join()

    def end(self) -> None:
        self._ending.set()
        self._wake.set()

    def _talk(self, web_socket: simple_websocket.Server) -> None:
        next_beat = time.monotonic() + _BEAT
        try:
            while not self._ending.is_set() and self.is_welcome():
                self._wake.wait(_ROUND)
                self._wake.clear()
                for kind, content in [*self._taken(), *self.news()]:
                    self._send(web_socket, kind, content)
                if time.monotonic() >= next_beat:
                    next_beat += _BEAT
                    self.on_beat()
                    if self.heartbeat is not None:
                        self._send(web_socket, "heartbeat", self.heartbeat)
            web_socket.close()
        except (simple_websocket.ConnectionClosed, OSError):
            pass  # the client left: its listening thread hears of it too

    def _taken(self) -> list[tuple[str, str | bytes]]:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        return waiting

    def _send(self, web_socket: simple_websocket.Server, kind: str, content: str | bytes) -> None:
        fault = self._desk.plan.fault_for(METHOD, kind, body="", client=self.api_key)
        if fault.wait_before:
            self._ending.wait(fault.wait_before)
        if fault.closes_before:
            return
        for _ in range(1 + fault.repeats):
            web_socket.send(content)
        if fault.closes_after:
            self._ending.set()


S = TypeVar("S", bound=WireSocket)


class SocketHub(Generic[S]):
    """The open sockets of all apps. Thread-safe; each socket is served by the thread that brings it."""

    def __init__(self, desk: Desk, *, most: int) -> None:
        """most is how many sockets one app may have."""
        self._most = most
        self._lock = threading.Lock()
        self._open: list[S] = []
        desk.count_sockets = self.count
        desk.cut_sockets = self.cut

    def opened(self, call: Call) -> S:
        """Return a socket for the client that asks for one. Raises WireFailure or Complaint."""
        raise NotImplementedError

    def admit(self, call: Call) -> "Seat[S]":
        """Return a place for a client. Raises WireFailure or Complaint.

        It gathers news from now on: a client that has shaken hands misses nothing.
        """
        one = self.opened(call)
        with self._lock:
            if sum(1 for other in self._open if other.api_key == one.api_key != "") >= self._most:
                raise Complaint(Trouble.TOO_MANY, "Too many requests")
            self._open.append(one)
        return Seat(self, one)

    def sockets(self) -> tuple[S, ...]:
        """Return those that are open now."""
        with self._lock:
            return tuple(self._open)

    def tell(self, user_id: str, kind: str, content: str | bytes) -> None:
        """Say something to every socket of a user."""
        for one in self.sockets():
            if one.user_id == user_id:
                one.put(kind, content)

    def count(self, api_key: str) -> int:
        """Return how many sockets an app has open, everybody's for an empty key."""
        return len(self._of(api_key))

    def cut(self, api_key: str) -> int:
        """Close an app's sockets, every app's for an empty key; return how many there were."""
        concerned = self._of(api_key)
        for one in concerned:
            one.end()
        return len(concerned)

    def leave(self, one: S) -> None:
        with self._lock:
            self._open.remove(one)

    def _of(self, api_key: str) -> list[S]:
        return [one for one in self.sockets() if api_key in ("", one.api_key)]


class Seat(Generic[S]):
    """A client's place among the sockets."""

    def __init__(self, hub: SocketHub[S], one: S) -> None:
        self._hub = hub
        self._one = one

    def serve(self, connection: socket.socket, head: Mapping[str, str]) -> None:
        """Shake hands and serve until either side ends it. head is the request's, as WSGI has it."""
        whole = {**head, "werkzeug.socket": _OneAtATime(connection)}
        try:
            self._one.run(simple_websocket.Server.accept(whole, max_message_size=_MOST_BYTES))
        except simple_websocket.ConnectionError:
            pass  # no handshake a WebSocket begins with
        finally:
            self._hub.leave(self._one)


class _OneAtATime:
    """A socket two threads write to: what one sends arrives whole, never inside what the other sends."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self.recv = connection.recv
        self.close = connection.close
        self.fileno = connection.fileno

    def send(self, data: bytes) -> int:
        with self._lock:
            self._connection.sendall(data)
        return len(data)
