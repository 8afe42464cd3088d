"""The login by PIN and one-time password, and the client's books for tests."""

from dataclasses import replace
from datetime import timedelta

from simulator.dhan import forevers, orders, portfolio, super_orders
from simulator.dhan.desk import Desk
from simulator.dhan.rows import Row, exchange_time
from simulator.wire.calls import Call, Reply, encoded

TOKEN_LIFE = timedelta(hours=24)
_CODE_DIGITS = 6


def generate_token(desk: Desk, call: Call) -> Reply:
    """Return a token for the client's PIN, its app's secret, and any code of six digits; without envelope."""
    client_id, pin, code = ("".join(call.query_values(name)) for name in ("dhanClientId", "pin", "totp"))
    app = desk.sessions.app(client_id)
    if pin != app.api_secret or not (code.isdigit() and len(code) == _CODE_DIGITS):
        return Reply(400, encoded({"status": "error", "message": "Invalid PIN or TOTP"}))
    ends = desk.sessions.now() + TOKEN_LIFE
    told = {
        "dhanClientId": app.user_id,
        "dhanClientName": app.user_id,
        "dhanClientUcc": "",
        "givenPowerOfAttorney": False,
        "accessToken": desk.sessions.begin(client_id, ends=ends),
        "expiryTime": exchange_time(ends).replace(" ", "T"),
    }
    return Reply(200, encoded(told))


def books(desk: Desk, call: Call) -> Row:
    """Tell a client's books as Dhan would, without a token and without counting."""
    asked = replace(call, user_id="".join(call.query_values("user_id")))
    return {
        "orders": orders.book(desk, asked),
        "supers": super_orders.book(desk, asked),
        "forevers": forevers.book(desk, asked),
        "positions": portfolio.positions(desk, asked),
        "holdings": portfolio.holdings(desk, asked),
    }
