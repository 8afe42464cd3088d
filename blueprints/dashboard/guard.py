"""Who may see the dashboard: the session of the cookie, the CSRF token, and what every answer forbids."""

import hashlib
import hmac
import secrets as randomness
from typing import cast
from urllib.parse import quote

from flask import Response, current_app, g, redirect, request, url_for
from flask_limiter.util import get_remote_address

from database.account_db import Account, account, list_accounts
from database.auth_db import Caller, Scope
from database.people_db import LoginSession
from database.settings import analyzer_mode
from limiter import count
from restx_api.callers import desk
from restx_api.errors import RateLimited
from services.errors import BracketError, NotFound
from services.logins import Logins, NotLoggedIn, Visitor

HOME = "/dashboard"
CALLS = f"{HOME}/api/"
LOGINS = "openbracket_logins"
CSRF_HEADER = "X-CSRF-Token"
BY_ITSELF = "X-By-Itself"  # a page's own polling: it does not keep a session alive

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_CALLS_LIMIT = "100 per second"  # of one session

# Nothing inline, nothing from elsewhere: text that gets into a page cannot become code.
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HSTS = "max-age=31536000"


class CsrfRefused(BracketError):
    """A request that changes something did not come from a page of this session."""

    code = "csrf_refused"


def logins() -> Logins:
    return cast("Logins", current_app.extensions[LOGINS])


def login() -> LoginSession:
    """Return the session of the running request."""
    return cast("LoginSession", g.login)


def visitor() -> Visitor:
    return Visitor(address=get_remote_address(), agent=request.headers.get("User-Agent", ""))


def is_call(path: str) -> bool:
    """Whether a script asks, and not a person's browser for a page."""
    return path.startswith(CALLS)


# --- at the door


def let_in() -> Response | None:
    """Let only logged-in people in; a page sends others to the login, a call refuses them."""
    if logins().awaits_setup():
        return _sent_to("doors.setup")
    try:
        g.login = session_of_request()
    except NotLoggedIn:
        return _sent_to("doors.login")
    check_csrf(csrf_of_session())
    _count_call()
    return None


def session_of_request() -> LoginSession:
    """Return the session of the request's cookie. Raises NotLoggedIn."""
    is_used = BY_ITSELF not in request.headers
    return logins().session(request.cookies.get(session_cookie(), ""), is_used=is_used)


def _sent_to(door: str) -> Response:
    if is_call(request.path) or request.method not in _SAFE:
        raise NotLoggedIn("Log in first")
    wanted = "" if request.path.rstrip("/") == HOME else f"?next={quote(request.path)}"
    return cast("Response", redirect(url_for(door) + wanted))


def _count_call() -> None:
    standing = count(_CALLS_LIMIT, f"session:{login().id}", scope="dashboard")
    if not standing.is_within:
        raise RateLimited("Too many calls", retry_after_seconds=standing.retry_after_seconds)


def caller_for(account_id: str) -> Caller:
    """Return the logged-in person as a caller for one of their accounts. Raises NotFound."""
    return _as_caller(owned_account(account_id))


def owned_account(account_id: str) -> Account:
    """Return an account of who is logged in. Raises NotFound, also for another's."""
    found = account(desk().db, account_id)
    if found is None or found.owner_id != login().owner_id:
        raise NotFound("there is no such account")
    return found


def owned_accounts() -> tuple[Account, ...]:
    """Return the accounts of who is logged in, disabled ones too, oldest first."""
    return list_accounts(desk().db, owner_id=login().owner_id)


def _as_caller(found: Account) -> Caller:
    return Caller(
        key_id="dashboard",
        account_id=found.id,
        owner_id=found.owner_id,
        broker=found.broker,
        scopes=frozenset({Scope.READ, Scope.TRADE}),
        mode=analyzer_mode(desk().db, found.owner_id),
        login=login().owner_name,
    )


# --- cookies


def session_cookie() -> str:
    return _cookie("session")


def device_cookie() -> str:
    return _cookie("device")


def form_cookie() -> str:
    return _cookie("form")


def _cookie(name: str) -> str:
    # The prefix makes browsers refuse such a cookie from a sister domain, and only works over https.
    return f"__Host-ob_{name}" if request.is_secure else f"ob_{name}"


def set_cookie(answer: Response, name: str, value: str, *, seconds: int | None = None) -> None:
    """Set a cookie that no script reads and no other site sends."""
    answer.set_cookie(
        name, value, max_age=seconds, httponly=True, samesite="Lax", secure=request.is_secure, path="/"
    )


def take_back_cookie(answer: Response, name: str) -> None:
    """Delete a cookie; browsers obey that for a __Host- name only with what they set it with."""
    answer.delete_cookie(name, httponly=True, samesite="Lax", secure=request.is_secure, path="/")


# --- CSRF


def csrf_of_session() -> str:
    """Return the token that forms and calls of this session carry."""
    return _signed("session", request.cookies.get(session_cookie(), ""))


def csrf_of_form() -> str:
    """Return the token of a form before there is a session, bound to a cookie of its own."""
    g.form_cookie = request.cookies.get(form_cookie()) or randomness.token_urlsafe(24)
    return _signed("form", g.form_cookie)


def check_csrf(wanted: str) -> None:
    """Raise CsrfRefused for a request that changes something without the token, or from elsewhere."""
    if request.method in _SAFE:
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise CsrfRefused("The request came from another site")
    given = request.headers.get(CSRF_HEADER) or request.form.get("csrf", "")
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise CsrfRefused("The page is too old: load it again")


def _signed(purpose: str, value: str) -> str:
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(key, f"csrf {purpose} {value}".encode(), hashlib.sha256).hexdigest()


# --- what every answer says


def protect_answer(answer: Response) -> Response:
    """Say what browsers must not do with the dashboard's answers, and keep them out of caches."""
    if request.blueprint == "doors" or (request.blueprint or "").startswith("page_"):
        answer.headers.update(_HEADERS)
        answer.headers["Cache-Control"] = "no-store"
        _keep_to_https(answer)
    elif request.endpoint == "static":
        answer.headers["X-Content-Type-Options"] = "nosniff"
        _keep_to_https(answer)
    return answer


def _keep_to_https(answer: Response) -> None:
    if request.is_secure:
        answer.headers["Strict-Transport-Security"] = _HSTS
