"""Who gets in to the dashboard, who does not, and that no stranger can shut the owner out."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from sqlalchemy import text

from database.people_db import list_sessions
from services.logins import IDLE, LONGEST, LoginFailed
from tests.person import PASSWORD, Person, a_person, logins_of, owner_id
from tests.serving import Served, a_config, end, serve
from utils.clock import SystemClock

CALLS = "/dashboard/api/"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Served]:
    served = serve(a_config(tmp_path))
    yield served
    end(served)


@pytest.fixture
def service(fresh: Served) -> Served:
    """A service whose owner has a password, set from another browser."""
    assert a_person(fresh, "198.51.100.1").set_up(fresh).status_code == 302
    return fresh


@pytest.fixture
def owner(service: Served) -> Person:
    person = a_person(service)
    assert person.log_in().status_code == 302
    return person


def add_authenticator(person: Person) -> tuple[str, list[str]]:
    """Return the secret and the recovery codes. The code of the step now is used up by it."""
    secret = person.call("security/second-factor/offer", {"password": PASSWORD, "code": ""}).get_json()[
        "secret"
    ]
    answer = person.call("security/second-factor/accept", {"code": pyotp.TOTP(secret).now()})
    assert answer.status_code == 200, answer.text
    return secret, answer.get_json()["recovery_codes"]


def session_cookie(person: Person) -> str:
    found = person.client.get_cookie("ob_session")
    assert found is not None
    return found.value


# --- the first password


def test_a_stranger_who_is_first_at_the_page_does_not_own_the_service(fresh: Served) -> None:
    stranger = a_person(fresh)

    answer = stranger.submit(
        "/dashboard/setup", code="AAAA-BBBB-CCCC-DDDD", password=PASSWORD, again=PASSWORD
    )

    assert answer.status_code == 400
    assert "set-up code is wrong" in answer.text
    assert logins_of(fresh).awaits_setup()


def test_the_set_up_code_sets_the_password_once(fresh: Served) -> None:
    code = logins_of(fresh).mint_setup_code(owner_id(fresh))
    first, second = a_person(fresh), a_person(fresh, "203.0.113.8")
    page = second.get("/dashboard/setup")

    won = first.submit("/dashboard/setup", code=code.lower(), password=PASSWORD, again=PASSWORD)
    token = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert token is not None
    fields = {"csrf": token[1], "code": code, "password": "another password", "again": "another password"}
    lost = second.client.post("/dashboard/setup", data=fields)

    assert won.headers["Location"] == "/dashboard/security"
    assert first.is_in()
    assert lost.headers["Location"] == "/dashboard/login"
    assert not second.is_in()


def test_a_set_up_code_sets_no_password_where_there_is_one(service: Served) -> None:
    code = logins_of(service).mint_setup_code(owner_id(service))

    with pytest.raises(LoginFailed):
        logins_of(service).set_up(code, "a brand new password")

    assert a_person(service).log_in().status_code == 302


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [("short", "short", "12 to 256"), ("a" * 20, "a" * 20, "5 different"), (PASSWORD, "other", "differ")],
)
def test_a_password_that_is_weak_or_mistyped_is_refused_and_the_code_stays_good(
    fresh: Served, password: str, again: str, words: str
) -> None:
    code = logins_of(fresh).mint_setup_code(owner_id(fresh))
    person = a_person(fresh)

    refused = person.submit("/dashboard/setup", code=code, password=password, again=again)

    assert refused.status_code == 400
    assert words in refused.text
    assert person.submit("/dashboard/setup", code=code, password=PASSWORD, again=PASSWORD).status_code == 302


def test_before_the_set_up_every_page_leads_to_it(fresh: Served) -> None:
    person = a_person(fresh)

    assert person.get("/dashboard/").headers["Location"] == "/dashboard/setup"
    assert person.get("/dashboard/login").headers["Location"] == "/dashboard/setup"
    assert person.get("/dashboard/api/pulse").status_code == 401


# --- logging in


def test_the_right_password_opens_the_page_that_was_asked_for(service: Served) -> None:
    person = a_person(service)
    asked = person.get("/dashboard/about")

    answer = person.submit(
        asked.headers["Location"], name="owner", password=PASSWORD, next="/dashboard/about"
    )

    assert asked.headers["Location"] == "/dashboard/login?next=/dashboard/about"
    assert answer.headers["Location"] == "/dashboard/about"
    assert person.is_in()


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/dashboard//evil", "/\\evil", "/api/v1/"]
)
def test_a_login_never_leads_to_another_site(service: Served, elsewhere: str) -> None:
    answer = a_person(service).submit("/dashboard/login", name="owner", password=PASSWORD, next=elsewhere)

    assert answer.headers["Location"] == "/dashboard/"


@pytest.mark.parametrize(
    ("name", "password"), [("owner", "wrong password"), ("nobody", PASSWORD), ("owner", "")]
)
def test_what_is_wrong_is_not_told(service: Served, name: str, password: str) -> None:
    answer = a_person(service).log_in(password, name=name)

    assert answer.status_code == 401
    assert "Name, password or code is wrong" in answer.text


def test_the_password_is_kept_as_argon2id(service: Served) -> None:
    with service.desk.db.read() as connection:
        kept = connection.execute(text("SELECT password_hash FROM users")).scalar_one()

    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(service: Served) -> None:
    person = a_person(service)

    cookies = [cookie for cookie in person.log_in().headers.getlist("Set-Cookie") if "ob_session=" in cookie]

    assert len(cookies) == 1
    assert "HttpOnly" in cookies[0]
    assert "SameSite=Lax" in cookies[0]
    assert "Secure" not in cookies[0]  # plain http on this machine


def test_over_https_cookies_are_secure_and_browsers_are_told_to_stay(service: Served) -> None:
    person = a_person(service)
    page = person.get("/dashboard/login", base_url="https://desk.example")
    token = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert token is not None

    answer = person.client.post(
        "/dashboard/login",
        data={"csrf": token[1], "name": "owner", "password": PASSWORD},
        base_url="https://desk.example",
    )

    cookies = answer.headers.getlist("Set-Cookie")
    assert all("Secure" in one for one in cookies)  # also those that are taken back: else browsers keep them
    assert any(one.startswith("__Host-ob_session=") for one in cookies)
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


# --- the second factor


def test_with_an_authenticator_the_password_alone_lets_nobody_in(service: Served, owner: Person) -> None:
    secret, _ = add_authenticator(owner)
    person = a_person(service)

    assert person.log_in().status_code == 401
    assert person.log_in(code=pyotp.TOTP(secret).generate_otp(_step() + 1)).status_code == 302


def test_a_code_of_the_authenticator_works_once(service: Served, owner: Person) -> None:
    secret, _ = add_authenticator(owner)
    code = pyotp.TOTP(secret).generate_otp(_step() + 1)

    first = a_person(service).log_in(code=code)
    again = a_person(service).log_in(code=code)

    assert (first.status_code, again.status_code) == (302, 401)


def test_the_code_that_proved_the_authenticator_is_used_up_too(service: Served, owner: Person) -> None:
    answer = owner.call("security/second-factor/offer", {"password": PASSWORD, "code": ""})
    code = pyotp.TOTP(answer.get_json()["secret"]).now()
    assert owner.call("security/second-factor/accept", {"code": code}).status_code == 200

    assert a_person(service).log_in(code=code).status_code == 401


def test_a_wrong_first_code_puts_no_authenticator_in_force(service: Served, owner: Person) -> None:
    secret = owner.call("security/second-factor/offer", {"password": PASSWORD, "code": ""}).get_json()[
        "secret"
    ]
    wrong = str((int(pyotp.TOTP(secret).now()) + 1) % 1_000_000).zfill(6)
    near = {pyotp.TOTP(secret).generate_otp(_step() + steps) for steps in (-1, 0, 1, 2)}
    assert wrong not in near

    assert owner.call("security/second-factor/accept", {"code": wrong}).status_code == 401
    assert a_person(service).log_in().status_code == 302


def test_a_recovery_code_stands_in_once(service: Served, owner: Person) -> None:
    _, codes = add_authenticator(owner)

    first = a_person(service).log_in(code=codes[3].lower().replace("-", " "))
    again = a_person(service).log_in(code=codes[3])

    assert len(set(codes)) == 10
    assert (first.status_code, again.status_code) == (302, 401)
    assert logins_of(service).recovery_codes_left(owner_id(service)) == 9


def test_new_recovery_codes_void_the_old_ones(service: Served, owner: Person) -> None:
    _, old = add_authenticator(owner)

    new = owner.call("security/recovery-codes", {"password": PASSWORD, "code": old[0]}).get_json()

    assert a_person(service).log_in(code=old[1]).status_code == 401
    assert a_person(service).log_in(code=new["recovery_codes"][0]).status_code == 302


def test_changing_what_lets_in_asks_for_the_password_again(owner: Person) -> None:
    asked = {"password": "not the password", "code": "", "new_password": "a brand new password"}
    paths = ("security/second-factor/offer", "security/recovery-codes", "security/password")

    answers = [owner.call(path, asked).status_code for path in paths]

    assert answers == [401, 401, 401]
    assert owner.is_in()


def test_nothing_of_a_second_factor_lies_readable_in_the_database(service: Served, owner: Person) -> None:
    secret, codes = add_authenticator(owner)
    token = session_cookie(owner)
    service.desk.db.close()

    stored = b"".join(path.read_bytes() for path in _database_files(service))

    for known in (secret, codes[0], codes[0].replace("-", ""), token, PASSWORD):
        assert known.encode() not in stored


def _database_files(service: Served) -> list[Path]:
    file = Path(str(service.desk.db.engine.url.database))
    return [path for path in file.parent.iterdir() if path.name.startswith(file.name)]


def _step() -> int:
    return int(SystemClock().now().timestamp()) // 30


# --- who keeps guessing


def test_an_address_that_keeps_guessing_is_stopped_before_the_password_is_looked_at(service: Served) -> None:
    stranger = a_person(service, "203.0.113.66")
    for _ in range(10):
        assert stranger.log_in("a wrong password").status_code == 401

    locked = stranger.log_in(PASSWORD)

    assert locked.status_code == 429
    assert int(locked.headers["Retry-After"]) <= 15 * 60
    assert "Too many attempts" in locked.text
    assert a_person(service, "203.0.113.67").log_in().status_code == 302


def test_strangers_from_everywhere_cannot_lock_out_a_browser_that_was_in_before(service: Served) -> None:
    owner = a_person(service, "203.0.113.5")
    owner.log_in()
    owner.submit("/dashboard/login")  # the form again: what they type next is counted by this browser
    for number in range(30):
        a_person(service, f"198.51.100.{number + 2}").log_in("a wrong password")

    unknown = a_person(service, "203.0.113.9").log_in()
    known = owner.log_in()

    assert unknown.status_code == 429
    assert known.status_code == 302


def test_a_known_browser_that_keeps_guessing_is_stopped_too(service: Served) -> None:
    thief = a_person(service)
    thief.log_in()
    answers = {thief.log_in("a wrong password").status_code for _ in range(20)}

    assert answers == {401}
    assert thief.log_in().status_code == 429


def test_a_device_of_one_name_is_a_stranger_to_another(service: Served) -> None:
    known = a_person(service, "203.0.113.20")
    known.log_in()
    for _ in range(10):
        known.log_in("a wrong password", name="somebody else")

    assert known.log_in("a wrong password", name="somebody else").status_code == 429
    assert known.log_in().status_code == 302


def test_guessing_set_up_codes_is_stopped(fresh: Served) -> None:
    stranger = a_person(fresh)
    said = {"code": "AAAA", "password": PASSWORD, "again": PASSWORD}
    for _ in range(10):
        assert stranger.submit("/dashboard/setup", **said).status_code == 400

    assert stranger.submit("/dashboard/setup", **said).status_code == 429


# --- sessions


def test_logging_out_ends_the_session_and_not_only_the_cookie(owner: Person) -> None:
    token = session_cookie(owner)
    assert owner.client.post("/dashboard/logout", data={"csrf": owner.token()}).status_code == 302

    owner.client.set_cookie("ob_session", token)

    assert not owner.is_in()


def test_a_session_is_ended_from_another_browser(service: Served, owner: Person) -> None:
    other = a_person(service, "203.0.113.40")
    other.log_in()
    sessions = owner.call("security").get_json()["sessions"]
    theirs = next(one["id"] for one in sessions if one["address"] == "203.0.113.40")

    assert owner.call(f"security/sessions/{theirs}/end", {}).status_code == 200
    assert not other.is_in()
    assert owner.is_in()


def test_a_new_password_ends_every_other_session(service: Served, owner: Person) -> None:
    other = a_person(service)
    other.log_in()

    said = {"password": PASSWORD, "code": "", "new_password": "a brand new password"}
    assert owner.call("security/password", said).status_code == 200

    assert owner.is_in()
    assert not other.is_in()
    assert a_person(service).log_in().status_code == 401
    assert a_person(service).log_in("a brand new password").status_code == 302


@pytest.mark.parametrize("column", ["seen_at", "expires_at"])
def test_a_session_ends_when_idle_or_old(service: Served, owner: Person, column: str) -> None:
    assert owner.is_in()
    back = {"seen_at": IDLE, "expires_at": LONGEST}[column] + timedelta(seconds=1)
    session = list_sessions(service.desk.db, owner_id(service))[0]
    with service.desk.db.write() as connection:
        connection.execute(
            text(f"UPDATE login_sessions SET {column} = :at"),  # noqa: S608  # one of two names of ours
            {"at": (getattr(session, column) - back).isoformat(timespec="microseconds")},
        )

    assert not owner.is_in()


@pytest.mark.parametrize(("headers", "is_noted"), [({}, True), ({"X-By-Itself": "1"}, False)])
def test_what_a_page_asks_by_itself_keeps_no_session_alive(
    service: Served, owner: Person, headers: dict[str, str], is_noted: bool
) -> None:
    long_ago = service.desk.clock.now() - timedelta(hours=1)
    with service.desk.db.write() as connection:
        connection.execute(
            text("UPDATE login_sessions SET seen_at = :at"),
            {"at": long_ago.isoformat(timespec="microseconds")},
        )

    assert owner.get(f"{CALLS}pulse", headers=headers).status_code == 200

    seen = max(one.seen_at for one in list_sessions(service.desk.db, owner_id(service)))
    assert (seen > long_ago) is is_noted


# --- CSRF, and what every answer says


def test_a_call_without_the_pages_token_changes_nothing(service: Served, owner: Person) -> None:
    answer = owner.client.post(f"{CALLS}killswitch", json={"mode": "flatten"})

    assert (answer.status_code, answer.get_json()["code"]) == (403, "csrf_refused")
    assert _kill(owner) == "off"


def test_the_token_of_another_session_is_refused(service: Served, owner: Person) -> None:
    other = a_person(service)
    other.log_in()

    answer = owner.call("killswitch", {"mode": "flatten"}, **{"X-CSRF-Token": other.token()})

    assert answer.status_code == 403
    assert _kill(owner) == "off"


def test_a_request_from_another_site_is_refused_even_with_the_token(owner: Person) -> None:
    answer = owner.call("killswitch", {"mode": "flatten"}, **{"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert _kill(owner) == "off"


@pytest.mark.parametrize("path", ["/dashboard/login", "/dashboard/setup", "/dashboard/logout"])
def test_forms_without_their_token_are_refused(fresh: Served, path: str) -> None:
    person = a_person(fresh)
    if path != "/dashboard/setup":
        assert a_person(fresh, "198.51.100.9").set_up(fresh).status_code == 302

    answer = person.client.post(path, data={"name": "owner", "password": PASSWORD, "code": "x", "again": "y"})

    assert answer.status_code == 403


def _kill(person: Person) -> str:
    found: str = person.call("pulse").get_json()["accounts"][0]["kill"]
    return found


@pytest.mark.parametrize(
    "path", ["/dashboard/login", "/dashboard/", "/dashboard/api/pulse", "/dashboard/nowhere"]
)
def test_pages_forbid_everything_inline_and_foreign_and_are_not_kept(owner: Person, path: str) -> None:
    headers = owner.get(path).headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "Strict-Transport-Security" not in headers  # plain http


def test_no_route_of_the_dashboard_is_open_but_its_doors(service: Served) -> None:
    stranger = service.app.test_client()
    open_doors = {"doors.front", "doors.icon", "doors.login", "doors.setup", "doors.logout"}
    answers: dict[str, Any] = {}
    for rule in service.app.url_map.iter_rules():
        is_ours = rule.endpoint.startswith(("page_", "doors."))
        if is_ours and rule.endpoint not in open_doors:
            url = re.sub("<[^>]+>", "1", rule.rule)
            method = "POST" if "POST" in (rule.methods or ()) else "GET"
            answers[f"{method} {url}"] = stranger.open(url, method=method).status_code

    assert len(answers) > 15
    assert set(answers.values()) <= {302, 401}
    assert {code for name, code in answers.items() if CALLS in name} == {401}
