"""Dhan's WebSocket of order updates: a hint to read the books, connected again whenever it breaks.

The documentation has capitalised names, the feed has others: of a message, nothing but its type is read. Dhan
tells no heartbeat, so we ping: silence after that is a broken connection.
"""

import threading

import msgspec
import websocket

from broker.base import PushListener
from broker.dhan.session import token_parts
from broker.push_stream import Pauses, next_frame, stay_connected
from utils.clock import Clock

WS_ROOT = "wss://api-order-update.dhan.co"
PING_SECONDS = 10.0
SILENCE_SECONDS = 25.0
_LOGIN_CODE = 42

_JSON = msgspec.json.Encoder()


class _Message(msgspec.Struct, rename={"kind": "Type"}):
    kind: str


_MESSAGE = msgspec.json.Decoder(_Message)


class DhanStream:
    """What PushStream promises. `run` is one thread's work."""

    def __init__(
        self,
        root: str,
        auth_token: str,
        *,
        clock: Clock,
        ping_seconds: float = PING_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
        pauses: Pauses | None = None,
    ) -> None:
        """Connect nothing yet. Raises ValueError for a damaged token."""
        self._url = root
        self._client_id, self._access_token = token_parts(auth_token)
        self._clock = clock
        self._ping_seconds = ping_seconds
        self._silence_seconds = silence_seconds
        self._pauses = pauses or Pauses()

    def run(self, stop: threading.Event, listener: PushListener) -> None:
        """Stay connected until stop is set."""
        stay_connected(self._url, self, stop=stop, listener=listener, pauses=self._pauses)

    def hold(self, connection: websocket.WebSocket, stop: threading.Event, listener: PushListener) -> None:
        """Log in on one connection and listen until it ends; see broker.push_stream."""
        connection.send(_JSON.encode(self._login()).decode())
        connection.ping()  # its answer is the first sign that we are heard
        pinged_at = heard_at = self._clock.monotonic()
        has_spoken = False
        while not stop.is_set():
            frame, now = next_frame(connection, with_pongs=True), self._clock.monotonic()
            if frame is not None:
                heard_at = now
                has_spoken = has_spoken or self._begin(listener)
                _take(*frame, listener=listener)
            elif now - heard_at >= self._silence_seconds:
                raise websocket.WebSocketTimeoutException(f"not even a pong for {self._silence_seconds} s")
            if now - pinged_at >= self._ping_seconds:
                pinged_at = now
                connection.ping()

    def _begin(self, listener: PushListener) -> bool:
        self._pauses.reset()
        listener.on_health(is_up=True)
        listener.on_orders()  # whatever happened while nobody listened
        return True

    def _login(self) -> dict[str, object]:
        request = {"MsgCode": _LOGIN_CODE, "ClientId": self._client_id, "Token": self._access_token}
        return {"LoginReq": request, "UserType": "SELF"}


def _take(opcode: int, content: bytes, *, listener: PushListener) -> None:
    if opcode == websocket.ABNF.OPCODE_TEXT and _is_news(content):
        listener.on_orders()


def _is_news(content: bytes) -> bool:
    """Whether a message may be about orders; one that cannot be read costs no more than a look."""
    try:
        return _MESSAGE.decode(content).kind == "order_alert"
    except (ValueError, RecursionError):
        return True
