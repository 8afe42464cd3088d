"""The doors of the dashboard: the first password, logging in and out, and who keeps guessing.

A stranger's guesses are counted by address, and for the name they try; a browser that has logged in before
is counted by itself. So nobody can lock the owner's own browser out, however long they guess.
"""

from typing import cast

from flask import (
    Blueprint,
    Response,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_limiter.util import get_remote_address
from itsdangerous import BadSignature, URLSafeSerializer
from ulid import ULID

from blueprints.dashboard.guard import (
    HOME,
    check_csrf,
    csrf_of_form,
    csrf_of_session,
    device_cookie,
    form_cookie,
    logins,
    session_cookie,
    session_of_request,
    set_cookie,
    take_back_cookie,
    visitor,
)
from blueprints.dashboard.page import answer_failure
from blueprints.sockets import drop_sessions
from database.account_db import Owner
from limiter import count, forget
from restx_api.errors import RateLimited
from services.errors import BracketDenied
from services.logins import Attempt, LoginFailed, NotLoggedIn

doors_bp = Blueprint("doors", __name__)
doors_bp.register_error_handler(Exception, answer_failure)

ADDRESS_LIMIT = "10 per 15 minutes"
NAME_LIMIT = "30 per 15 minutes"  # all strangers together; browsers that are known do not count here
DEVICE_LIMIT = "20 per 15 minutes"

_DEVICE_SECONDS = 180 * 86_400
_SALT = "known device"


@doors_bp.get("/")
def front() -> Response:
    return cast("Response", redirect(f"{HOME}/"))


@doors_bp.get("/favicon.ico")
def icon() -> Response:
    return current_app.send_static_file("favicon.svg")


@doors_bp.route(f"{HOME}/login", methods=["GET", "POST"])
def login() -> Response:
    """Show the form, or let in."""
    if logins().awaits_setup():
        return cast("Response", redirect(url_for("doors.setup")))
    wanted = csrf_of_form()
    if request.method == "GET":
        return _form("login.html", csrf=wanted)
    check_csrf(wanted)
    attempt = Attempt(name=_said("name").strip(), password=_said("password"), code=_said("code"))
    device = _device_of(attempt.name)
    try:
        _count_attempt(attempt.name, device)
        owner = logins().log_in(attempt)
    except RateLimited as locked:
        return _locked(locked, csrf=wanted)
    except LoginFailed as failed:
        return _form("login.html", csrf=wanted, fault=str(failed), name=attempt.name, status=401)
    _forgive(device)
    return _opened(owner, device=device, to=_wanted_page())


@doors_bp.route(f"{HOME}/setup", methods=["GET", "POST"])
def setup() -> Response:
    """Set the first password, with the code that only whoever runs the service can read."""
    if not logins().awaits_setup():
        return cast("Response", redirect(url_for("doors.login")))
    wanted = csrf_of_form()
    if request.method == "GET":
        return _form("setup.html", csrf=wanted)
    check_csrf(wanted)
    if _said("password") != _said("again"):
        return _form("setup.html", csrf=wanted, fault="The two passwords differ", status=400)
    try:
        _count_attempt("", None)
        owner = logins().set_up(_said("code"), _said("password"))
    except RateLimited as locked:
        return _locked(locked, csrf=wanted, form="setup.html")
    except (LoginFailed, BracketDenied) as failed:
        return _form("setup.html", csrf=wanted, fault=str(failed), status=400)
    _forgive(None)
    return _opened(owner, device=None, to=url_for("page_security.show"))


@doors_bp.post(f"{HOME}/logout")
def logout() -> Response:
    """End the session, here and at once."""
    check_csrf(csrf_of_session())
    answer = cast("Response", redirect(url_for("doors.login")))
    take_back_cookie(answer, session_cookie())
    try:
        ended = session_of_request()
    except NotLoggedIn:
        return answer
    logins().end(ended.owner_id, ended.id)
    drop_sessions(frozenset({ended.id}))
    return answer


def _said(field: str) -> str:
    return request.form.get(field, "")[:1024]


def _form(template: str, *, csrf: str, status: int = 200, **values: object) -> Response:
    answer = make_response(render_template(template, csrf=csrf, next=_wanted_page(), **values), status)
    set_cookie(answer, form_cookie(), g.form_cookie)
    return answer


def _locked(locked: RateLimited, *, csrf: str, form: str = "login.html") -> Response:
    minutes = (locked.retry_after_seconds + 59) // 60
    fault = f"Too many attempts. Try again in {minutes} min, or use a browser that has logged in before."
    answer = _form(form, csrf=csrf, fault=fault, status=429)
    answer.headers["Retry-After"] = str(locked.retry_after_seconds)
    return answer


def _wanted_page() -> str:
    """Return where to go after the login: a page of ours and nothing else."""
    wanted = request.values.get("next", "")
    is_ours = wanted.startswith(f"{HOME}/") and not set(wanted) & set("\\\r\n?#") and "//" not in wanted
    return wanted if is_ours else f"{HOME}/"


def _opened(owner: Owner, *, device: str | None, to: str) -> Response:
    token, _ = logins().open_session(owner, visitor())
    answer = cast("Response", redirect(to))
    set_cookie(answer, session_cookie(), token)
    known = _signer().dumps([owner.name, device or str(ULID())])
    set_cookie(answer, device_cookie(), str(known), seconds=_DEVICE_SECONDS)
    take_back_cookie(answer, form_cookie())
    return answer


# --- who keeps guessing


def _count_attempt(name: str, device: str | None) -> None:
    """Count an attempt before the password is looked at. Raises RateLimited."""
    if device is not None:
        _refuse_beyond(DEVICE_LIMIT, f"device:{device}")
        return
    _refuse_beyond(ADDRESS_LIMIT, f"ip:{get_remote_address()}")
    if name:
        _refuse_beyond(NAME_LIMIT, f"name:{name[:64]}")


def _refuse_beyond(limit: str, subject: str) -> None:
    standing = count(limit, subject, scope="login")
    if not standing.is_within:
        raise RateLimited("Too many attempts", retry_after_seconds=standing.retry_after_seconds)


def _forgive(device: str | None) -> None:
    """Forget the failures before a success: of this browser or address, never those for the name."""
    if device is not None:
        forget(DEVICE_LIMIT, f"device:{device}", scope="login")
    else:
        forget(ADDRESS_LIMIT, f"ip:{get_remote_address()}", scope="login")


def _device_of(name: str) -> str | None:
    """Return this browser's id if it has logged in under this name before."""
    try:
        known = _signer().loads(request.cookies.get(device_cookie(), ""))
    except BadSignature:
        return None
    return str(known[1]) if isinstance(known, list) and len(known) == 2 and known[0] == name else None


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.config["SECRET_KEY"]), salt=_SALT)
