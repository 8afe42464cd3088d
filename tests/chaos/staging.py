"""The real service before a simulated Kite, with a faulty network between the two."""

import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cryptography.fernet import Fernet

from broker.zerodha.session import QUOTE_WINDOWS
from database import migrations
from database.account_db import create_account, create_owner, set_auth_token
from database.auth_db import Scope, Secrets, create_api_key
from database.secret_box import SecretBox
from database.session import Database
from database.symbol import Listing, replace_instruments
from scripts.service_process import ServiceProcess
from services.bracket.model import OrderRow, RowStatus, Side
from simulator import load_instruments
from simulator.fault_proxy import FaultProxy
from simulator.instruments import Listing as Listed
from simulator.wire_faults import FaultPlan
from tests.kite_process import KiteProcess
from tests.replays import assert_all_replay
from tests.serving import until
from utils.clock import SystemClock

BROKER = "zerodha"
SHARES = tuple(one for one in load_instruments() if one.key[0] == "NSE" and one.instrument.kind == "EQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosAccount:
    """One account; its user at the broker, its key at the service, and the share it trades."""

    id: str
    user_id: str
    api_key: str  # at the broker
    key: str  # at the service
    share: Listed


@dataclass(frozen=True, slots=True)
class Books:
    """What the exchange itself says an account did: the truth that every claim is held against."""

    position: int
    live_orders: int
    live_gtts: int
    entries: int  # orders with an entry's tag that the exchange took in
    bought: int
    sold: int


class Stage:
    """Service, broker and the wire between them, in a folder of their own; not started yet."""

    def __init__(
        self,
        folder: Path,
        *,
        count: int = 1,
        settings: dict[str, str] | None = None,
        database_folder: Path | None = None,
    ) -> None:
        self._pepper, self._fernet = secrets.token_bytes(32), Fernet.generate_key().decode()
        apps = [f"USER{n:02d}:key{n:02d}:secret{n:02d}:token{n:02d}" for n in range(count)]
        self.kite = KiteProcess(folder / "kite.state", apps)
        self.kite.start()
        self.plan = FaultPlan(seed=7)
        self.proxy = FaultProxy(self.kite.url, self.plan)
        self.proxy.start()
        self.database_file = (database_folder or folder) / "openbracket.db"
        self.service = self.another_service(folder, settings=settings)
        self.accounts = self._populated(count)

    def another_service(self, folder: Path, *, settings: dict[str, str] | None = None) -> ServiceProcess:
        """Return a service of this stage's database and secrets, on a port of its own."""
        return ServiceProcess(
            folder,
            settings={
                "DATABASE_URL": f"sqlite:///{self.database_file}",
                "API_KEY_PEPPER": self._pepper.hex(),
                "ENCRYPTION_KEYS": self._fernet,
                "ZERODHA_API_ROOT": self.proxy.url,
                "BRACKET_ORDER_RATE_LIMIT": "1000 per second",
                "MARKET_HOURS": "ignore",
            }
            | (settings or {}),
        )

    def await_plans(self) -> None:
        """Wait until every account has found out what its plan gives, and may ask for another price.

        The question takes an account's one quote of a second, and a GTT needs a last price.
        """
        for one in self.accounts:
            until(partial(self._has_asked, one), what=f"the plan of {one.user_id}", seconds=30)
        threading.Event().wait(QUOTE_WINDOWS[0].length.total_seconds())

    def _has_asked(self, account: ChaosAccount) -> bool:
        return any(call.startswith("GET /quote") for call in self.kite.calls(account.api_key))

    def restart_broker(self) -> None:
        """The broker's machine comes back with what it had on disk."""
        self.kite.stop()
        self.kite.start()
        self.proxy.redirect(self.kite.url)

    def replay_all(self) -> int:
        """Decide every bracket again from its record, and return how many; only while nobody works on it."""
        db = Database(f"sqlite:///{self.database_file}")
        try:
            return assert_all_replay(db)
        finally:
            db.close()

    def close(self) -> None:
        self.service.kill()
        self.proxy.stop()
        self.kite.stop()

    def books_of(self, account: ChaosAccount) -> Books:
        """Return the exchange's word on an account; ends the broker for it."""
        self.kite.stop()  # a second call does nothing
        return read_books(self.kite, account.user_id)

    def _populated(self, count: int) -> Sequence[ChaosAccount]:
        url = f"sqlite:///{self.database_file}"
        migrations.upgrade(url)
        db = Database(url)
        try:
            clock = SystemClock()
            listings = [Listing(instrument=one.instrument) for one in SHARES]
            replace_instruments(db, listings, broker=BROKER, exchange="NSE", at=clock.now())
            store = Secrets(SecretBox(pepper=self._pepper, encryption_keys=(self._fernet,)), clock)
            owner = create_owner(db, "chaos", at=clock.now())
            return [_account(db, store, owner.id, number) for number in range(count)]
        finally:
            db.close()


def read_books(kite: KiteProcess, user_id: str) -> Books:
    """Return what the exchange has of a user; only after the end of its process."""
    exchange = kite.books()
    try:
        orders = exchange.order_book(user_id)
        positions = exchange.positions(user_id)
        gtts = exchange.gtt_book(user_id)
    finally:
        exchange.close()
    return Books(
        position=sum(row.quantity for row in positions),
        live_orders=sum(1 for row in orders if _is_live(row)),
        live_gtts=sum(1 for row in gtts if row.status.value == "active"),
        entries=sum(1 for row in orders if row.tag is not None and row.tag[8] == "E"),
        bought=sum(row.filled for row in orders if row.side is Side.BUY),
        sold=sum(row.filled for row in orders if row.side is Side.SELL),
    )


def _account(db: Database, store: Secrets, owner_id: str, number: int) -> ChaosAccount:
    at = SystemClock().now()
    made = create_account(db, f"chaos{number:02d}", owner_id=owner_id, broker=BROKER, at=at)
    set_auth_token(db, store.box, made.id, auth_token=f"key{number:02d}:token{number:02d}", at=at)
    return ChaosAccount(
        id=made.id,
        user_id=f"USER{number:02d}",
        api_key=f"key{number:02d}",
        key=create_api_key(db, store, made.id, scopes=(Scope.READ, Scope.TRADE), at=at),
        share=SHARES[number],
    )


def _is_live(row: OrderRow) -> bool:
    return row.status in (RowStatus.OPEN, RowStatus.PENDING, RowStatus.TRIGGER_PENDING)
