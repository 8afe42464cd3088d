"""What a test may do that no broker offers: prices, other terminals, tokens. Loopback only, no key."""

from typing import Any

import msgspec

from simulator.kite.calls import Call
from simulator.kite.desk import Desk
from simulator.kite.failures import InputFailure
from simulator.kite.rows import Row


class _TokenWish(msgspec.Struct, forbid_unknown_fields=True):
    api_key: str
    alive: bool


class _LoginWish(msgspec.Struct, forbid_unknown_fields=True):
    api_key: str


def command(desk: Desk, call: Call) -> Row:
    """Carry out one of the exchange's commands, `{"act": "set_price", ...}`; account_id is the user's id."""
    try:
        return {"outcome": desk.exchange.obey(call.body.decode())}
    except ValueError as exc:
        raise InputFailure(str(exc)) from exc


def token(desk: Desk, call: Call) -> Row:
    """Let an app's tokens die, or its fixed one live again."""
    wish = _wish(call, _TokenWish)
    if wish.alive:
        desk.sessions.revive(wish.api_key)
    else:
        desk.sessions.kill(wish.api_key)
    return {"alive": wish.alive}


def log_in(desk: Desk, call: Call) -> Row:
    """Return the request token that the login page would have sent the browser back with."""
    return {"request_token": desk.sessions.request_token(_wish(call, _LoginWish).api_key)}


def _wish(call: Call, kind: Any) -> Any:
    try:
        return msgspec.json.decode(call.body, type=kind)
    except msgspec.MsgspecError as exc:
        raise InputFailure(str(exc)) from exc
