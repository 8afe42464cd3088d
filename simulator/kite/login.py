"""The endpoints of the login: a request token and a checksum for an access token, and its end."""

from urllib.parse import parse_qsl, urlencode

from simulator.kite.calls import Call, Reply
from simulator.kite.desk import Desk
from simulator.kite.failures import InputFailure
from simulator.kite.rows import Row, exchange_time


def exchange_token(desk: Desk, call: Call) -> Row:
    fields = [call.form.get(name, "") for name in ("api_key", "request_token", "checksum")]
    if not all(fields):
        raise InputFailure("Missing `api_key`, `request_token` or `checksum`.")
    app, access_token = desk.sessions.log_in(fields[0], fields[1], checksum=fields[2])
    return {
        "user_id": app.user_id,
        "user_type": "individual",
        "user_name": app.user_id,
        "broker": "ZERODHA",
        "api_key": app.api_key,
        "access_token": access_token,
        "public_token": "",
        "refresh_token": "",
        "login_time": exchange_time(desk.sessions.now()),
    }


def page(desk: Desk, call: Call) -> Reply:
    """Stand for the login page: whoever comes is logged in and sent back to the app."""
    app = desk.sessions.app("".join(call.query_values("api_key")))
    token = desk.sessions.request_token(app.api_key)
    more = parse_qsl("".join(call.query_values("redirect_params")))
    words = urlencode(
        [("action", "login"), ("type", "login"), ("status", "success"), ("request_token", token), *more]
    )
    if not app.redirect_url:
        return Reply(200, f"request_token: {token}\n".encode(), "text/plain")
    joint = "&" if "?" in app.redirect_url else "?"
    return Reply(302, b"", "text/html", headers=(("Location", f"{app.redirect_url}{joint}{words}"),))


def end_session(desk: Desk, call: Call) -> bool:
    for token in call.query_values("access_token"):
        desk.sessions.log_out(token)
    return True
