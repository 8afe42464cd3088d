"""The socket of order updates: who it is for is said in its first message."""

import msgspec

from simulator.dhan.desk import Desk
from simulator.dhan.updates import alert
from simulator.wire.calls import Call
from simulator.wire.journal import Update
from simulator.wire.sockets import SocketHub, WireSocket

MOST_SOCKETS = 5


class _Login(msgspec.Struct):
    MsgCode: int
    ClientId: str
    Token: str


class _Hello(msgspec.Struct):
    LoginReq: _Login
    UserType: str


class OrderSocket(WireSocket):
    """One client; until it has said who it is, it hears nothing."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._token = ""

    def obey(self, text: str | bytes) -> None:
        try:
            hello = msgspec.json.decode(text, type=_Hello).LoginReq
        except msgspec.MsgspecError:
            self.end()
            return
        app = self._desk.sessions.owner_of(hello.Token)
        if app is None or app.user_id != hello.ClientId:
            self.end()
            return
        self._token, self.api_key, self.user_id = hello.Token, app.api_key, app.user_id

    def is_welcome(self) -> bool:
        return not self._token or self._desk.sessions.owner_of(self._token) is not None


class OrderHub(SocketHub[OrderSocket]):
    """The open sockets of all clients."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, most=MOST_SOCKETS)
        self._desk = desk
        desk.journal.listen(self._order_changed)

    def opened(self, call: Call) -> OrderSocket:
        return OrderSocket(self._desk)

    def _order_changed(self, update: Update) -> None:
        if update.is_told:
            self.tell(update.order.account_id, "order", alert(update))
