"""kill -9 at each point of the order path: the end is the same as without, nothing doubled, nothing lost."""

import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet

from database import migrations
from database.account_db import create_account, create_owner
from database.auth_db import Scope, Secrets, create_api_key
from database.secret_box import SecretBox
from database.session import Database
from scripts.service_process import ServiceFailed, ServiceProcess
from services.bracket.model import OrderRow, RowStatus, Side
from simulator import SimulatedExchange, load_instruments, post_command
from utils.clock import SystemClock

pytestmark = pytest.mark.slow

_PATIENCE_SECONDS = 40.0
_LOOK_EVERY_SECONDS = 0.1

ENTRY_POINTS = [
    "storing bracket",
    "sent place entry",
    "answered place entry",
]
STOP_POINTS = ["storing place stop", "stored place stop", "sent place stop", "answered place stop"]
OCO_POINTS = ["storing place oco", "stored place oco", "sent place oco", "answered place oco"]
REVERSE_POINTS = [
    "stored bracket",
    "sent modify marketable",
    "answered modify marketable",
    "sent place entry",
]
TARGET_POINTS = [
    "storing modify target",
    "stored modify target",
    "sent modify target",
    "answered modify target",
]
EXIT_POINTS = [
    "storing modify marketable",
    "stored modify marketable",
    "sent modify marketable",
    "answered modify marketable",
]

SHORT = {
    "action": "SELL",
    "entry_price": "790",
    "sl_price": "810",
    "target_price": "770",
    "client_order_id": "the-other-one",
    "on_opposite": "close_first",
    "entry_max_age_seconds": 60,  # a machine under load takes its time to start again
}


@dataclass(frozen=True)
class Ending:
    """What the exchange and the service say when all is over."""

    state: str
    outcome: str | None
    position: int
    live_orders: int
    accepted_entries: int
    sold: int


class Trade:
    """One bracket driven to its end against a service that may die on the way."""

    def __init__(self, service: ServiceProcess, key: str, product: str) -> None:
        self.service = service
        self.key = key
        self.product = product
        self.bracket_id: str | None = None
        self.restarts = 0

    def place(self, **overrides: Any) -> None:
        body: dict[str, Any] = {
            "apikey": self.key,
            "symbol": "SBIN",
            "exchange": "NSE",
            "product": self.product,
            "action": "BUY",
            "quantity": 10,
            "entry_price": "801",
            "sl_price": "790",
            "target_price": "815",
            "client_order_id": "the-only-one",
        }
        self.bracket_id = self._call("placebracketorder", body | overrides)["bracket_id"]

    def price(self, last: str) -> None:
        act = {"act": "set_price", "exchange": "NSE", "symbol": "SBIN", "last": last}
        post_command(self.service.paper_state, act)

    def exit(self) -> None:
        self._call("exitbracketorder", {"apikey": self.key, "bracket_id": self.bracket_id})

    def until(self, *states: str) -> dict[str, Any]:
        """Wait for one of the states. A service that dies meanwhile is started again, unarmed."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        found: dict[str, Any] = {}
        while time.monotonic() < deadline:
            body = {"apikey": self.key, "bracket_id": self.bracket_id}
            found = self._call("bracketorderstatus", body)
            if found["state"] in states:
                return found
            time.sleep(_LOOK_EVERY_SECONDS)
        raise AssertionError(f"not {states} in time: {found}")

    def _call(self, endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
        for _ in range(3):
            try:
                url = f"{self.service.url}/api/v1/{endpoint}/"
                answer = requests.post(url, json=body, timeout=10)
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                self.restart()
                continue
            found: dict[str, Any] = answer.json()
            # What was asked before the kill may have been carried out by the time it is asked again.
            is_done_already = self.restarts > 0 and found.get("code") == "bracket_closed"
            assert answer.ok or is_done_already, found
            return found
        raise AssertionError(f"{endpoint} did not answer")

    def restart(self) -> None:
        self.service.wait_for_end(10)
        self.restarts += 1
        self.service.start()


@dataclass(frozen=True)
class Prepared:
    """A folder as `make run` leaves it before it serves: tables, an account, its key. Tests have copies."""

    folder: Path
    settings: dict[str, str]
    account_id: str
    key: str


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("prepared")
    pepper, fernet = secrets.token_bytes(32), Fernet.generate_key().decode()
    url, clock = f"sqlite:///{folder / 'openbracket.db'}", SystemClock()
    migrations.upgrade(url)
    db = Database(url)
    owner = create_owner(db, "owner", at=clock.now())
    account = create_account(db, "paper", owner_id=owner.id, broker="paper", at=clock.now())
    keys = Secrets(SecretBox(pepper=pepper, encryption_keys=[fernet]), clock)
    key = create_api_key(db, keys, account.id, scopes=(Scope.READ, Scope.TRADE), at=clock.now())
    db.close()
    settings = {"PAPER_PRICES": "NSE:SBIN=802", "API_KEY_PEPPER": pepper.hex(), "ENCRYPTION_KEYS": fernet}
    return Prepared(folder, settings, account.id, key)


@pytest.fixture
def service(prepared: Prepared, tmp_path: Path) -> Iterator[ServiceProcess]:
    shutil.copytree(prepared.folder, tmp_path, dirs_exist_ok=True)
    with ServiceProcess(tmp_path, settings=prepared.settings) as process:
        yield process


def run_trade(
    service: ServiceProcess, prepared: Prepared, *, product: str, end: str, kill_at: str | None
) -> Ending:
    service.start(extra={} if kill_at is None else {"KILL_AT": kill_at})
    trade = Trade(service, prepared.key, product)
    trade.place()
    trade.price("800")
    trade.until("PROTECTED")
    if end == "exit":
        trade.exit()
    else:
        trade.price("816" if end == "target" else "789.50")
    closed = trade.until("CLOSED")
    service.stop()
    assert trade.restarts == (kill_at is not None), f"the service was not killed at {kill_at!r}"
    return ending(service, prepared, closed)


def ending(service: ServiceProcess, prepared: Prepared, closed: dict[str, Any]) -> Ending:
    exchange = SimulatedExchange(SystemClock(), path=service.paper_state, listings=load_instruments())
    try:
        orders = exchange.order_book(prepared.account_id)
        position = sum(row.quantity for row in exchange.positions(prepared.account_id))
    finally:
        exchange.close()
    return Ending(
        state=closed["state"],
        outcome=closed["outcome"],
        position=position,
        live_orders=sum(1 for row in orders if _is_live(row)),
        accepted_entries=sum(1 for row in orders if row.tag is not None and row.tag[8] == "E"),
        sold=sum(row.filled for row in orders if row.side is Side.SELL),
    )


def _is_live(row: OrderRow) -> bool:
    return row.status in (RowStatus.OPEN, RowStatus.PENDING, RowStatus.TRIGGER_PENDING)


@pytest.mark.parametrize("point", [*ENTRY_POINTS, *STOP_POINTS, *TARGET_POINTS])
def test_a_kill_on_the_way_to_an_intraday_target_changes_nothing(
    service: ServiceProcess, prepared: Prepared, point: str
) -> None:
    found = run_trade(service, prepared, product="MIS", end="target", kill_at=point)

    assert found == Ending("CLOSED", "target_hit", 0, 0, 1, 10)


def test_an_entry_stored_but_not_sent_when_the_service_died_is_never_sent(
    service: ServiceProcess, prepared: Prepared
) -> None:
    service.start(extra={"KILL_AT": "stored bracket"})
    trade = Trade(service, prepared.key, "MIS")
    trade.place()
    trade.price("800")

    over = trade.until("EXPIRED")
    service.stop()

    assert trade.restarts == 1
    assert ending(service, prepared, over) == Ending("EXPIRED", None, 0, 0, 0, 0)


@pytest.mark.parametrize("point", OCO_POINTS)
@pytest.mark.parametrize(("end", "outcome"), [("target", "target_hit"), ("stop", "stop_hit")])
def test_a_kill_on_the_way_to_a_brokers_oco_changes_nothing(
    service: ServiceProcess, prepared: Prepared, point: str, end: str, outcome: str
) -> None:
    found = run_trade(service, prepared, product="CNC", end=end, kill_at=point)

    assert found == Ending("CLOSED", outcome, 0, 0, 1, 10)


@pytest.mark.parametrize("point", EXIT_POINTS)
def test_a_kill_while_leaving_at_the_market_changes_nothing(
    service: ServiceProcess, prepared: Prepared, point: str
) -> None:
    found = run_trade(service, prepared, product="MIS", end="exit", kill_at=point)

    assert found == Ending("CLOSED", "exited", 0, 0, 1, 10)


@pytest.mark.parametrize("point", REVERSE_POINTS)
def test_a_kill_between_closing_the_other_side_and_the_entry_keeps_both_promises(
    service: ServiceProcess, prepared: Prepared, point: str
) -> None:
    service.start()
    old = Trade(service, prepared.key, "MIS")
    old.place()
    old.price("800")
    old.until("PROTECTED")
    service.kill()
    service.start(extra={"KILL_AT": point})
    new = Trade(service, prepared.key, "MIS")

    new.place(**SHORT)
    held = new.until("PROTECTED")
    closed = old.until("CLOSED")
    service.stop()

    assert new.restarts == 1, f"the service was not killed at {point!r}"
    assert (closed["outcome"], held["filled_quantity"]) == ("exited", 10)
    assert ending(service, prepared, held) == Ending("PROTECTED", None, -10, 1, 2, 20)


def test_kills_during_recovery_converge(service: ServiceProcess, prepared: Prepared) -> None:
    service.start()
    trade = Trade(service, prepared.key, "MIS")
    trade.place()
    trade.price("800")
    trade.until("PROTECTED")
    for _ in range(5):
        service.kill()
        with pytest.raises(ServiceFailed):
            service.start(extra={"KILL_AT": "recovering"})

    service.start()
    trade.price("816")
    closed = trade.until("CLOSED")
    service.stop()

    assert ending(service, prepared, closed) == Ending("CLOSED", "target_hit", 0, 0, 1, 10)


def test_a_stop_that_fires_while_the_service_is_down_is_found_closed(
    service: ServiceProcess, prepared: Prepared
) -> None:
    service.start()
    trade = Trade(service, prepared.key, "CNC")
    trade.place()
    trade.price("800")
    trade.until("PROTECTED")
    service.kill()
    trade.price("789.50")

    service.start()
    closed = trade.until("CLOSED")
    service.stop()

    assert ending(service, prepared, closed) == Ending("CLOSED", "stop_hit", 0, 0, 1, 10)


@pytest.mark.parametrize(
    ("point", "at_the_exchange", "status"),
    [
        ("storing plain order", 1, "complete"),  # nothing was stored: asked again, it is a new order
        ("stored plain order", 0, "rejected"),  # proved absent, and never sent although asked again
        ("sent plain order", 1, "complete"),  # found by its tag
    ],
)
def test_a_plain_order_asked_for_again_after_a_kill_is_placed_once_at_most(
    service: ServiceProcess, prepared: Prepared, point: str, at_the_exchange: int, status: str
) -> None:
    service.start(extra={"KILL_AT": point})
    trade = Trade(service, prepared.key, "MIS")
    order = {"strategy": "x", "symbol": "SBIN", "exchange": "NSE", "action": "BUY", "quantity": 1}

    placed = trade._call("placeorder", {"apikey": prepared.key, **order, "client_order_id": "the-only-one"})
    named = {"apikey": prepared.key, "strategy": "x", "orderid": placed["orderid"]}
    deadline = time.monotonic() + _PATIENCE_SECONDS
    told = ""
    while told != status and time.monotonic() < deadline:
        told = trade._call("orderstatus", named)["data"]["order_status"]
        time.sleep(_LOOK_EVERY_SECONDS)
    service.stop()

    exchange = SimulatedExchange(SystemClock(), path=service.paper_state, listings=load_instruments())
    tags = [row.tag for row in exchange.order_book(prepared.account_id)]
    exchange.close()
    assert (told, len(tags), trade.restarts) == (status, at_the_exchange, 1)
