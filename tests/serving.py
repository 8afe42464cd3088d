"""A service at work for tests: the app, its threads, an account with keys, and waiting without sleeping."""

import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, TypeVar

from flask import Flask
from flask.testing import FlaskClient

import app as wiring
from database import migrations
from database.account_db import Account, account_named, create_account, create_owner, owner_named
from database.auth_db import Scope, create_api_key, create_webhook
from database.session import sqlite_file
from database.webhook_settings import WebhookLimits, WebhookSettings
from extensions import socketio
from limiter import limiter
from services.background import Background
from services.desk import Desk
from utils.config import Config

Found = TypeVar("Found")
Json = dict[str, Any]

DEADLINE_SECONDS = 10.0


def until(
    ask: Callable[[], Found | None], *, what: str = "the condition", seconds: float = DEADLINE_SECONDS
) -> Found:
    """Return the first true answer; fails after `seconds`."""
    pause, deadline = threading.Event(), monotonic() + seconds
    while monotonic() < deadline:
        if found := ask():
            return found
        pause.wait(0.01)
    raise AssertionError(f"{what} did not come true within {seconds} s")


def a_config(path: Path, **overrides: Any) -> Config:
    """Return a configuration whose files lie below path; limits are out of the way unless said."""
    plain: dict[str, Any] = {
        "api_key_pepper": b"p" * 32,
        "encryption_keys": (urlsafe_b64encode(b"k" * 32).decode(),),
        "secret_key": "s" * 40,
        "database_url": f"sqlite:///{path / 'openbracket.db'}",
        "paper_state": str(path / "paper.state"),
        "paper_prices": "NSE:SBIN=500,NSE:INFY=1500",
        "bracket_order_rate_limit": "1000 per second",
        "api_rate_limit": "10000 per second",
        "order_rate_limit": "1000 per second",
        "log_level": "ERROR",
    }
    return Config(**plain | overrides)


@dataclass
class Served:
    """The app at work, with one account `main` on the paper market and its full key."""

    app: Flask
    account: Account
    key: str
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    @property
    def desk(self) -> Desk:
        desk: Desk = self.app.extensions["openbracket"]
        return desk

    @property
    def background(self) -> Background:
        background: Background = self.app.extensions["openbracket_background"]
        return background

    def another_account(self, name: str, *, broker: str = "paper") -> Account:
        owner = owner_named(self.desk.db, "owner")
        assert owner is not None
        return create_account(self.desk.db, name, owner_id=owner.id, broker=broker, at=self.desk.clock.now())

    def for_another_account(self, name: str) -> "Served":
        """Return the same service as the tests of another account on the paper market see it."""
        other = Served(app=self.app, account=self.another_account(name), key="")
        other.key = other.a_key()
        return other

    def a_key(self, *scopes: Scope, account: Account | None = None) -> str:
        return create_api_key(
            self.desk.db,
            self.desk.secrets,
            (account or self.account).id,
            scopes=scopes or (Scope.READ, Scope.TRADE),
            at=self.desk.clock.now(),
        )

    def a_webhook(
        self,
        *,
        require_timenow: bool = False,
        limits: WebhookLimits | None = None,
        settings: WebhookSettings | None = None,
    ) -> str:
        return create_webhook(
            self.desk.db,
            self.desk.secrets,
            self.account.id,
            at=self.desk.clock.now(),
            require_timenow=require_timenow,
            limits=limits,
            settings=settings,
        )

    def post(self, path: str, body: Json | None = None, *, key: str | None = None, **headers: str) -> Any:
        """Post to /api/v1 with the key in the body."""
        sent = {"apikey": key or self.key, **(body or {})}
        return self.client.post(f"/api/v1/{path}/", json=sent, headers=_named(headers))

    def place(self, **overrides: Any) -> Json:
        """Place an order and return the answer, which must be a success."""
        answer = self.post("placebracketorder", an_order(**overrides))
        assert answer.status_code == 200, answer.get_json()
        found: Json = answer.get_json()
        return found

    def status(self, bracket_id: str) -> Json:
        found: Json = self.post("bracketorderstatus", {"bracket_id": bracket_id}).get_json()
        return found

    def bracket_ids(self) -> list[str]:
        """Return the account's brackets, newest first."""
        found = self.post("bracketorderbook").get_json()
        return [str(bracket["bracket_id"]) for bracket in found["brackets"]]

    def until_state(self, bracket_id: str, *states: str) -> Json:
        """Wait until a bracket is in one of the states and return it."""

        def reached() -> Json | None:
            bracket = self.status(bracket_id)
            return bracket if bracket["state"] in states else None

        return until(reached, what=f"state {states}")


def serve(config: Config) -> Served:
    """Start a service over a fresh database. End it with `end`."""
    lay_database(config)
    app = wiring.create_app(config)
    app.testing = True
    limiter.reset()
    desk: Desk = app.extensions["openbracket"]
    owner = create_owner(desk.db, "owner", at=desk.clock.now())
    account = create_account(desk.db, "main", owner_id=owner.id, broker="paper", at=desk.clock.now())
    served = Served(app=app, account=account, key="")
    served.key = served.a_key()
    served.background.start()
    if config.work_accounts:
        until(lambda: desk.supervisor.works(account.id), what="the account is looked after")
    return served


def lay_database(config: Config) -> None:
    """Make the new database of a service: migrated, with what the paper market lists."""
    file = sqlite_file(config.database_url)
    if file is None:  # a server's
        _migrate(config)
        return
    assert not file.exists()
    file.touch(mode=0o600)
    file.write_bytes(_migrated())


@cache
def _migrated() -> bytes:
    """Migrate a file once a process; test_migrations and test_cli show what the migrations do."""
    with TemporaryDirectory() as folder:
        _migrate(a_config(Path(folder)))
        return (Path(folder) / "openbracket.db").read_bytes()


def _migrate(config: Config) -> None:
    migrations.upgrade(config.database_url)
    desk: Desk = wiring.create_app(config).extensions["openbracket"]
    wiring.list_paper_instruments(desk)
    desk.db.close()


@contextmanager
def served_again(config: Config, key: str) -> Iterator[Served]:
    """Start a service on a database that is there."""
    app = wiring.create_app(config)
    app.testing = True
    limiter.reset()
    account = account_named(app.extensions["openbracket"].db, "main")
    assert account is not None
    served = Served(app=app, account=account, key=key)
    served.background.start()
    try:
        yield served
    finally:
        end(served)


def end(served: Served) -> None:
    """Stop the service's threads and close its files."""
    served.background.stop()
    socketio.server.shutdown()  # type: ignore[attr-defined]  # its stubs leave it out


def an_order(**overrides: Any) -> Json:
    """Return the body of an order that fills at once and is protected: SBIN trades at 500."""
    plain: Json = {
        "symbol": "SBIN",
        "exchange": "NSE",
        "product": "MIS",
        "action": "BUY",
        "quantity": 10,
        "entry_price": 505,
        "sl_price": 450,
        "target_price": 560,
    }
    return {name: value for name, value in (plain | overrides).items() if value is not ...}


def resting(**overrides: Any) -> Json:
    """Return the body of an order that rests: its entry is far below the market."""
    return an_order(**{"entry_price": 440, "sl_price": 430, "target_price": 470} | overrides)


def words(found: Iterable[Json]) -> list[str]:
    return [str(one["kind"]) for one in found]


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
