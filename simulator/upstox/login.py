"""The endpoints of the login: a page, a code for a token, and its end; and the user's books for tests."""

from dataclasses import replace
from urllib.parse import urlencode

import msgspec

from simulator.upstox import gtt_orders, orders, portfolio
from simulator.upstox.desk import Desk
from simulator.upstox.dialect import token_of
from simulator.upstox.failures import bad_input
from simulator.upstox.rows import Row
from simulator.wire.calls import Call, Reply, encoded


class _Wish(msgspec.Struct, forbid_unknown_fields=True):
    api_key: str


def page(desk: Desk, call: Call) -> Reply:
    """Stand for the login page: whoever comes is logged in and sent back to the app's own address."""
    app = desk.sessions.app("".join(call.query_values("client_id")))
    if "".join(call.query_values("redirect_uri")) != app.redirect_url:
        raise bad_input("redirect_uri does not match the app's", "UDAPI100068")
    words = [("code", desk.sessions.code(app.api_key))]
    words += [("state", state) for state in call.query_values("state")]
    return Reply(302, b"", "text/html", headers=(("Location", f"{app.redirect_url}?{urlencode(words)}"),))


def token(desk: Desk, call: Call) -> Reply:
    """Return a token for a code; without envelope."""
    form = call.form
    if form.get("grant_type") != "authorization_code":
        raise bad_input("Invalid grant_type")
    api_key = form.get("client_id", "")
    given = desk.sessions.log_in(
        form.get("code", ""), api_key=api_key, api_secret=form.get("client_secret", "")
    )
    whose = replace(call, user_id=desk.sessions.app(api_key).user_id)
    told = portfolio.profile(desk, whose) | {"access_token": given, "extended_token": ""}
    return Reply(200, encoded(told))


def log_out(desk: Desk, call: Call) -> bool:
    desk.sessions.log_out(token_of(call))
    return True


def code(desk: Desk, call: Call) -> Row:
    """Return the code that the login page would have sent the browser back with."""
    wish: _Wish = call.json(_Wish)
    return {"code": desk.sessions.code(wish.api_key)}


def books(desk: Desk, call: Call) -> Row:
    """Tell a user's books as Upstox would, without a token and without counting."""
    asked = replace(call, user_id="".join(call.query_values("user_id")), query=())
    return {
        "orders": orders.book(desk, asked),
        "gtts": gtt_orders.book(desk, asked),
        "positions": portfolio.positions(desk, asked),
        "holdings": portfolio.holdings(desk, asked),
    }
