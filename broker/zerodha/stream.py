"""Kite's WebSocket: order updates and ticks, connected again whenever it breaks.

Nothing it says of orders is believed: an update makes the books be read. That it is refused, also with
403, proves nothing about the token either (three sockets are allowed for each app): only a read does.
"""

import logging
import random
import threading
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

import msgspec
import websocket

from broker.base import InstrumentNumber, PushListener, Quote, Symbol
from broker.zerodha.session import token_parts
from broker.zerodha.ticks import ticks
from utils.clock import Clock

logger = logging.getLogger(__name__)

WS_ROOT = "wss://ws.kite.trade"
CONNECT_SECONDS = 5.0
# Kite says something "every couple of seconds", a heartbeat if there is nothing else.
SILENCE_SECONDS = 6.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.5  # for new symbols, and for the end

_JSON = msgspec.json.Encoder()


class _Text(msgspec.Struct):
    type: str


_TEXT = msgspec.json.Decoder(_Text)


class Pauses:
    """How long to wait before the next attempt: doubling, capped, and never two clients in step."""

    def __init__(self) -> None:
        self._failures = 0

    def reset(self) -> None:
        """The connection proved good: it spoke."""
        self._failures = 0

    def next(self) -> float:
        """Return the seconds before the next attempt."""
        whole = min(FIRST_PAUSE_SECONDS * 2.0 ** min(self._failures, 10), LONGEST_PAUSE_SECONDS)
        self._failures += 1
        return whole * random.uniform(0.5, 1.0)  # noqa: S311  # no secret, only spread


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
        while not stop.is_set():
            try:
                self._stay_connected(stop, listener)
            except (websocket.WebSocketException, OSError) as exc:
                logger.warning("the push stream is down, polling goes on: %s", _words(exc))
            finally:
                listener.on_health(is_up=False)
            if not stop.is_set():
                stop.wait(self._pauses.next())

    def _stay_connected(self, stop: threading.Event, listener: PushListener) -> None:
        # No proxy of the environment and no redirect gets to see the token in the address.
        connection = websocket.create_connection(
            self._url, timeout=CONNECT_SECONDS, http_no_proxy=["*"], redirect_limit=0
        )
        try:
            connection.settimeout(_LOOK_EVERY_SECONDS)
            _Conversation(connection, self._number_of, listener, self._clock).hold(
                stop, silence_seconds=self._silence_seconds, on_first_word=self._pauses.reset
            )
        finally:
            connection.shutdown()  # type: ignore[no-untyped-call]  # close() would wait for the other side's


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
            frame = self._next_frame()
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

    def _next_frame(self) -> tuple[int, bytes] | None:
        try:
            opcode, content = self._connection.recv_data()
        except websocket.WebSocketTimeoutException:
            return None  # half a frame stays with the library and is gone on with
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise websocket.WebSocketConnectionClosedException("closed by Kite")
        return opcode, content

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


def _words(exc: Exception) -> str:
    if isinstance(exc, websocket.WebSocketBadStatusException):
        return f"refused with HTTP {exc.status_code}"  # its own text repeats what was sent
    return f"{type(exc).__name__}: {exc}"[:200]
