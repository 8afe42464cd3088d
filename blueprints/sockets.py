"""Socket.IO: who hears `bracket_order_update` and `plain_order_update`, and what was missed.

A client connects with `auth: {apikey}` and joins its account's room. The dashboard connects with its login's
cookie and joins its owner's room, where each update says which account it is of. Nobody hears anything else.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import current_app, request
from flask_socketio import SocketIO, emit, join_room
from socketio.exceptions import (  # type: ignore[import-untyped]
    ConnectionRefusedError as Refusal,
)

from blueprints.dashboard.guard import logins, session_of_request
from database.account_db import list_accounts
from database.account_news import BracketNews, PlainNews
from database.auth_db import Scope, refused_keys
from database.session import Database
from extensions import socketio as live
from restx_api.callers import background, desk, verified
from services.bracket_order_service import require
from services.errors import BracketError
from services.logins import Logins

EVENT = "bracket_order_update"
PLAIN_EVENT = "plain_order_update"
REPLAY = "bracket_order_replay"
PLAIN_REPLAY = "plain_order_replay"

_MOST_REPLAYED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Whose connection it is: an account's by its key, or an owner's by the session of a login."""

    owner_id: str
    account_id: str | None = None
    key_id: str | None = None
    session_id: str | None = None


class Seats:
    """Who is connected: each connection holds a thread, and requests must find some free."""

    def __init__(self) -> None:
        self._seats: dict[str, Seat] = {}  # by socket id
        self._lock = threading.Lock()

    def take(self, socket_id: str, seat: Seat, *, most: int) -> bool:
        """Seat a connection; False when all seats are taken."""
        with self._lock:
            if len(self._seats) >= most:
                return False
            self._seats[socket_id] = seat
            return True

    def leave(self, socket_id: str) -> None:
        with self._lock:
            self._seats.pop(socket_id, None)

    def of(self, socket_id: str) -> Seat | None:
        return self._seats.get(socket_id)

    def count(self) -> int:
        return len(self._seats)

    def sessions(self) -> frozenset[str]:
        """Return the sessions that have a connection."""
        with self._lock:
            return frozenset(one.session_id for one in self._seats.values() if one.session_id is not None)

    def keys(self) -> frozenset[str]:
        """Return the ids of keys that have a connection."""
        with self._lock:
            return frozenset(one.key_id for one in self._seats.values() if one.key_id is not None)

    def sockets_of_keys(self, key_ids: frozenset[str]) -> list[str]:
        """Return the connections of these keys."""
        with self._lock:
            return [socket_id for socket_id, seat in self._seats.items() if seat.key_id in key_ids]

    def sockets_of(self, sessions: frozenset[str]) -> list[str]:
        """Return the connections of these sessions."""
        with self._lock:
            return [socket_id for socket_id, seat in self._seats.items() if seat.session_id in sessions]


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
    socketio.on_event(REPLAY, _on_replay)
    socketio.on_event(PLAIN_REPLAY, _on_plain_replay)


def emit_update(socketio: SocketIO, payload: dict[str, object], account_id: str, owner_id: str) -> None:
    """Send an update to those who may hear of the account.

    `seq` counts by account: who hears several is told which one it is.
    """
    event = EVENT if "bracket_id" in payload else PLAIN_EVENT
    socketio.emit(event, payload, to=room_of_account(account_id))
    socketio.emit(event, {**payload, "account_id": account_id}, to=room_of_owner(owner_id))


def drop_sessions(sessions: frozenset[str]) -> None:
    """Cut the connections of sessions that have ended, in this process."""
    for socket_id in seats_taken().sockets_of(sessions):
        live.server.disconnect(socket_id)  # type: ignore[attr-defined]  # stubs lack it


def drop_ended_sessions(seats: Seats, logins: Logins) -> None:
    """Cut the connections whose session ended elsewhere or by itself. For the housekeeping."""
    open_ones = seats.sessions()
    if open_ones:
        for socket_id in seats.sockets_of(logins.ended_among(open_ones)):
            live.server.disconnect(socket_id)  # type: ignore[attr-defined]  # stubs lack it


def drop_refused_keys(seats: Seats, db: Database, *, now: datetime) -> None:
    """Cut the connections of keys that were revoked or have ended, or whose account is disabled.

    For the housekeeping, and at once for whoever has just done so.
    """
    open_ones = seats.keys()
    if open_ones:
        for socket_id in seats.sockets_of_keys(refused_keys(db, open_ones, now=now)):
            live.server.disconnect(socket_id)  # type: ignore[attr-defined]  # stubs lack it


def say_goodbye(socketio: SocketIO) -> None:
    """Close every live connection, and wait for none: a client that is gone already never answers."""
    for one in list(socketio.server.eio.sockets.values()):  # type: ignore[attr-defined]  # stubs lack it
        one.close(wait=False)


def room_of_account(account_id: str) -> str:
    return f"account:{account_id}"


def room_of_owner(owner_id: str) -> str:
    return f"owner:{owner_id}"


def seats_taken() -> Seats:
    """Return who is connected to this process."""
    seats: Seats = current_app.extensions["openbracket_seats"]
    return seats


def _socket_id() -> str:
    return str(request.sid)  # type: ignore[attr-defined]  # flask_socketio adds it


def _on_connect(auth: object = None) -> None:
    if background().is_stopping:
        raise Refusal({"code": "stopping", "message": "The service is stopping"})
    key = auth.get("apikey") if isinstance(auth, Mapping) else None
    try:
        seat = _seat_of_key(key if isinstance(key, str) else None)
    except BracketError as exc:
        raise Refusal({"code": exc.code, "message": str(exc)}) from None
    if not seats_taken().take(_socket_id(), seat, most=current_app.config["MAX_SOCKETS"]):
        raise Refusal(
            {"code": "too_many_sockets", "message": "All live connections are taken; try again later"}
        )
    join_room(room_of_owner(seat.owner_id) if seat.account_id is None else room_of_account(seat.account_id))


def _seat_of_key(key: str | None) -> Seat:
    """Return the seat of a key, or without one that of the cookie's session."""
    if key is None and any(name.endswith("ob_session") for name in request.cookies):
        session = session_of_request()
        return Seat(owner_id=session.owner_id, session_id=session.id)
    caller = require(verified(key), Scope.READ, Scope.TRADE)
    return Seat(owner_id=caller.owner_id, account_id=caller.account_id, key_id=caller.key_id)


def _on_disconnect(_reason: object = None) -> None:
    seats_taken().leave(_socket_id())


def _on_replay(asked: object = None) -> list[dict[str, object]]:
    """Answer with every update after since_seq, oldest first: as the acknowledgement and as an event.

    A login asks with `since: {account_id: seq}`; of accounts that are not its own it hears nothing.
    """
    missed = _missed(asked, BracketNews)
    emit(REPLAY, missed)
    return missed


def _on_plain_replay(asked: object = None) -> list[dict[str, object]]:
    """Answer as `bracket_order_replay` does, of plain orders: who knows only brackets hears only of them."""
    missed = _missed(asked, PlainNews)
    emit(PLAIN_REPLAY, missed)
    return missed


def _missed(asked: object, of: type[BracketNews | PlainNews]) -> list[dict[str, object]]:
    seat = seats_taken().of(_socket_id())
    if seat is None or not isinstance(asked, Mapping | None):
        return []
    since = _since(seat, asked or {})
    if seat.account_id is not None:
        return _missed_of(seat.account_id, since.get(seat.account_id), of)
    return [
        {**payload, "account_id": account_id}
        for account_id in since
        for payload in _missed_of(account_id, since[account_id], of)
    ]


def _since(seat: Seat, asked: Mapping[str, object]) -> dict[str, object]:
    """Return from where on is asked, by account; only those that the seat may hear of."""
    if seat.account_id is not None:
        return {seat.account_id: asked.get("since_seq", 0)}
    since = asked.get("since")
    if seat.session_id is None or not isinstance(since, Mapping):
        return {}
    if logins().ended_among(frozenset({seat.session_id})):
        return {}
    ours = list_accounts(desk().db, owner_id=seat.owner_id)
    return {one.id: since[one.id] for one in ours if one.id in since}


def _missed_of(account_id: str, since: object, of: type[BracketNews | PlainNews]) -> list[dict[str, object]]:
    if not isinstance(since, int) or isinstance(since, bool) or since < 0:
        return []
    return desk().announcer.missed(account_id, since, of=of)[:_MOST_REPLAYED]
