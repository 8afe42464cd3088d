"""Alpaca's stream of trade updates: a hint to read the books, connected again whenever it breaks.

It answers in text or in binary frames, both JSON. It has no heartbeat of its own, so we ping: silence after
that is a broken connection.
"""

import threading

import msgspec
import websocket

from broker.alpaca.session import Keys
from broker.base import PushListener
from broker.push_stream import Pauses, next_frame, stay_connected
from utils.clock import Clock

PING_SECONDS = 10.0
SILENCE_SECONDS = 25.0
UPDATES = "trade_updates"
_SPOKEN = frozenset({websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY})

_JSON = msgspec.json.Encoder()


class _Said(msgspec.Struct):
    status: str = ""


class _Message(msgspec.Struct):
    stream: str
    data: _Said


_MESSAGE = msgspec.json.Decoder(_Message)


class AlpacaStream:
    """What PushStream promises. `run` is one thread's work."""

    def __init__(
        self,
        root: str,
        keys: Keys,
        *,
        clock: Clock,
        ping_seconds: float = PING_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
        pauses: Pauses | None = None,
    ) -> None:
        """Connect nothing yet."""
        self._url = f"{root}/stream"
        self._keys = keys
        self._clock = clock
        self._ping_seconds = ping_seconds
        self._silence_seconds = silence_seconds
        self._pauses = pauses or Pauses()

    def run(self, stop: threading.Event, listener: PushListener) -> None:
        """Stay connected until stop is set."""
        stay_connected(self._url, self, stop=stop, listener=listener, pauses=self._pauses)

    def hold(self, connection: websocket.WebSocket, stop: threading.Event, listener: PushListener) -> None:
        """Authenticate and listen until the connection ends; see broker.push_stream."""
        said = {"key_id": self._keys.key_id, "secret_key": self._keys.secret}
        connection.send(_JSON.encode({"action": "authenticate", "data": said}).decode())
        pinged_at = heard_at = self._clock.monotonic()
        while not stop.is_set():
            frame, now = next_frame(connection, with_pongs=True), self._clock.monotonic()
            if frame is not None:
                heard_at = now
                self._take(*frame, connection=connection, listener=listener)
            elif now - heard_at >= self._silence_seconds:
                raise websocket.WebSocketTimeoutException(f"not even a pong for {self._silence_seconds} s")
            if now - pinged_at >= self._ping_seconds:
                pinged_at = now
                connection.ping()

    def _take(
        self, opcode: int, content: bytes, *, connection: websocket.WebSocket, listener: PushListener
    ) -> None:
        if opcode not in _SPOKEN:
            return
        message = _decoded(content)
        match None if message is None else message.stream:
            case "authorization":
                self._listen(message, connection)
            case "listening":
                self._pauses.reset()
                listener.on_health(is_up=True)
                listener.on_orders()  # whatever happened while nobody listened
            case _:
                listener.on_orders()  # news, or what cannot be read: it costs no more than a look

    def _listen(self, message: _Message | None, connection: websocket.WebSocket) -> None:
        if message is None or message.data.status != "authorized":
            raise websocket.WebSocketException("the keys were refused")
        connection.send(_JSON.encode({"action": "listen", "data": {"streams": [UPDATES]}}).decode())


def _decoded(content: bytes) -> _Message | None:
    try:
        return _MESSAGE.decode(content)
    except (ValueError, RecursionError):
        return None
