"""The ticker's sockets: prices to those who subscribed, order updates to everyone, a heartbeat a second."""

from collections.abc import Iterable
from typing import Any

import msgspec

from simulator.kite.desk import Desk
from simulator.kite.sessions import App
from simulator.kite.ticks import HEARTBEAT, TickMode, message, packet
from simulator.kite.updates import update_row
from simulator.orders import Key
from simulator.wire.calls import Call, encoded
from simulator.wire.journal import Update
from simulator.wire.sockets import SocketHub, WireSocket

MOST_SOCKETS = 3  # of one app
MOST_INSTRUMENTS = 3000  # of one socket


class _Wish(msgspec.Struct):
    """`{"a": "subscribe", "v": [tokens]}` or `{"a": "mode", "v": ["full", [tokens]]}`."""

    a: str
    v: Any


class TickerSocket(WireSocket):
    """One client: the instruments it wants to hear of, and how much of each."""

    heartbeat = HEARTBEAT

    def __init__(self, desk: Desk, app: App, *, token: str) -> None:
        super().__init__(desk, api_key=app.api_key, user_id=app.user_id)
        self._kite = desk
        self._app = app
        self._token = token
        self._modes: dict[int, TickMode] = {}
        self._moved: set[int] = set()

    def is_welcome(self) -> bool:
        return self._kite.sessions.is_alive(self.api_key, self._token)

    def prices_moved(self, tokens: Iterable[int]) -> None:
        with self._lock:
            concerned = self._modes.keys() & tokens
            self._moved |= concerned
        if concerned:
            self._wake.set()

    def obey(self, text: str | bytes) -> None:
        try:
            wish = msgspec.json.decode(text, type=_Wish)
            self._subscribe(wish)
        except (msgspec.MsgspecError, ValueError) as exc:
            told = {"type": "error", "data": f"Invalid message: {exc}"}
            self.put("error", encoded(told).decode())

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
        if not self._app.gives_quotes:
            raise ValueError("the app has no permission for market data")
        listed = [token for token in tokens if self._kite.key_of(token) is not None]
        with self._lock:
            if len(self._modes.keys() | set(listed)) > MOST_INSTRUMENTS:
                raise ValueError(f"more than {MOST_INSTRUMENTS} instruments")
            for token in listed:
                self._modes[token] = self._modes.get(token, mode) if keeps else mode
            self._moved |= set(listed)
        self._wake.set()

    def news(self) -> list[tuple[str, str | bytes]]:
        with self._lock:
            moved, self._moved = self._moved, set()
            wanted = [(token, self._modes[token]) for token in sorted(moved) if token in self._modes]
        packets = [found for token, mode in wanted if (found := self._packet(token, mode)) is not None]
        return [("tick", message(packets))] if packets else []

    def _packet(self, token: int, mode: TickMode) -> bytes | None:
        key = self._kite.key_of(token)
        picture = None if key is None else self._kite.picture(key)
        return None if picture is None else packet(picture, mode)

    def on_beat(self) -> None:
        """Look at what is subscribed: a market that nobody looks at stands still."""
        with self._lock:
            tokens = tuple(self._modes)
        for token in tokens:
            key = self._kite.key_of(token)
            if key is not None:
                self._kite.picture(key)


class TickerHub(SocketHub[TickerSocket]):
    """The open sockets of all apps."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, most=MOST_SOCKETS)
        self._desk = desk
        desk.journal.listen(self._order_changed)
        desk.exchange.listen_prices(self._prices_moved)

    def opened(self, call: Call) -> TickerSocket:
        query = dict(call.query)
        app = self._desk.sessions.app_of(f"token {query.get('api_key', '')}:{query.get('access_token', '')}")
        return TickerSocket(self._desk, app, token=query["access_token"])

    def _order_changed(self, update: Update) -> None:
        if update.is_told:
            text = encoded({"type": "order", "data": update_row(self._desk, update)}).decode()
            self.tell(update.order.account_id, "order", text)

    def _prices_moved(self, keys: frozenset[Key]) -> None:
        moved = {self._desk.token_of(key) for key in keys}
        moved |= {self._desk.token_of(index) for key in keys for index in self._desk.followers(key)}
        for one in self.sockets():
            one.prices_moved(moved)


def _tokens(value: Any) -> list[int]:
    return msgspec.convert(value, list[int])
