"""The ticker's sockets: prices to those who subscribed, order updates to everyone, a heartbeat a second."""

import socket
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import simple_websocket

from simulator.kite.desk import Desk
from simulator.kite.failures import KiteFailure
from simulator.kite.journal import Update
from simulator.kite.sessions import App
from simulator.kite.ticks import HEARTBEAT, TickMode, message, packet
from simulator.kite.updates import update_row
from simulator.orders import Key

METHOD = "SOCKET"  # what a rule of faults names to concern messages; its path is order, tick or heartbeat
MOST_SOCKETS = 3  # of one app
MOST_INSTRUMENTS = 3000  # of one socket
_ROUND = 0.1  # seconds between two looks at whether the token still lives
_BEAT = 1.0
_MOST_BYTES = 1024 * 1024
_encoder = msgspec.json.Encoder(decimal_format="number")


class _Wish(msgspec.Struct):
    """`{"a": "subscribe", "v": [tokens]}` or `{"a": "mode", "v": ["full", [tokens]]}`."""

    a: str
    v: Any


class SocketHub:
    """The open sockets of all apps. Thread-safe; each socket is served by the thread that brings it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._open: list[TickerSocket] = []
        desk.count_sockets = self.count
        desk.cut_sockets = self.cut
        desk.journal.listen(self._order_changed)
        desk.exchange.listen_prices(self._prices_moved)

    def admit(self, query: Mapping[str, str]) -> "TickerSocket":
        """Return a place for the client whose token a socket's address carries. Raises KiteFailure.

        It gathers news from now on: a client that has shaken hands misses nothing.
        """
        app = self._desk.sessions.app_of(f"token {query.get('api_key', '')}:{query.get('access_token', '')}")
        one = TickerSocket(self._desk, app, token=query["access_token"])
        with self._lock:
            if sum(1 for other in self._open if other.app.api_key == app.api_key) >= MOST_SOCKETS:
                raise KiteFailure(429, "NetworkException", "Too many requests")
            self._open.append(one)
        return one

    def serve(self, one: "TickerSocket", connection: socket.socket, head: Mapping[str, str]) -> None:
        """Shake hands and serve until either side ends it. head is the request's, as WSGI has it."""
        whole = {**head, "werkzeug.socket": _OneAtATime(connection)}
        try:
            one.run(simple_websocket.Server.accept(whole, max_message_size=_MOST_BYTES))
        except simple_websocket.ConnectionError:
            pass  # no handshake a WebSocket begins with
        finally:
            with self._lock:
                self._open.remove(one)

    def count(self, api_key: str) -> int:
        """Return how many sockets an app has open, everybody's for an empty key."""
        return len(self._of(api_key))

    def cut(self, api_key: str) -> int:
        """Close an app's sockets, every app's for an empty key; return how many there were."""
        concerned = self._of(api_key)
        for one in concerned:
            one.end()
        return len(concerned)

    def _of(self, api_key: str) -> "list[TickerSocket]":
        with self._lock:
            return [one for one in self._open if api_key in ("", one.app.api_key)]

    def _order_changed(self, update: Update) -> None:
        if not update.is_told:
            return
        with self._lock:
            concerned = [one for one in self._open if one.app.user_id == update.order.account_id]
        text = _encoder.encode({"type": "order", "data": update_row(self._desk, update)}).decode()
        for one in concerned:
            one.put_order(text)

    def _prices_moved(self, keys: frozenset[Key]) -> None:
        moved = {self._desk.token_of(key) for key in keys}
        moved |= {self._desk.token_of(index) for key in keys for index in self._desk.followers(key)}
        with self._lock:
            sockets = tuple(self._open)
        for one in sockets:
            one.prices_moved(moved)


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


class TickerSocket:
    """One client: what it wants, and what waits to be sent to it."""

    def __init__(self, desk: Desk, app: App, *, token: str) -> None:
        self.app = app
        self._desk = desk
        self._token = token
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._modes: dict[int, TickMode] = {}
        self._moved: set[int] = set()
        self._texts: list[tuple[str, str]] = []  # kind, message
        self._ending = threading.Event()

    def run(self, web_socket: simple_websocket.Server) -> None:
        """Serve: this thread listens to the client, another one talks to it."""
        talker = threading.Thread(target=self._talk, args=(web_socket,), name="kite-ticker", daemon=True)
        talker.start()
        try:
            while web_socket.connected:
                text = web_socket.receive(timeout=_BEAT)
                if text is not None:
                    self._obey(text)
        except simple_websocket.ConnectionClosed:
            pass  # whichever side it was
        self.end()
        talker.join()

    def end(self) -> None:
        self._ending.set()
        self._wake.set()

    def put_order(self, text: str) -> None:
        self._put("order", text)

    def prices_moved(self, tokens: Iterable[int]) -> None:
        with self._lock:
            concerned = self._modes.keys() & tokens
            self._moved |= concerned
        if concerned:
            self._wake.set()

    def _put(self, kind: str, text: str) -> None:
        with self._lock:
            self._texts.append((kind, text))
        self._wake.set()

    def _obey(self, text: str | bytes) -> None:
        try:
            wish = msgspec.json.decode(text, type=_Wish)
            self._subscribe(wish)
        except (msgspec.MsgspecError, ValueError) as exc:
            told = {"type": "error", "data": f"Invalid message: {exc}"}
            self._put("error", _encoder.encode(told).decode())

    def _subscribe(self, wish: _Wish) -> None:
        """Raises ValueError for a wish nobody understands; tokens nobody lists are passed over."""
        match wish.a:
            case "subscribe":
                self._set_modes(_tokens(wish.v), TickMode.QUOTE, keeps=True)
            case "unsubscribe":
                with self._lock:
                    for token in _tokens(wish.v):
                        self._modes.pop(token, None)
            case "mode" if isinstance(wish.v, list) and len(wish.v) == 2:
                self._set_modes(_tokens(wish.v[1]), TickMode(wish.v[0]), keeps=False)
            case _:
                raise ValueError(f"unknown action {wish.a}")

    def _set_modes(self, tokens: list[int], mode: TickMode, *, keeps: bool) -> None:
        if not self.app.gives_quotes:
            raise ValueError("the app has no permission for market data")
        listed = [token for token in tokens if self._desk.key_of(token) is not None]
        with self._lock:
            if len(self._modes.keys() | set(listed)) > MOST_INSTRUMENTS:
                raise ValueError(f"more than {MOST_INSTRUMENTS} instruments")
            for token in listed:
                self._modes[token] = self._modes.get(token, mode) if keeps else mode
            self._moved |= set(listed)
        self._wake.set()

    def _talk(self, web_socket: simple_websocket.Server) -> None:
        next_beat = time.monotonic() + _BEAT
        try:
            while self._goes_on():
                self._wake.wait(_ROUND)
                self._wake.clear()
                for kind, content in self._take():
                    self._send(web_socket, kind, content)
                if time.monotonic() >= next_beat:
                    next_beat += _BEAT
                    self._keep_moving()
                    self._send(web_socket, "heartbeat", HEARTBEAT)
            web_socket.close()
        except (simple_websocket.ConnectionClosed, OSError):
            pass  # the client left: its listening thread hears of it too

    def _goes_on(self) -> bool:
        return not self._ending.is_set() and self._desk.sessions.is_alive(self.app.api_key, self._token)

    def _take(self) -> list[tuple[str, str | bytes]]:
        """Return what waits, orders first."""
        return [*self._take_texts(), *self._take_ticks()]

    def _take_texts(self) -> list[tuple[str, str]]:
        with self._lock:
            texts, self._texts = self._texts, []
        return texts

    def _take_ticks(self) -> list[tuple[str, bytes]]:
        with self._lock:
            moved, self._moved = self._moved, set()
            wanted = [(token, self._modes[token]) for token in sorted(moved) if token in self._modes]
        packets = [found for token, mode in wanted if (found := self._packet(token, mode)) is not None]
        return [("tick", message(packets))] if packets else []

    def _packet(self, token: int, mode: TickMode) -> bytes | None:
        key = self._desk.key_of(token)
        picture = None if key is None else self._desk.picture(key)
        return None if picture is None else packet(picture, mode)

    def _keep_moving(self) -> None:
        """Look at what is subscribed: a market that nobody looks at stands still."""
        with self._lock:
            tokens = tuple(self._modes)
        for token in tokens:
            key = self._desk.key_of(token)
            if key is not None:
                self._desk.picture(key)

    def _send(self, web_socket: simple_websocket.Server, kind: str, content: str | bytes) -> None:
        fault = self._desk.plan.fault_for(METHOD, kind, body="", client=self.app.api_key)
        if fault.wait_before:
            self._ending.wait(fault.wait_before)
        if fault.closes_before:
            return
        for _ in range(1 + fault.repeats):
            web_socket.send(content)
        if fault.closes_after:
            self._ending.set()


def _tokens(value: Any) -> list[int]:
    return msgspec.convert(value, list[int])
