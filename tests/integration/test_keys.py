"""Accounts whose broker has no login: keys that somebody took back, and the next ones."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from cli import register_commands
from database.account_db import (
    Account,
    AccountStatus,
    create_account,
    existing_account,
    owner_named,
    set_auth_token,
)
from database.outbox_db import Channel, Destination, add_destination, waiting
from services.bracket.model import Mode
from tests.alpaca_served import KEY, NEXT_KEY, NEXT_SECRET, SECRET, ServedAlpaca
from tests.serving import Served, a_config, end, serve, until
from utils.clock import SystemClock
from utils.config import Config


@pytest.fixture
def broker() -> Iterator[ServedAlpaca]:
    with ServedAlpaca() as one:
        yield one


@pytest.fixture
def config(broker: ServedAlpaca, tmp_path: Path) -> Config:
    return a_config(tmp_path, broker_api_roots={"alpaca": broker.alpaca.url})


@pytest.fixture
def service(config: Config) -> Iterator[Served]:
    served = serve(config)
    yield served
    end(served)


def an_account(service: Served) -> Account:
    """Return an account with its keys, and a hook that is told of it."""
    db, at = service.desk.db, service.desk.clock.now()
    owner = owner_named(db, "owner")
    assert owner is not None
    made = create_account(db, "us", owner_id=owner.id, broker="alpaca", at=at)
    set_auth_token(db, service.desk.secrets.box, made.id, auth_token=f"{KEY}:{SECRET}", at=at)
    hook = Destination(
        id="hook", account_id=made.id, channel=Channel.WEBHOOK, address="https://127.0.0.1:1/", created_at=at
    )
    add_destination(db, hook, secret=None)
    return made


def status_of(service: Served, owner: Account) -> AccountStatus:
    return existing_account(service.desk.db, owner.id).status


def test_keys_that_were_taken_back_are_told_of_and_the_next_ones_are_gone_on_with(
    service: Served, broker: ServedAlpaca, config: Config
) -> None:
    owner = an_account(service)
    runner = Flask("commands")
    register_commands(runner, config=config, clock=SystemClock(), brokers={"paper", "alpaca"})
    run = runner.test_cli_runner()

    broker.sim("token", api_key=KEY, alive=False)
    worker = until(lambda: service.desk.supervisor.running(owner.id, Mode.LIVE), what="a worker")
    worker.token_died()  # as a read finds out that has something to look at
    until(lambda: status_of(service, owner) is AccountStatus.NEEDS_LOGIN, what="the alarm")
    told = [one.body for one in waiting(service.desk.db, ["hook"], limit=100)]
    doctor = run.invoke(args=["doctor"]).output
    words = ["account", "set-token", "--name", "us", "--auth-token", "-"]
    taken = run.invoke(args=words, input=f"{NEXT_KEY}:{NEXT_SECRET}")

    assert any("account set-token --name us" in body for body in told)
    assert "run `account set-token --name us" in doctor
    assert taken.exit_code == 0, taken.output
    until(lambda: status_of(service, owner) is AccountStatus.ACTIVE, what="the new keys at work")
