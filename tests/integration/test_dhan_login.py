"""Logging in at Dhan by command, its unsigned pushes, and that its page is no way in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from cli import register_commands
from database.account_db import Account, auth_token_of, create_account, login_of, owner_named, set_login
from database.auth_db import Scope
from database.login_db import LoginStep, mint_login_word
from services.broker_login import TICKET_LIFE
from tests.dhan_served import CLIENT, PIN, TOKEN, ServedDhan
from tests.serving import Served, a_config, end, serve
from utils.clock import SystemClock
from utils.config import Config

SEED = "GEZDGNBVGY3TQOJQ"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def dhan() -> Iterator[ServedDhan]:
    with ServedDhan() as one:
        yield one


@pytest.fixture
def config(dhan: ServedDhan, tmp_path: Path) -> Config:
    return a_config(tmp_path, broker_api_roots={"dhan": dhan.dhan.url})


@pytest.fixture
def service(config: Config) -> Iterator[Served]:
    served = serve(config)
    yield served
    end(served)


@pytest.fixture
def run(config: Config) -> Run:
    app = Flask("commands")
    register_commands(app, config=config, clock=SystemClock(), brokers={"paper", "dhan"})
    runner = app.test_cli_runner()
    return lambda *words, stdin=None: runner.invoke(args=words, input=stdin)


@pytest.fixture
def owner(service: Served) -> Account:
    db, at = service.desk.db, service.desk.clock.now()
    person = owner_named(db, "owner")
    assert person is not None
    made = create_account(db, "dhan", owner_id=person.id, broker="dhan", at=at)
    set_login(db, service.desk.secrets.box, made.id, login={"client_id": CLIENT}, at=at)
    return made


def token_of(service: Served, owner: Account) -> str | None:
    return auth_token_of(service.desk.db, service.desk.secrets.box, owner.id)


def test_a_pasted_access_token_is_checked_and_kept(service: Served, owner: Account, run: Run) -> None:
    wrong = run("account", "login", "dhan", stdin="nobodystoken\n")
    after_wrong = token_of(service, owner)

    right = run("account", "login", "dhan", "--request-token", "-", stdin=f"{TOKEN}\n")

    assert (wrong.exit_code, after_wrong, right.exit_code) == (2, None, 0)
    assert "web.dhan.co" in wrong.output
    assert token_of(service, owner) == f"{CLIENT}:{TOKEN}"
    assert TOKEN not in right.output


def test_pin_and_seed_are_asked_for_once_and_log_in_without_a_person(
    service: Served, owner: Account, run: Run
) -> None:
    first = run("account", "login", "dhan", "--unattended", stdin=f"{PIN}\n{SEED}\n")
    stored = token_of(service, owner)

    again = run("account", "login", "dhan", "--unattended")

    assert (first.exit_code, again.exit_code) == (0, 0), first.output + again.output
    assert "logged in until" in again.output
    assert stored is not None
    assert stored.startswith(f"{CLIENT}:")
    assert token_of(service, owner) != stored
    assert not any(secret in first.output for secret in (PIN, SEED, stored))
    kept = login_of(service.desk.db, service.desk.secrets.box, owner.id)
    assert (kept["pin"], kept["totp_seed"], kept["user_id"]) == (PIN, SEED, CLIENT)


def test_a_wrong_pin_is_a_sentence_and_tells_nothing(owner: Account, run: Run) -> None:
    told = run("account", "login", "dhan", "--secret", "pin=999999", "--unattended", stdin=f"{SEED}\n")

    assert told.exit_code == 2
    assert "refused the stored secrets" in told.output
    assert "999999" not in told.output


def test_a_login_of_another_client_changes_nothing(service: Served, owner: Account, run: Run) -> None:
    db, box, at = service.desk.db, service.desk.secrets.box, service.desk.clock.now()
    login = {"client_id": CLIENT, "pin": PIN, "totp_seed": SEED, "user_id": "1000000099"}
    set_login(db, box, owner.id, login=login, at=at)

    told = run("account", "login", "dhan", "--unattended")

    assert (told.exit_code, token_of(service, owner)) == (2, None)
    assert "another user" in told.output


def test_there_is_no_login_page_and_no_ticket_opens_another_brokers(service: Served, owner: Account) -> None:
    key = service.a_key(Scope.TRADE, account=owner)
    until = service.desk.clock.now() + TICKET_LIFE
    ticket = mint_login_word(
        service.desk.db, service.desk.secrets.box, owner.id, step=LoginStep.TICKET, until=until
    )

    asked = [service.client.post(f"/{name}/login", json={"apikey": key}) for name in ("dhan", "zerodha")]
    opened = service.client.get("/zerodha/login", query_string={"ticket": ticket.text})
    nowhere = service.client.get("/nosuchbroker/login")

    assert [(one.status_code, one.get_json()["code"]) for one in asked] == [(400, "login_refused")] * 2
    assert (opened.status_code, nowhere.status_code) == (400, 404)


def test_a_push_is_taken_at_the_secret_address_of_its_broker_only(
    service: Served, owner: Account, run: Run
) -> None:
    assert run("account", "login", "dhan", "--unattended", stdin=f"{PIN}\n{SEED}\n").exit_code == 0
    address = run("account", "postback", "dhan").output.strip()

    taken = service.client.post(address, data=b'{"orderStatus":"TRADED"}')
    elsewhere = service.client.post(address.replace("/dhan/", "/zerodha/"), data=b"{}")

    assert address.startswith("/postback/dhan/pb_")
    assert (taken.status_code, elsewhere.status_code) == (200, 404)


def test_an_unsigned_push_needs_no_stored_secret(service: Served, owner: Account, run: Run) -> None:
    db, box, at = service.desk.db, service.desk.secrets.box, service.desk.clock.now()
    set_login(db, box, owner.id, login={}, at=at)
    token = f"{CLIENT}:{TOKEN}"
    assert run("account", "set-token", "--name", "dhan", "--auth-token", token).exit_code == 0

    taken = service.client.post(run("account", "postback", "dhan").output.strip(), data=b"{}")

    assert taken.status_code == 200
