"""The endpoints of the login: a page, a code for a token, and its end."""

from urllib.parse import urlencode

import msgspec

from simulator.fyers.desk import Desk
from simulator.fyers.failures import BadParameter
from simulator.fyers.rows import Row
from simulator.wire.calls import Call, Reply


class _Exchange(msgspec.Struct):
    grant_type: str
    app_id_hash: str = msgspec.field(name="appIdHash")
    code: str


class _Wish(msgspec.Struct, forbid_unknown_fields=True):
    api_key: str


def page(desk: Desk, call: Call) -> Reply:
    """Stand for the login page: whoever comes is logged in and sent back to the app's own address."""
    app = desk.sessions.app("".join(call.query_values("client_id")))
    if "".join(call.query_values("redirect_uri")) != app.redirect_url:
        raise BadParameter("redirect_uri does not match the app's")
    words = [("s", "ok"), ("code", "200"), ("auth_code", desk.sessions.auth_code(app.api_key))]
    words += [("state", state) for state in call.query_values("state")]
    return Reply(302, b"", "text/html", headers=(("Location", f"{app.redirect_url}?{urlencode(words)}"),))


def validate(desk: Desk, call: Call) -> Row:
    asked: _Exchange = call.json(_Exchange)
    if asked.grant_type != "authorization_code":
        raise BadParameter("Invalid grant_type")
    return {"access_token": desk.sessions.log_in(asked.code, asked.app_id_hash)}


def log_out(desk: Desk, call: Call) -> Row:
    desk.sessions.log_out(call.authorization.partition(":")[2])
    return {"message": "you are successfully logged out"}


def code(desk: Desk, call: Call) -> Row:
    """Return the auth code that the login page would have sent the browser back with."""
    wish: _Wish = call.json(_Wish)
    return {"auth_code": desk.sessions.auth_code(wish.api_key)}
