"""A push stream that is connected again whenever it breaks; what is said on it is each broker's own."""

import logging
import random
import threading
from typing import Protocol

import websocket

from broker.base import PushListener

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
LOOK_EVERY_SECONDS = 0.5  # for new symbols, and for the end


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


class Conversation(Protocol):
    """One connection, from its first word to its end."""

    def hold(self, connection: websocket.WebSocket, stop: threading.Event, listener: PushListener) -> None:
        """Listen until stop is set. Raises WebSocketException or OSError when the connection ends."""
        ...


def stay_connected(
    url: str, talk: Conversation, *, stop: threading.Event, listener: PushListener, pauses: Pauses
) -> None:
    """Connect, and again after each break, until stop is set. The address may hold a token: never logged."""
    while not stop.is_set():
        try:
            _talk_once(url, talk, stop=stop, listener=listener)
        except (websocket.WebSocketException, OSError) as exc:
            logger.warning("the push stream is down, polling goes on: %s", _words(exc))
        finally:
            listener.on_health(is_up=False)
        if not stop.is_set():
            stop.wait(pauses.next())


def _talk_once(url: str, talk: Conversation, *, stop: threading.Event, listener: PushListener) -> None:
    # No proxy of the environment and no redirect gets to see a token in the address.
    connection = websocket.create_connection(
        url, timeout=CONNECT_SECONDS, http_no_proxy=["*"], redirect_limit=0
    )
    try:
        connection.settimeout(LOOK_EVERY_SECONDS)
        talk.hold(connection, stop, listener)
    finally:
        connection.shutdown()  # type: ignore[no-untyped-call]  # close() would wait for the other side's


def next_frame(connection: websocket.WebSocket, *, with_pongs: bool = False) -> tuple[int, bytes] | None:
    """Return the next frame, None when there is none yet. Raises at the end of the connection."""
    try:
        opcode, content = connection.recv_data(control_frame=with_pongs)
    except websocket.WebSocketTimeoutException:
        return None  # half a frame stays with the library and is gone on with
    if opcode == websocket.ABNF.OPCODE_CLOSE:
        raise websocket.WebSocketConnectionClosedException("closed by the broker")
    return opcode, content


def _words(exc: Exception) -> str:
    if isinstance(exc, websocket.WebSocketBadStatusException):
        return f"refused with HTTP {exc.status_code}"  # its own text repeats what was sent
    return f"{type(exc).__name__}: {exc}"[:200]
