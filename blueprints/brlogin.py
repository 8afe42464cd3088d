"""The daily login at a broker through a browser: a ticket opens it, the broker sends the person back here.

These pages change something though they are asked with GET: brokers and the links of people can do no other.
So each works only with a word minted for it, once. See services/broker_login.py for who may log in whom.
"""

from flask import Blueprint, Response, current_app, redirect, request
from markupsafe import escape
from werkzeug.wrappers import Response as AnyResponse

from broker.registry import BROKERS, import_broker_module
from database.account_db import existing_account
from database.auth_db import Scope
from restx_api.callers import caller, count_anybody, count_stranger, desk, for_scopes
from restx_api.envelope import success
from restx_api.errors import answer_error
from services.announcements import utc_milliseconds
from services.broker_login import (
    STATE_LIFE,
    LoginPorts,
    begin_login,
    end_login,
    login_ticket,
)
from services.errors import LoginRefused

brlogin_bp = Blueprint("brlogin", __name__, url_prefix=f"/<any({', '.join(BROKERS)}):broker>")

_HINT = "If `account login` waits in a terminal, paste the address of this page there."


def login_ports() -> LoginPorts:
    """Return what a login needs of this app's parts."""
    parts = desk()
    return LoginPorts(
        db=parts.db,
        box=parts.secrets.box,
        clock=parts.clock,
        settings=parts.supervisor.ports.broker_settings,
    )


@brlogin_bp.post("/login")
@for_scopes(Scope.TRADE)
def open_login(broker: str) -> Response:
    """Give the bearer of a trading key the address at which its account's owner logs in, once."""
    owner = existing_account(desk().db, caller().account_id)
    if owner.broker != broker or not has_login_page(broker):
        raise LoginRefused(f"account {owner.name} cannot log in here")
    ticket = login_ticket(login_ports(), owner)
    address = f"{request.host_url}{broker}/login?ticket={ticket.text}"
    return success({"login_url": address, "expires_at": utc_milliseconds(ticket.until)})


@brlogin_bp.get("/login")
def begin(broker: str) -> AnyResponse:
    """Send the bearer of a ticket to the broker, and have this browser remember that it was sent."""
    count_anybody()
    begun = begin_login(login_ports(), request.args.get("ticket", ""), broker=broker)
    answer = redirect(begun.page, code=303)
    answer.set_cookie(
        _cookie(broker),
        begun.cookie,
        max_age=int(STATE_LIFE.total_seconds()),
        path=f"/{broker}/callback",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",  # the broker's redirect is a navigation from another site: Strict would lose it
    )
    return _sealed(answer)


@brlogin_bp.get("/callback")
def come_back(broker: str) -> AnyResponse:
    """Take what the broker sent a person back with."""
    count_anybody()
    owner = end_login(
        login_ports(),
        request.args.to_dict(),
        broker=broker,
        state=request.args.get("state", ""),
        cookie=request.cookies.get(_cookie(broker), ""),
    )
    answer = _page(f"Account {owner.name} is logged in", "It goes on by itself. You can close this page.")
    answer.delete_cookie(_cookie(broker), path=f"/{broker}/callback")
    return answer


def has_login_page(broker: str) -> bool:
    """Whether a person can log in at the broker through these pages."""
    login = import_broker_module(broker).daily_login()
    return login is not None and login.by_browser


def _cookie(broker: str) -> str:
    return f"{broker}_login"


@brlogin_bp.errorhandler(LoginRefused)
def refuse(exc: LoginRefused) -> AnyResponse:
    """Answer a program in JSON and a person with a page."""
    if request.method == "POST":
        return answer_error(exc)
    count_stranger(None)
    came_back = request.endpoint == "brlogin.come_back" and len(request.args) > 1
    return _page("The login was not taken", f"{exc}. {_HINT if came_back else ''}", 400)


def _page(title: str, words: str, status: int = 200) -> AnyResponse:
    head = f"<!doctype html><meta charset=utf-8><title>{escape(title)}</title>"
    body = f"{head}<h1>{escape(title)}</h1><p>{escape(words)}</p>"
    return _sealed(current_app.response_class(body, status=status, mimetype="text/html"))


def _sealed(answer: AnyResponse) -> AnyResponse:
    """The address holds a token: no cache keeps this and no other site hears of it."""
    answer.headers.update(
        {
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
        }
    )
    return answer
