"""The login by PIN and one-time password, its end, and the client's books for tests."""

from dataclasses import replace
from datetime import datetime, time, timedelta

import msgspec

from simulator.angel import orders, portfolio
from simulator.angel.desk import Desk
from simulator.angel.dialect import key_of
from simulator.angel.failures import WRONG_LOGIN, AngelFailure
from simulator.angel.rows import Row
from simulator.wire.calls import Call
from utils.constants import EXCHANGE_ZONE

_DEATH = time(5, 0)
_CODE_DIGITS = 6


class _Login(msgspec.Struct):
    clientcode: str
    password: str
    totp: str


def by_password(desk: Desk, call: Call) -> Row:
    """Return tokens for client code, PIN (the app's secret) and any code of six digits."""
    asked: _Login = call.json(_Login)
    app = desk.sessions.app(key_of(call))
    is_code = asked.totp.isdigit() and len(asked.totp) == _CODE_DIGITS
    if (asked.clientcode, asked.password) != (app.user_id, app.api_secret) or not is_code:
        raise AngelFailure(WRONG_LOGIN, "Invalid client code, PIN or totp")
    token = desk.sessions.begin(app.api_key, ends=_next_death(desk.sessions.now()))
    return {"jwtToken": token, "refreshToken": f"refresh.{token}", "feedToken": f"feed.{token}"}


def log_out(desk: Desk, call: Call) -> str:
    desk.sessions.log_out(call.authorization.removeprefix("Bearer "))
    return ""


def books(desk: Desk, call: Call) -> Row:
    """Tell a client's books as Angel would, without a token and without counting."""
    asked = replace(call, user_id="".join(call.query_values("user_id")))
    return {
        "orders": orders.book(desk, asked) or [],
        "positions": portfolio.positions(desk, asked) or [],
        "holdings": portfolio.holdings(desk, asked) or [],
    }


def _next_death(now: datetime) -> datetime:
    local = now.astimezone(EXCHANGE_ZONE)
    today = datetime.combine(local.date(), _DEATH, tzinfo=EXCHANGE_ZONE)
    return today if local < today else today + timedelta(days=1)
