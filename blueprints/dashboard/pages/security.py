"""Security: the second factor, recovery codes, the password, and who is logged in."""

from flask import Response, request
from segno import make as make_code

from blueprints.dashboard.guard import login, logins, session_cookie, set_cookie, visitor
from blueprints.dashboard.page import Page
from blueprints.dashboard.shapes import session_shape
from blueprints.sockets import drop_sessions
from database.account_db import Owner
from limiter import count
from restx_api.envelope import success
from restx_api.errors import RateLimited, RequestInvalid
from restx_api.parsing import parse_object
from services.errors import NotFound
from services.logins import Attempt

page = Page("security", title="Security", link="Security", order=90)

_PROOFS = "10 per 15 minutes"  # of who is logged in: a page left open must not be a place to guess


@page.get("/security")
def show() -> Response:
    return page.render(has_second_factor=logins().has_second_factor(login().owner_id))


@page.get("/api/security")
def read() -> Response:
    """Return the owner's sessions and how they log in."""
    mine = login()
    return success(
        {
            "name": mine.owner_name,
            "has_second_factor": logins().has_second_factor(mine.owner_id),
            "recovery_codes_left": logins().recovery_codes_left(mine.owner_id),
            "sessions": [
                session_shape(one, is_this=one.id == mine.id) for one in logins().sessions(mine.owner_id)
            ],
        }
    )


@page.post("/api/security/second-factor/offer")
def offer() -> Response:
    """Return a new authenticator's secret and QR code; who is logged in says the password again."""
    said = _said("password", "code")
    _prove(said)
    secret, address = logins().offer_second_factor(login().owner_id, login().owner_name)
    picture = make_code(address, error="m").svg_data_uri(scale=4, border=2, dark="#111111", light="#ffffff")
    return success({"secret": secret, "picture": picture})


@page.post("/api/security/second-factor/accept")
def accept() -> Response:
    """Put the offered authenticator in force; returns recovery codes, shown only now."""
    said = _said("code")
    _count_proof()
    codes = logins().accept_second_factor(login().owner_id, said["code"])
    return success({"recovery_codes": codes})


@page.post("/api/security/recovery-codes")
def renew_codes() -> Response:
    """Return ten new recovery codes; the old ones work no more."""
    _prove(_said("password", "code"))
    if not logins().has_second_factor(login().owner_id):
        raise NotFound("there is no second factor to recover from")
    return success({"recovery_codes": logins().new_recovery_codes(login().owner_id)})


@page.post("/api/security/password")
def change_password() -> Response:
    """Set a new password; every other session ends."""
    said, mine = _said("password", "code", "new_password"), login()
    _prove(said)
    owner = Owner(id=mine.owner_id, name=mine.owner_name)
    ended = frozenset(one.id for one in logins().sessions(mine.owner_id))
    logins().change_password(owner, said["new_password"])
    token, _ = logins().open_session(owner, visitor())
    drop_sessions(ended)
    answer = success({"message": "The password is changed; every other session has ended"})
    set_cookie(answer, session_cookie(), token)
    return answer


@page.post("/api/security/sessions/<session_id>/end")
def end(session_id: str) -> Response:
    """End one session, in its browser at once."""
    if not logins().end(login().owner_id, session_id):
        raise NotFound("there is no such open session")
    drop_sessions(frozenset({session_id}))
    return success({"message": "The session has ended"})


@page.post("/api/security/sessions/end-others")
def end_others() -> Response:
    """End all sessions but this one."""
    others = frozenset(one.id for one in logins().sessions(login().owner_id)) - {login().id}
    ended = logins().end_others(login())
    drop_sessions(others)
    return success({"message": f"{ended} other sessions have ended"})


def _prove(said: dict[str, str]) -> None:
    """Raise LoginFailed unless who is logged in says password and code again."""
    _count_proof()
    attempt = Attempt(name=login().owner_name, password=said["password"], code=said["code"])
    logins().log_in(attempt)


def _count_proof() -> None:
    standing = count(_PROOFS, f"proof:{login().id}", scope="login")
    if not standing.is_within:
        raise RateLimited("Too many attempts", retry_after_seconds=standing.retry_after_seconds)


def _said(*fields: str) -> dict[str, str]:
    given = parse_object(request.get_data())
    said = {field: given.get(field, "") for field in fields}
    wrong = [field for field, value in said.items() if not isinstance(value, str) or len(value) > 1024]
    if wrong:
        raise RequestInvalid(f"{wrong[0]} must be a text", {wrong[0]: ["must be a text"]})
    return {field: str(value) for field, value in said.items()}
