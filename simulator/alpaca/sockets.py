"""The stream of trade updates: who it is for is said in its first message; it answers in binary frames."""

import msgspec

from services.bracket.model import RowStatus
from simulator.alpaca.desk import Desk
from simulator.alpaca.dialect import app_of
from simulator.alpaca.rows import order_row, status_of, told
from simulator.wire.calls import Call, encoded
from simulator.wire.failures import Complaint
from simulator.wire.journal import Update
from simulator.wire.sockets import SocketHub, WireSocket

MOST_SOCKETS = 5
UPDATES = "trade_updates"


class _Wish(msgspec.Struct):
    key_id: str = ""
    secret_key: str = ""
    streams: list[str] = []


class _Message(msgspec.Struct):
    action: str
    data: _Wish


class TradeSocket(WireSocket):
    """One client; it hears of trades once it has said who it is and that it listens."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._secret = ""
        self.listens = False

    def obey(self, text: str | bytes) -> None:
        try:
            message = msgspec.json.decode(text, type=_Message)
        except msgspec.MsgspecError:
            self.end()
            return
        match message.action:
            case "authenticate":
                self._authenticate(message.data)
            case "listen":
                self._listen(message.data.streams)
            case _:
                self.end()

    def _authenticate(self, wish: _Wish) -> None:
        is_good = True
        try:
            app = app_of(self._desk.sessions, wish.key_id, wish.secret_key)
            self._secret, self.api_key, self.user_id = wish.secret_key, app.api_key, app.user_id
        except Complaint:
            is_good = False
        said = {"status": "authorized" if is_good else "unauthorized", "action": "authenticate"}
        self.put("authorization", encoded({"stream": "authorization", "data": said}))

    def _listen(self, streams: list[str]) -> None:
        heard = [name for name in streams if name == UPDATES and self.api_key]
        self.listens = bool(heard)
        self.put("listening", encoded({"stream": "listening", "data": {"streams": heard}}))

    def is_welcome(self) -> bool:
        return not self.api_key or self._desk.sessions.is_alive(self.api_key, self._secret)


class TradeHub(SocketHub[TradeSocket]):
    """The open sockets of all accounts."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, most=MOST_SOCKETS)
        self._desk = desk
        desk.journal.listen(self._order_changed)

    def opened(self, call: Call) -> TradeSocket:
        return TradeSocket(self._desk)

    def _order_changed(self, update: Update) -> None:
        if not update.is_told:
            return
        message = encoded({"stream": UPDATES, "data": _news(self._desk, update)})
        for one in self.sockets():
            if one.listens and one.user_id == update.order.account_id:
                one.put("order", message)


def _news(desk: Desk, update: Update) -> dict[str, object]:
    order = update.order
    word = status_of(order)
    events = {"filled": "fill", "partially_filled": "partial_fill"}
    return {
        "event": events.get(word, word),
        "timestamp": told(order.updated_at),
        "order": order_row(desk, order, nested=False),  # the exchange is held while it tells
        **({"position_qty": "0"} if order.status is RowStatus.FILLED else {}),
    }
