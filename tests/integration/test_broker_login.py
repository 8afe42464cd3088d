"""The daily login: by command, by browser, and what a running account makes of a dead and a new token."""

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import event, select

from broker.zerodha import daily_login
from cli import register_commands
from database.account_db import (
    Account,
    AccountStatus,
    auth_token_of,
    create_account,
    existing_account,
    login_of,
    owner_named,
    set_account_status,
    set_auth_token,
    set_login,
)
from database.auth_db import Scope
from database.auth_tables import AccountRow
from database.login_db import LoginStep, mint_login_word, use_login_word
from database.outbox_db import Channel, Destination, add_destination, waiting
from database.settings import SettingScope, put_setting
from database.symbol import Listing, replace_instruments
from database.token_death import token_death
from services.bracket.model import Mode
from services.broker_login import request_token_of
from services.errors import LoginRefused
from services.login_watch import LoginWatch
from simulator import load_instruments
from tests.kite_process import KiteProcess
from tests.serving import Served, a_config, an_order, end, serve, until
from utils.clock import SystemClock
from utils.config import Config, MarketHours

USER, KEY, SECRET, TOKEN = "AB1234", "appkey", "appsecret", "acctok"
FREE = "FR0000!:freekey:freesecret:freetok"  # an app without market data

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def kite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KiteProcess]:
    folder = tmp_path_factory.mktemp("kite")
    apps = [f"{USER}:{KEY}:{SECRET}:{TOKEN}", "ZZ9999:otherkey:othersecret:othertok", FREE]
    with KiteProcess(folder / "kite.state", apps) as process:
        process.price("SBIN", 500)
        yield process


@pytest.fixture
def config(kite: KiteProcess, tmp_path: Path) -> Config:
    return a_config(tmp_path, broker_api_roots={"zerodha": kite.url}, market_hours=MarketHours.IGNORE)


@pytest.fixture
def service(config: Config) -> Iterator[Served]:
    served = serve(config)
    yield served
    end(served)


@pytest.fixture
def run(config: Config) -> Run:
    """Run a command beside the service."""
    app = Flask("commands")
    register_commands(app, config=config, clock=SystemClock(), brokers={"paper", "zerodha"})
    runner = app.test_cli_runner()
    return lambda *words, stdin=None: runner.invoke(args=words, input=stdin)


def zerodha(service: Served, *, name: str = "kite", app: str = KEY, secret: str = SECRET) -> Account:
    """Return an account that has an app and no token."""
    db, at = service.desk.db, service.desk.clock.now()
    listings = [Listing(instrument=one.instrument) for one in load_instruments() if one.key[0] == "NSE"]
    replace_instruments(db, listings, broker="zerodha", exchange="NSE", at=at)
    owner = owner_named(db, "owner")
    assert owner is not None
    made = create_account(db, name, owner_id=owner.id, broker="zerodha", at=at)
    login = {"api_key": app, "api_secret": secret}
    set_login(db, service.desk.secrets.box, made.id, login=login, at=at)
    return made


def store_token(service: Served, owner: Account, token: str = f"{KEY}:{TOKEN}") -> None:
    at = service.desk.clock.now()
    set_auth_token(service.desk.db, service.desk.secrets.box, owner.id, auth_token=token, at=at)


def token_of(service: Served, owner: Account) -> str | None:
    return auth_token_of(service.desk.db, service.desk.secrets.box, owner.id)


def request_token(kite: KiteProcess, app: str = KEY) -> str:
    """Return what Kite's login page sends the browser back with."""
    return str(kite._sim("login", {"api_key": app})["request_token"])


def status_of(service: Served, owner: Account) -> AccountStatus:
    return existing_account(service.desk.db, owner.id).status


# By browser


def ticket_of(service: Served, owner: Account) -> str:
    key = service.a_key(Scope.TRADE, account=owner)
    answer = service.client.post("/zerodha/login", json={"apikey": key})
    assert answer.status_code == 200, answer.get_json()
    return str(parse_qs(urlsplit(answer.get_json()["login_url"]).query)["ticket"][0])


def begin(browser: Any, ticket: str) -> str:
    """Open a ticket and return the state that Kite's page will send back."""
    answer = browser.get("/zerodha/login", query_string={"ticket": ticket})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    page = urlsplit(answer.location)
    assert (page.hostname, page.path) == ("kite.zerodha.com", "/connect/login")
    return str(parse_qs(parse_qs(page.query)["redirect_params"][0])["state"][0])


def come_back(browser: Any, token: str, state: str) -> Any:
    words = {"request_token": token, "status": "success", "action": "login", "state": state}
    return browser.get("/zerodha/callback", query_string=words)


def test_a_login_by_browser_gives_the_running_account_its_token(service: Served, kite: KiteProcess) -> None:
    owner, browser = zerodha(service), service.app.test_client()

    state = begin(browser, ticket_of(service, owner))
    answer = come_back(browser, request_token(kite), state)

    assert answer.status_code == 200
    assert "kite is logged in" in answer.get_data(as_text=True)
    token = token_of(service, owner)
    assert token is not None
    assert token.startswith(f"{KEY}:")
    assert login_of(service.desk.db, service.desk.secrets.box, owner.id)["user_id"] == USER
    until(lambda: service.desk.supervisor.token_in_use(owner.id) == token, what="the token in use")


def test_the_cookie_of_a_login_is_for_this_login_alone(service: Served) -> None:
    answer = service.app.test_client().get(
        "/zerodha/login", query_string={"ticket": ticket_of(service, zerodha(service))}
    )

    cookie = answer.headers["Set-Cookie"]
    assert all(
        part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/zerodha/callback", "Max-Age=600")
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_a_strangers_browser_cannot_end_a_login_and_does_not_spoil_it(
    service: Served, kite: KiteProcess
) -> None:
    owner, browser, stranger = zerodha(service), service.app.test_client(), service.app.test_client()
    state, token = begin(browser, ticket_of(service, owner)), request_token(kite)

    refused = come_back(stranger, token, state)
    before = token_of(service, owner)
    taken = come_back(browser, token, state)

    assert (refused.status_code, before, taken.status_code) == (400, None, 200)


@pytest.mark.parametrize("state", ["", "x", "lg_nobody_" + "a" * 43])
def test_a_link_with_a_strangers_request_token_attaches_nothing(
    state: str, service: Served, kite: KiteProcess
) -> None:
    owner, browser = zerodha(service), service.app.test_client()
    begin(browser, ticket_of(service, owner))  # the victim's browser even has a login under way

    answer = come_back(browser, request_token(kite), state)

    assert (answer.status_code, token_of(service, owner)) == (400, None)


def test_a_state_works_once(service: Served, kite: KiteProcess) -> None:
    owner, browser = zerodha(service), service.app.test_client()
    state = begin(browser, ticket_of(service, owner))
    come_back(browser, request_token(kite), state)
    first = token_of(service, owner)

    again = come_back(browser, request_token(kite), state)

    assert (again.status_code, token_of(service, owner)) == (400, first)


def test_a_ticket_works_once_and_not_at_all_without_one(service: Served) -> None:
    ticket, browser = ticket_of(service, zerodha(service)), service.app.test_client()
    begin(browser, ticket)

    again = browser.get("/zerodha/login", query_string={"ticket": ticket})
    without = browser.get("/zerodha/login")

    assert (again.status_code, without.status_code) == (400, 400)


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WEBHOOK])
def test_only_a_trading_key_begins_a_login(scope: Scope, service: Served) -> None:
    key = service.a_key(scope, account=zerodha(service))

    answers = [service.client.post("/zerodha/login", json={"apikey": one}) for one in (key, "bk_wrong", "")]

    assert [answer.status_code for answer in answers] == [403, 401, 401]


def test_an_account_that_needs_no_login_says_so(service: Served) -> None:
    answer = service.client.post("/zerodha/login", json={"apikey": service.key})

    assert (answer.status_code, answer.get_json()["code"]) == (400, "login_refused")


def test_a_login_of_another_user_changes_nothing(service: Served, kite: KiteProcess) -> None:
    owner, browser = zerodha(service), service.app.test_client()
    login = {"api_key": KEY, "api_secret": SECRET, "user_id": "SOMEBODY"}
    set_login(service.desk.db, service.desk.secrets.box, owner.id, login=login, at=service.desk.clock.now())

    answer = come_back(browser, request_token(kite), begin(browser, ticket_of(service, owner)))

    assert (answer.status_code, token_of(service, owner)) == (400, None)
    assert "another user" in answer.get_data(as_text=True)


def test_a_login_that_failed_at_kite_changes_nothing(service: Served) -> None:
    owner, browser = zerodha(service), service.app.test_client()
    state = begin(browser, ticket_of(service, owner))

    failed = browser.get("/zerodha/callback", query_string={"status": "error", "state": state})
    wrong = come_back(browser, "neverissued", state)

    assert (failed.status_code, wrong.status_code, token_of(service, owner)) == (400, 400, None)


def test_a_hostile_callback_is_shown_as_text(service: Served) -> None:
    answer = service.client.get(
        "/zerodha/callback", query_string={"request_token": "<script>", "state": "<script>"}
    )

    assert answer.status_code == 400
    assert "<script>" not in answer.get_data(as_text=True)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_login_word_ends_with_its_time_and_guessing_does_not_end_it(service: Served) -> None:
    db, box, now = service.desk.db, service.desk.secrets.box, service.desk.clock.now()
    minted = mint_login_word(db, box, service.account.id, step=LoginStep.STATE, until=now, bound_to="cookie")
    step, text = LoginStep.STATE, minted.text

    guessed = use_login_word(db, box, text, step=step, now=now - timedelta(minutes=1), bound_to="other")
    other_step = use_login_word(db, box, text, step=LoginStep.TICKET, now=now, bound_to="cookie")
    late = use_login_word(db, box, text, step=step, now=now, bound_to="cookie")

    assert (guessed, other_step, late) == (None, None, None)
    assert text not in repr(minted)


# By command


def test_a_login_by_command_takes_the_pasted_address(service: Served, kite: KiteProcess, run: Run) -> None:
    owner = zerodha(service)
    pasted = f"https://127.0.0.1/?action=login&status=success&request_token={request_token(kite)}"

    told = run("account", "login", "kite", stdin=pasted + "\n")

    assert told.exit_code == 0, told.output
    assert "https://kite.zerodha.com/connect/login?v=3&api_key=appkey" in told.output
    assert re.search(r"logged in until \d\d \w{3} 06:00 IST", told.output)
    assert "06:00 IST" in run("account", "list").output
    until(
        lambda: service.desk.supervisor.token_in_use(owner.id) == token_of(service, owner), what="the token"
    )


def test_the_first_login_asks_for_the_app_and_keeps_it_sealed(
    service: Served, kite: KiteProcess, run: Run
) -> None:
    assert run("account", "add", "--name", "new", "--broker", "zerodha").exit_code == 0

    told = run("account", "login", "new", "--request-token", request_token(kite), stdin=f"{KEY}\n{SECRET}\n")

    assert told.exit_code == 0, told.output
    assert SECRET not in told.output
    with service.desk.db.read() as connection:
        sealed = connection.scalar(select(AccountRow.login).where(AccountRow.name == "new"))
    assert sealed
    assert SECRET not in sealed


def test_a_token_of_another_user_is_not_stored_until_the_account_is_said_to_be_theirs(
    service: Served, kite: KiteProcess, run: Run
) -> None:
    owner = zerodha(service)
    assert run("account", "login", "kite", "--request-token", request_token(kite)).exit_code == 0
    mine = token_of(service, owner)
    words = ("account", "set-token", "--name", "kite", "--auth-token", "otherkey:othertok")

    refused = run(*words)
    kept = token_of(service, owner)
    taken = run(*words, "--new-user")

    assert (refused.exit_code, kept) == (2, mine)
    assert "another user of zerodha" in refused.output
    assert (taken.exit_code, token_of(service, owner)) == (0, "otherkey:othertok")
    assert login_of(service.desk.db, service.desk.secrets.box, owner.id)["user_id"] == "ZZ9999"
    assert run("account", "set-token", "--name", "kite", "--auth-token", mine).exit_code == 2


@pytest.mark.parametrize("token", [f"{KEY}:neverissued", "damaged"])
def test_a_token_that_the_broker_does_not_take_is_not_stored(
    token: str, service: Served, kite: KiteProcess, run: Run
) -> None:
    owner = zerodha(service)
    assert run("account", "login", "kite", "--request-token", request_token(kite)).exit_code == 0
    mine = token_of(service, owner)

    refused = run("account", "set-token", "--name", "kite", "--auth-token", token)

    assert (refused.exit_code, token_of(service, owner)) == (2, mine)
    assert token not in refused.output


def test_the_postback_address_of_an_account_is_printed(service: Served, run: Run) -> None:
    owner = zerodha(service)

    assert run("account", "postback", "kite").output.strip() == postback(service, owner)


def test_a_wrong_request_token_is_a_sentence_and_exit_code_2(service: Served, run: Run) -> None:
    zerodha(service)

    told = run("account", "login", "kite", "--request-token", "neverissued")

    assert told.exit_code == 2
    assert "refused the request_token" in told.output


def test_an_address_of_a_login_that_failed_is_no_request_token() -> None:
    assert request_token_of(" abc123 ") == "abc123"
    assert request_token_of("https://x/?status=success&request_token=abc") == "abc"
    for address in ("https://x/?request_token=a&status=error", "https://x/?request_token=a&request_token=b"):
        with pytest.raises(LoginRefused):
            request_token_of(address)


@pytest.mark.parametrize(
    ("obtained", "ends"),
    [
        ("2026-11-23T00:29:59+00:00", "2026-11-23T00:30:00+00:00"),  # 05:59:59 IST
        ("2026-11-23T00:30:00+00:00", "2026-11-24T00:30:00+00:00"),  # 06:00 IST
        ("2026-11-23T15:00:00+00:00", "2026-11-24T00:30:00+00:00"),
    ],
)
def test_a_token_ends_at_the_next_six_in_the_morning_of_india(obtained: str, ends: str) -> None:
    found = daily_login().ends_at(datetime.fromisoformat(obtained))

    assert (found, found.tzinfo) == (datetime.fromisoformat(ends), UTC)


# Death and life of a token


def test_a_dead_token_is_told_everywhere_once_and_a_login_ends_it(
    service: Served, kite: KiteProcess, run: Run
) -> None:
    kite.token(KEY, alive=True)
    owner = zerodha(service)
    a_hook(service, owner)
    store_token(service, owner)
    until(lambda: service.desk.supervisor.token_in_use(owner.id), what="a worker")
    key = service.a_key(account=owner)
    bracket = placed(service, key)

    kite.token(KEY, alive=False)

    until(lambda: status_of(service, owner) is AccountStatus.NEEDS_LOGIN, what="the alarm")
    watch = LoginWatch(service.desk)
    watch.look()
    watch.look()
    waits = waiting(service.desk.db, ["hook"], limit=100)
    assert [one.urgent for one in waits if "account.needs_login" in one.body] == [True]
    assert "account kite needs a new broker login" in service.client.get("/readyz").get_json()["warnings"]
    assert "run `account login kite`" in run("doctor").output
    assert "AUTH_DEAD" in overlays(service, key, bracket)
    kite.price("SBIN", 500)

    asked = service.post("exitbracketorder", {"bracket_id": bracket}, key=key)
    assert asked.status_code == 200
    state = begin(service.client, ticket_of(service, owner))
    assert come_back(service.client, request_token(kite), state).status_code == 200

    until(lambda: state_of(service, key, bracket) == "CLOSED", what="the exit that waited", seconds=20)
    assert status_of(service, owner) is AccountStatus.ACTIVE
    assert "AUTH_DEAD" not in overlays(service, key, bracket)
    assert service.client.get("/readyz").get_json()["warnings"] == []


def test_an_idle_account_finds_out_that_yesterdays_token_is_dead(service: Served, kite: KiteProcess) -> None:
    kite.token(KEY, alive=False)
    owner = zerodha(service)
    yesterday = service.desk.clock.now() - timedelta(days=1)
    box = service.desk.secrets.box
    set_auth_token(service.desk.db, box, owner.id, auth_token=f"{KEY}:{TOKEN}", at=yesterday)

    until(lambda: status_of(service, owner) is AccountStatus.NEEDS_LOGIN, what="the alarm")

    worker = service.desk.supervisor.worker(owner.id, Mode.LIVE)
    until(lambda: worker.is_cut_off, what="no entries with a dead token")
    refused = service.post("placebracketorder", ORDER, key=service.a_key(account=owner))
    assert (refused.status_code, refused.get_json()["code"]) == (500, "broker_error")


def test_a_look_at_all_logins_reads_no_more_for_more_accounts(service: Served) -> None:
    zerodha(service)
    watch = LoginWatch(service.desk)
    few = statements(service, watch.look)
    zerodha(service, name="second")
    zerodha(service, name="third")

    assert few == statements(service, watch.look) > 0


def statements(service: Served, act: Callable[[], None]) -> int:
    """Return how many statements an act of this thread asks of the database."""
    asked: list[str] = []

    def note(_: object, __: object, statement: str, *rest: object) -> None:
        if threading.get_ident() == ours:
            asked.append(statement)

    ours = threading.get_ident()
    event.listen(service.desk.db.engine, "before_cursor_execute", note)
    act()
    event.remove(service.desk.db.engine, "before_cursor_execute", note)
    return len(asked)


def test_a_second_death_of_the_same_token_is_told_again(service: Served, kite: KiteProcess) -> None:
    owner = zerodha(service)
    a_hook(service, owner)
    dies(service, kite, owner)

    kite.token(KEY, alive=True)
    until(lambda: status_of(service, owner) is AccountStatus.ACTIVE, what="the broker's word that it lives")
    dies(service, kite, owner)

    assert len(alarms(service)) == 2


def test_a_disabled_accounts_token_is_told_dead_once_and_renewed_and_it_stays_disabled(
    service: Served, kite: KiteProcess, run: Run
) -> None:
    owner = zerodha(service)
    a_hook(service, owner)
    kite.token(KEY, alive=True)
    store_token(service, owner)
    worker = until(lambda: service.desk.supervisor.running(owner.id, Mode.LIVE), what="a worker")
    at = service.desk.clock.now()
    set_account_status(service.desk.db, owner.id, status=AccountStatus.DISABLED, at=at)

    kite.token(KEY, alive=False)
    worker.token_died()
    until(lambda: alarms(service), what="the alarm")
    LoginWatch(service.desk).look()
    assert "run `account login kite`" in run("doctor").output
    told = run("account", "login", "kite", "--request-token", request_token(kite))

    assert told.exit_code == 0, told.output
    until(
        lambda: service.desk.supervisor.token_in_use(owner.id) == token_of(service, owner), what="the token"
    )
    until(lambda: not worker.troubles, what="a read with the new token")
    assert (len(alarms(service)), status_of(service, owner)) == (1, AccountStatus.DISABLED)


def test_a_crash_between_the_alarm_and_its_note_tells_one_death_once(
    service: Served, kite: KiteProcess
) -> None:
    owner = zerodha(service)
    a_hook(service, owner)
    dies(service, kite, owner)
    db, at = service.desk.db, service.desk.clock.now()

    put_setting(db, SettingScope.ACCOUNT, subject_id=owner.id, key="token_death_told", value="", at=at)
    LoginWatch(service.desk).look()

    death = token_death(db, owner.id)
    assert death is not None
    assert (death.is_told, len(alarms(service))) == (True, 1)


def dies(service: Served, kite: KiteProcess, owner: Account) -> None:
    """Let the account's token, stored if need be, die, and wait until that is told."""
    if token_of(service, owner) is None:
        store_token(service, owner)
    kite.token(KEY, alive=False)
    until(lambda: service.desk.supervisor.running(owner.id, Mode.LIVE), what="a worker").token_died()
    until(lambda: status_of(service, owner) is AccountStatus.NEEDS_LOGIN, what="the alarm")


def alarms(service: Served) -> list[str]:
    waits = waiting(service.desk.db, ["hook"], limit=100)
    return [one.body for one in waits if "account.needs_login" in one.body]


ORDER = an_order(sl_price=480)


def placed(service: Served, key: str) -> str:
    answer = service.post("placebracketorder", ORDER, key=key)
    assert answer.status_code == 200, answer.get_json()
    bracket = str(answer.get_json()["bracket_id"])
    until(lambda: state_of(service, key, bracket) == "PROTECTED", what="protection", seconds=20)
    return bracket


def bracket_of(service: Served, key: str, bracket: str) -> dict[str, Any]:
    found: dict[str, Any] = service.post("bracketorderstatus", {"bracket_id": bracket}, key=key).get_json()
    return found


def state_of(service: Served, key: str, bracket: str) -> object:
    return bracket_of(service, key, bracket)["state"]


def overlays(service: Served, key: str, bracket: str) -> list[str]:
    return list(bracket_of(service, key, bracket)["overlays"])


def a_hook(service: Served, owner: Account) -> None:
    added = Destination(
        id="hook",
        account_id=owner.id,
        channel=Channel.WEBHOOK,
        address="https://127.0.0.1:1/",
        created_at=service.desk.clock.now(),
    )
    add_destination(service.desk.db, added, secret=None)


# The plan without prices


def test_the_free_plan_is_found_out_and_what_needs_a_price_is_refused(
    service: Served, kite: KiteProcess
) -> None:
    owner = zerodha(service, name="free", app="freekey", secret="freesecret")
    store_token(service, owner, "freekey:freetok")
    worker = until(lambda: service.desk.supervisor.running(owner.id, Mode.LIVE), what="a worker")
    until(lambda: not worker.capabilities.gives_quotes, what="the plan")
    key = service.a_key(account=owner)

    watched = service.post("placebracketorder", ORDER, key=key)
    trigger = service.post("placebracketorder", ORDER | {"product": "CNC", "dry_run": True}, key=key)

    assert [one.status_code for one in (watched, trigger)] == [422, 422]
    assert "watched by its price" in watched.get_json()["message"]
    assert "needs the last price" in trigger.get_json()["message"]
    assert any(
        "account free gets no prices" in one for one in service.client.get("/readyz").get_json()["warnings"]
    )


# Postbacks


def push(order_id: str = "1", at: str = "2026-11-23 09:30:01", secret: str = SECRET) -> dict[str, str]:
    signed = f"{order_id}{at}{secret}".encode()
    return {
        "order_id": order_id,
        "order_timestamp": at,
        "status": "COMPLETE",
        "checksum": hashlib.sha256(signed).hexdigest(),
    }


BAD_PUSHES: dict[str, object] = {
    "another secret": push(secret="guessed"),
    "another order": push() | {"order_id": "2"},
    "another time": push() | {"order_timestamp": "2026-11-23 09:30:02"},
    "no checksum": {"order_id": "1", "order_timestamp": "2026-11-23 09:30:01"},
    "an empty checksum": push() | {"checksum": ""},
    "a checksum of other letters": push() | {"checksum": "\u00e4" * 64},
    "a list": [push()],
    "nothing": None,
}


def test_a_push_with_kites_checksum_makes_the_account_look_and_no_more(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = zerodha(service)
    store_token(service, owner)
    looks = looks_of(service, owner, monkeypatch)

    answer = service.client.post(postback(service, owner), json=push())

    assert (answer.status_code, looks) == (200, [owner.id])


@pytest.mark.parametrize("name", BAD_PUSHES)
def test_a_push_with_a_wrong_checksum_is_401_and_changes_nothing(
    name: str, service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = zerodha(service)
    store_token(service, owner)
    looks = looks_of(service, owner, monkeypatch)

    answer = service.client.post(postback(service, owner), json=BAD_PUSHES[name])

    assert (answer.status_code, answer.get_json()["code"], looks) == (401, "push_not_genuine", [])


def test_a_push_for_an_account_without_the_apps_secret_proves_nothing(service: Served) -> None:
    owner = zerodha(service)
    box, at = service.desk.secrets.box, service.desk.clock.now()
    set_login(service.desk.db, box, owner.id, login={"api_key": KEY}, at=at)

    assert service.client.post(postback(service, owner), json=push(secret="")).status_code == 401


def postback(service: Served, owner: Account) -> str:
    return f"/postback/zerodha/{service.desk.secrets.box.postback_token(owner.id)}"


def looks_of(service: Served, owner: Account, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    worker = service.desk.supervisor.worker(owner.id, Mode.LIVE)
    looks: list[str] = []
    monkeypatch.setattr(worker, "push", lambda: looks.append(owner.id))
    return looks
