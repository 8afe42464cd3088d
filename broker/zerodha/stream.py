"""Kite's WebSocket: order updates and ticks, connected again whenever it breaks.

Nothing it says of orders is believed: an update makes the books be read. That it is refused, also with
403, proves nothing about the token either (three sockets are allowed for each app): only a read does.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

import msgspec
import websocket

from broker.base import InstrumentNumber, PushListener, Quote, Symbol
from broker.push_stream import Pauses, next_frame, stay_connected
from broker.zerodha.session import token_parts
from broker.zerodha.ticks import ticks
from utils.clock import Clock

__all__ = ["WS_ROOT", "KiteStream", "Pauses"]

logger = logging.getLogger(__name__)

WS_ROOT = "wss://ws.kite.trade"
# Kite says something "every couple of seconds", a heartbeat if there is nothing else.
SILENCE_SECONDS = 6.0

_JSON = msgspec.json.Encoder()


class _Text(msgspec.Struct):
    type: str


_TEXT = msgspec.json.Decoder(_Text)


class KiteStream:
    """What PushStream promises. `run` is one thread's work."""

    def __init__(
        self,
        root: str,
        auth_token: str,
        *,
        number_of: InstrumentNumber,
        clock: Clock,
        silence_seconds: float = SILENCE_SECONDS,
        pauses: Pauses | None = None,
    ) -> None:
        """Connect nothing yet. Raises ValueError for a damaged token."""
        api_key, access_token = token_parts(auth_token)
        query = urlencode({"api_key": api_key, "access_token": access_token})
        self._url = f"{root.rstrip('/')}/?{query}"  # holds the token: never logged
        self._number_of = number_of
        self._clock = clock
        self._silence_seconds = silence_seconds
        self._pauses = pauses or Pauses()

    def run(self, stop: threading.Event, listener: PushListener) -> None:
        """Stay connected until stop is set."""
        stay_connected(self._url, self, stop=stop, listener=listener, pauses=self._pauses)

    def hold(self, connection: websocket.WebSocket, stop: threading.Event, listener: PushListener) -> None:
        """Hold one connection; see broker.push_stream."""
        _Conversation(connection, self._number_of, listener, self._clock).hold(
            stop, silence_seconds=self._silence_seconds, on_first_word=self._pauses.reset
        )


class _Conversation:
    """One connection, from the first subscription to its end."""

    def __init__(
        self,
        connection: websocket.WebSocket,
        number_of: InstrumentNumber,
        listener: PushListener,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._number_of = number_of
        self._listener = listener
        self._clock = clock
        self._symbols: dict[int, Symbol] = {}  # subscribed, by number
        self._heard_at = clock.monotonic()
        self._has_spoken = False

    def hold(
        self, stop: threading.Event, *, silence_seconds: float, on_first_word: Callable[[], None]
    ) -> None:
        """Listen until stop is set. Raises WebSocketException or OSError when the connection ends."""
        while not stop.is_set():
            self._subscribe(self._listener.wanted())
            frame = next_frame(self._connection)
            if frame is not None:
                self._heard_at = self._clock.monotonic()
                if not self._has_spoken:
                    self._has_spoken = True
                    on_first_word()
                    self._listener.on_health(is_up=True)
                    self._listener.on_orders()  # whatever happened while nobody listened
                self._take(*frame)
            elif self._clock.monotonic() - self._heard_at >= silence_seconds:
                raise websocket.WebSocketTimeoutException(f"not even a heartbeat for {silence_seconds} s")

    def _take(self, opcode: int, content: bytes) -> None:
        if opcode == websocket.ABNF.OPCODE_BINARY:
            self._take_ticks(content)
        elif opcode == websocket.ABNF.OPCODE_TEXT and _is_news(content):
            self._listener.on_orders()

    def _take_ticks(self, content: bytes) -> None:
        try:
            found = ticks(content)
        except ValueError as exc:
            logger.warning("a frame of ticks is not Kite's, nothing of it is used: %s", exc)
            return
        now = self._clock.now()
        quotes = {
            self._symbols[tick.number]: Quote(last=tick.last, at=now, bid=tick.bid, ask=tick.ask)
            for tick in found
            if tick.number in self._symbols and tick.last > 0
        }
        if quotes:
            self._listener.on_quotes(quotes)

    def _subscribe(self, wanted: frozenset[Symbol]) -> None:
        gone = [number for number, symbol in self._symbols.items() if symbol not in wanted]
        numbers = self._numbers(wanted - set(self._symbols.values()))
        if gone:
            self._say({"a": "unsubscribe", "v": gone})
        if numbers:
            self._say({"a": "subscribe", "v": list(numbers)})
            self._say({"a": "mode", "v": ["full", list(numbers)]})  # only full packets have bid and ask
        for number in gone:
            del self._symbols[number]
        self._symbols.update(numbers)

    def _numbers(self, symbols: frozenset[Symbol]) -> dict[int, Symbol]:
        found = {symbol: self._number_of(*symbol) for symbol in sorted(symbols)}
        return {int(number): symbol for symbol, number in found.items() if number is not None}

    def _say(self, words: Mapping[str, object]) -> None:
        self._connection.send(_JSON.encode(words).decode())


def _is_news(content: bytes) -> bool:
    """Whether a text frame may be about orders; one that cannot be read costs no more than a look."""
    try:
        said = _TEXT.decode(content)
    except (ValueError, RecursionError):
        return True
    if said.type == "error":
        logger.warning("the push stream complains: %s", content[:300].decode("utf-8", "replace"))
    return said.type == "order"
