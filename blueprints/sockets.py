"""Socket.IO: who hears `bracket_order_update`, and what was missed.

A client connects with `auth: {apikey}` and joins its account's room; nobody hears anything else.
"""

import threading
from collections.abc import Iterable, Mapping
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import current_app, request
from flask_socketio import SocketIO, emit, join_room
from socketio.exceptions import (  # type: ignore[import-untyped]
    ConnectionRefusedError as Refusal,
)

from database.auth_db import Scope
from restx_api.callers import background, desk, verified
from services.bracket_order_service import require
from services.errors import BracketError

EVENT = "bracket_order_update"

_MOST_REPLAYED = 1000


class Seats:
    """Who is connected: each connection holds a thread, and requests must find some free."""

    def __init__(self) -> None:
        self._accounts: dict[str, str] = {}  # by socket id
        self._lock = threading.Lock()

    def take(self, socket_id: str, account_id: str, *, most: int) -> bool:
        """Seat a connection; False when all seats are taken."""
        with self._lock:
            if len(self._accounts) >= most:
                return False
            self._accounts[socket_id] = account_id
            return True

    def leave(self, socket_id: str) -> None:
        with self._lock:
            self._accounts.pop(socket_id, None)

    def account_of(self, socket_id: str) -> str | None:
        return self._accounts.get(socket_id)


class SocketGate:
    """Lets in no more Socket.IO requests than there are threads to spare, whoever sends them.

    Seats are counted once a client has said who it is; a stranger's open connection holds a thread too.
    """

    def __init__(self, wsgi_app: WSGIApplication, *, most: int) -> None:
        self._wsgi_app = wsgi_app
        self._free = threading.BoundedSemaphore(most)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith("/socket.io"):
            return self._wsgi_app(environ, start_response)
        if not self._free.acquire(blocking=False):
            start_response("503 Service Unavailable", [("Retry-After", "5"), ("Content-Length", "0")])
            return []
        try:
            # Threading mode: the call lasts as long as the WebSocket, or the long poll, does.
            return self._wsgi_app(environ, start_response)
        finally:
            self._free.release()


def register_sockets(socketio: SocketIO) -> None:
    """Add the handlers."""
    socketio.on_event("connect", _on_connect)
    socketio.on_event("disconnect", _on_disconnect)
    socketio.on_event("bracket_order_replay", _on_replay)


def emit_update(socketio: SocketIO, payload: dict[str, object], account_id: str, owner_id: str) -> None:
    """Send an update to those who may hear of the account."""
    rooms = [room_of_account(account_id), room_of_owner(owner_id)]
    socketio.emit(EVENT, payload, to=rooms)  # type: ignore[arg-type]  # several rooms are allowed


def say_goodbye(socketio: SocketIO) -> None:
    """Close every live connection, and wait for none: a client that is gone already never answers."""
    for one in list(socketio.server.eio.sockets.values()):  # type: ignore[attr-defined]  # stubs lack it
        one.close(wait=False)


def room_of_account(account_id: str) -> str:
    return f"account:{account_id}"


def room_of_owner(owner_id: str) -> str:
    return f"owner:{owner_id}"


def _seats() -> Seats:
    seats: Seats = current_app.extensions["openbracket_seats"]
    return seats


def _socket_id() -> str:
    return str(request.sid)  # type: ignore[attr-defined]  # flask_socketio adds it


def _on_connect(auth: object = None) -> None:
    if background().is_stopping:
        raise Refusal({"code": "stopping", "message": "The service is stopping"})
    key = auth.get("apikey") if isinstance(auth, Mapping) else None
    try:
        caller = require(verified(key if isinstance(key, str) else None), Scope.READ, Scope.TRADE)
    except BracketError as exc:
        raise Refusal({"code": exc.code, "message": str(exc)}) from None
    if not _seats().take(_socket_id(), caller.account_id, most=current_app.config["MAX_SOCKETS"]):
        raise Refusal(
            {"code": "too_many_sockets", "message": "All live connections are taken; try again later"}
        )
    join_room(room_of_account(caller.account_id))


def _on_disconnect(_reason: object = None) -> None:
    _seats().leave(_socket_id())


def _on_replay(asked: object = None) -> list[dict[str, object]]:
    """Answer with every update after since_seq, oldest first: as the acknowledgement and as an event."""
    since = asked.get("since_seq", 0) if isinstance(asked, Mapping) else 0
    account_id = _seats().account_of(_socket_id())
    if account_id is None or not isinstance(since, int) or isinstance(since, bool) or since < 0:
        return []
    missed = desk().announcer.missed(account_id, since)[:_MOST_REPLAYED]
    emit("bracket_order_replay", missed)
    return missed
