"""Logging in at Angel One by command: PIN and one-time password typed or computed, and never shown."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from broker.angel.api.auth_api import login_by_password
from broker.base import AuthDead, BrokerSettings, OutcomeUnknown, RateLimited
from cli import register_commands
from database.account_db import Account, auth_token_of, create_account, login_of, owner_named
from tests.angel_served import CLIENT, KEY, PIN, ServedAngel
from tests.serving import Served, a_config, end, serve
from utils.clock import SystemClock
from utils.config import Config

SEED, CODE = "GEZDGNBVGY3TQOJQ", "314159"
PUBLIC = ("--secret", f"api_key={KEY}", "--secret", f"client_code={CLIENT}")
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def angel() -> Iterator[ServedAngel]:
    with ServedAngel() as one:
        yield one


@pytest.fixture
def config(angel: ServedAngel, tmp_path: Path) -> Config:
    return a_config(tmp_path, broker_api_roots={"angel": angel.angel.url})


@pytest.fixture
def service(config: Config) -> Iterator[Served]:
    served = serve(config)
    yield served
    end(served)


@pytest.fixture
def run(config: Config) -> Run:
    app = Flask("commands")
    register_commands(app, config=config, clock=SystemClock(), brokers={"paper", "angel"})
    runner = app.test_cli_runner()
    return lambda *words, stdin=None: runner.invoke(args=words, input=stdin)


@pytest.fixture
def owner(service: Served) -> Account:
    db, at = service.desk.db, service.desk.clock.now()
    person = owner_named(db, "owner")
    assert person is not None
    return create_account(db, "angel", owner_id=person.id, broker="angel", at=at)


def token_of(service: Served, owner: Account) -> str | None:
    return auth_token_of(service.desk.db, service.desk.secrets.box, owner.id)


def test_pin_and_code_are_asked_for_without_echo_and_the_seed_is_not_needed(
    service: Served, owner: Account, run: Run
) -> None:
    told = run("account", "login", "angel", *PUBLIC, stdin=f"{PIN}\n{CODE}\n")

    token = token_of(service, owner)
    assert told.exit_code == 0, told.output
    assert token is not None
    assert token.startswith(f"{KEY}:")
    assert not any(secret in told.output for secret in (PIN, CODE, token.partition(":")[2]))
    kept = login_of(service.desk.db, service.desk.secrets.box, owner.id)
    assert (kept["pin"], kept["user_id"], "totp_seed" in kept) == (PIN, CLIENT, False)
    assert PIN.encode() not in Path(str(service.desk.db.engine.url.database)).read_bytes()


def test_a_stored_seed_logs_in_without_a_person(service: Served, owner: Account, run: Run) -> None:
    first = run("account", "login", "angel", *PUBLIC, "--unattended", stdin=f"{PIN}\n{SEED}\n")
    stored = token_of(service, owner)

    again = run("account", "login", "angel", "--unattended")

    assert (first.exit_code, again.exit_code) == (0, 0), first.output + again.output
    assert token_of(service, owner) not in (None, stored)
    assert not any(secret in first.output for secret in (PIN, SEED))


def test_a_token_by_hand_is_asked_whose_it_is(service: Served, owner: Account, run: Run) -> None:
    run("account", "login", "angel", *PUBLIC, stdin=f"{PIN}\n{CODE}\n")
    good = token_of(service, owner)

    dead = run("account", "set-token", "--name", "angel", "--auth-token", "-", stdin=f"{KEY}:nobodys")
    same = run("account", "set-token", "--name", "angel", "--auth-token", "-", stdin=good)

    assert (dead.exit_code, "does not take this token" in dead.output) == (2, True), dead.output
    assert (same.exit_code, token_of(service, owner)) == (0, good), same.output


@pytest.mark.parametrize("typed", [f"9999\n{CODE}\n", f"{PIN}\nnocode\n"])
def test_a_wrong_pin_or_code_is_a_sentence_and_tells_nothing(
    service: Served, owner: Account, run: Run, typed: str
) -> None:
    told = run("account", "login", "angel", *PUBLIC, stdin=typed)

    assert (told.exit_code, token_of(service, owner)) == (2, None)
    assert "refused the totp" in told.output
    assert not any(word in told.output for word in typed.split())


def test_a_login_that_nobody_answered_is_told_apart_from_a_refused_one(angel: ServedAngel) -> None:
    failures = []
    for fault in ("502 after acceptance", "garbled JSON after acceptance", "429", "AB1004 before acceptance"):
        angel.sim("faults", at="network", fault=fault, path="loginByPassword$")
        with pytest.raises((OutcomeUnknown, RateLimited, AuthDead)) as failed:
            login_by_password(settings_of(angel), api_key=KEY, client_code=CLIENT, pin=PIN, code=CODE)
        failures.append(failed.type)
        assert not any(secret in str(failed.value) for secret in (PIN, CODE))

    assert failures == [OutcomeUnknown, OutcomeUnknown, RateLimited, AuthDead]


def settings_of(angel: ServedAngel) -> BrokerSettings:
    return BrokerSettings(api_roots={"angel": angel.angel.url}, paper_state="", paper_prices="")
