"""A service with accounts at the stub broker, ready to be started and measured."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import event as engine_events

from bench.processes import worker_of
from database import migrations
from database.account_db import create_account, create_owner, set_auth_token, set_login
from database.auth_db import Scope, Secrets, create_api_key, create_webhook
from database.secret_box import SecretBox
from database.session import Database
from database.symbol import Listing, replace_instruments
from scripts.service_process import ServiceProcess
from services.bracket.model import Instrument
from utils.clock import SystemClock

BROKER = "zerodha"
EXCHANGE = "NSE"
API_SECRET = "bench-secret"  # noqa: S105  # the stub's
SYMBOLS = tuple(f"BENCH{number:02d}" for number in range(50))

ORDER: dict[str, Any] = {
    "exchange": EXCHANGE,
    "product": "MIS",
    "action": "BUY",
    "quantity": 10,
    "entry_price": "500.00",
    "sl_price": "490.00",
    "target_price": "515.00",
    "strategy": "bench",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedAccount:
    """One account; token is the Authorization header it sends to the stub."""

    id: str
    owner_id: str
    key: str
    webhook: str
    postback: str
    token: str


def instrument(symbol: str) -> Instrument:
    return Instrument(exchange=EXCHANGE, symbol=symbol, tick_size=Decimal("0.05"), lot_size=1)


class Stage:
    """A service in a folder of its own, with `count` accounts; not started yet."""

    def __init__(
        self,
        folder: Path,
        *,
        stub_url: str,
        count: int,
        wide_limits: bool = False,
        database_url: str | None = None,
        settings: Mapping[str, str] | None = None,
        make_account: Callable[[Database, Secrets, str, int], StagedAccount] | None = None,
    ) -> None:
        folder.mkdir(parents=True)
        self._pepper, self._fernet = secrets.token_bytes(32), Fernet.generate_key().decode()
        self.service = ServiceProcess(
            folder,
            settings={
                "API_KEY_PEPPER": self._pepper.hex(),
                "ENCRYPTION_KEYS": self._fernet,
                "ZERODHA_API_ROOT": stub_url,
                "BRACKET_ORDER_RATE_LIMIT": "1000 per second",
                "API_RATE_LIMIT": "10000 per second",
                "MARKET_HOURS": "ignore",
                "LOG_LEVEL": "WARNING",
                **({} if database_url is None else {"DATABASE_URL": database_url}),
                **(settings or {}),
            },
            application="bench.wide_service:main()" if wide_limits else "app:main()",
        )
        self.database_file = folder / "openbracket.db"
        self.database_url = database_url or f"sqlite:///{self.database_file}"
        self._make_account = make_account or _account
        self.accounts = self._populated(count)

    @property
    def pid(self) -> int:
        """The process that serves and works, gunicorn's only worker."""
        return worker_of(self.service.pid)

    def postback_url(self, account: StagedAccount) -> str:
        return f"{self.service.url}/postback/{BROKER}/{account.postback}"

    def _populated(self, count: int) -> Sequence[StagedAccount]:
        migrations.upgrade(self.database_url)
        db = hasty_database(self.database_url)
        try:
            listings = [Listing(instrument=instrument(symbol)) for symbol in SYMBOLS]
            replace_instruments(db, listings, broker=BROKER, exchange=EXCHANGE, at=SystemClock().now())
            return self._accounts(db, count)
        finally:
            db.close()

    def _accounts(self, db: Database, count: int) -> Sequence[StagedAccount]:
        clock = SystemClock()
        store = Secrets(SecretBox(pepper=self._pepper, encryption_keys=(self._fernet,)), clock)
        owner = create_owner(db, "bench", at=clock.now())
        return [self._make_account(db, store, owner.id, number) for number in range(count)]


def _account(db: Database, store: Secrets, owner_id: str, number: int) -> StagedAccount:
    at = SystemClock().now()
    token = f"key{number:03d}:token{number:03d}"
    made = create_account(db, f"bench{number:03d}", owner_id=owner_id, broker=BROKER, at=at)
    set_auth_token(db, store.box, made.id, auth_token=token, at=at)
    login = {"api_key": f"key{number:03d}", "api_secret": API_SECRET}
    set_login(db, store.box, made.id, login=login, at=at)
    return StagedAccount(
        id=made.id,
        owner_id=owner_id,
        key=create_api_key(db, store, made.id, scopes=(Scope.READ, Scope.TRADE), at=at),
        webhook=create_webhook(db, store, made.id, at=at, require_timenow=False),
        postback=store.box.postback_token(made.id),
        token=f"token {token}",
    )


def quiet_account(db: Database, store: Secrets, owner_id: str, number: int) -> StagedAccount:
    """Make an account that is worked and that nobody asks anything: in a fifth of the time."""
    at = SystemClock().now()
    token = f"key{number:03d}:token{number:03d}"
    made = create_account(db, f"bench{number:03d}", owner_id=owner_id, broker=BROKER, at=at)
    set_auth_token(db, store.box, made.id, auth_token=token, at=at)
    return StagedAccount(
        id=made.id, owner_id=owner_id, key="", webhook="", postback="", token=f"token {token}"
    )


def hasty_database(url: str) -> Database:
    """Return a store that does not wait for the disk: for seeding, never for measuring."""
    db = Database(url)

    @engine_events.listens_for(db.engine, "connect")
    def _do_not_wait(connection: Any, _entry: object) -> None:
        if db.dialect_name == "sqlite":
            connection.execute("PRAGMA synchronous=OFF")
        else:
            connection.execute("SET synchronous_commit TO off")
            connection.commit()

    return db
