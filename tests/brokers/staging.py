"""The service as `make run` starts it and a simulated broker with sockets and postbacks, as processes."""

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from cryptography.fernet import Fernet

from database import migrations
from database.account_db import create_account, create_owner, owner_named, set_auth_token, set_login
from database.auth_db import Scope, Secrets, create_api_key
from database.secret_box import SecretBox
from database.session import Database
from scripts.service_process import ServiceProcess
from simulator import load_instruments
from simulator.instruments import Listing
from tests.brokers.description import Broker
from tests.brokers.process import BrokerProcess, wait_for
from tests.chaos.staging import Books, ChaosAccount
from tests.chaos.trade import QUANTITY, Trade
from tests.replays import assert_all_replay
from utils.clock import SystemClock

DONE = Books(position=0, live_orders=0, live_gtts=0, entries=1, bought=QUANTITY, sold=QUANTITY)
FUTURES = tuple(one for one in load_instruments() if one.key[0] == "NFO" and one.instrument.kind == "FUT")
_ALIVE = ("open", "pending", "trigger_pending")


class BrokerStage:
    """A service and its broker. Accounts are logged in unless the stage is made for logins."""

    def __init__(
        self,
        folder: Path,
        broker: Broker,
        *,
        users: int = 1,
        free: Sequence[int] = (),
        has_tokens: bool = True,
        settings: dict[str, str] | None = None,
        application: str = "app:main()",
        make_process: Callable[..., BrokerProcess] = BrokerProcess,
        module: str | None = None,
    ) -> None:
        """Start the broker. users of the numbers in free have the plan without market data."""
        self.broker = broker
        self._has_tokens = has_tokens
        self._without_prices = {broker.user_of(number) for number in free}
        apps = [broker.app(number, is_free=number in free, has_token=has_tokens) for number in range(users)]
        self.process = make_process(folder / "broker.state", apps, module=module or broker.module)
        self.process.start()
        self._secrets = {
            "API_KEY_PEPPER": secrets.token_bytes(32).hex(),
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        }
        self.service = ServiceProcess(
            folder,
            settings={
                **self._secrets,
                "MARKET_HOURS": "ignore",
                "OUTBOUND_WEBHOOKS_ALLOW": "private,http",
                "BRACKET_ORDER_RATE_LIMIT": "1000 per second",
                **self.roots(),
                **(settings or {}),
            },
            application=application,
        )
        self._database_url = f"sqlite:///{folder / 'openbracket.db'}"
        self._taken = 0

    def roots(self) -> dict[str, str]:
        """Return the settings that lead to the broker where it is now."""
        return self.broker.roots(self.process.url, self.process.socket_url)

    def open(self) -> None:
        """Make the tables and a first account, list the broker's instruments and serve."""
        migrations.upgrade(self._database_url)
        self.first = self.account()
        self.on_first_account()
        self.service.command("instruments", "sync", "--broker", self.broker.name)
        self.service.start()

    def on_first_account(self) -> None:
        """Do what has to be done before the instruments can be listed; a login, where that takes one."""

    def close(self) -> None:
        self.service.kill()
        self.process.stop()

    def account(self, listed: Listing | None = None, *, number: int | None = None) -> ChaosAccount:
        """Return the account of the next user; its share is its own."""
        if number is None:
            number, self._taken = self._taken, self._taken + 1
        shares = self.broker.shares
        db = Database(self._database_url)
        try:
            made = self._made(db, number, listed or shares[number % len(shares)])
        finally:
            db.close()
        self.on_account(made)
        return made

    def on_account(self, account: ChaosAccount) -> None:
        """Tell the broker where the account gets its postbacks."""
        self.process.addresses(account.api_key, postback_url=self.postback_url(account))

    def postback_url(self, account: ChaosAccount) -> str:
        token = self._box().postback_token(account.id)
        return f"{self.service.url}/postback/{self.broker.name}/{token}"

    def ready(self, listed: Listing | None = None) -> ChaosAccount:
        """Return the next account, once the service works it and its first question is answered."""
        account = self.account(listed)
        wait_for(lambda: self.good_reads(account) > 0, what="the first read")
        return account

    def renew(self, account: ChaosAccount, auth_token: str) -> None:
        """Give an account another token, as `account set-token` does."""
        words = ("--name", self.name_of(account), "--auth-token", auth_token)
        self.service.command("account", "set-token", *words)

    def revive(self, account: ChaosAccount) -> None:
        """Make the account's token good again at the broker; the service finds out by asking."""
        self.process.token(account.api_key, alive=True)

    def trade(self, account: ChaosAccount, **words: Any) -> Trade:
        """Return a trade of the account; its share stands at its reference price."""
        trade = Trade(self.service, self.process, account, **words)
        trade.move("1")
        return trade

    def protected(self, account: ChaosAccount, **words: Any) -> Trade:
        """Return a trade whose entry is filled and whose exit rests."""
        trade = self.trade(account, **words)
        trade.place()
        trade.move("0.998")
        assert trade.until("PROTECTED")["state"] == "PROTECTED"
        return trade

    @contextmanager
    def killed_at(self, point: str) -> Iterator[None]:
        """Have the service die once at this point, and start again as often as it has to."""
        self.service.kill()
        self.service.start(extra={"KILL_AT": point} | self.roots())
        revived = threading.Event()

        def revive() -> None:
            wait_for(self.service.has_ended, seconds=60, what=f"the kill at {point!r}")
            self.service.wait_for_end(5)
            self.service.start()
            revived.set()

        doctor = threading.Thread(target=revive, name="doctor")
        doctor.start()
        yield
        doctor.join()
        assert revived.is_set(), f"the service was not killed at {point!r}"

    def warnings(self) -> list[str]:
        """Return what /readyz warns of."""
        answer = requests.get(f"{self.service.url}/readyz", timeout=5)
        assert answer.status_code == 200, answer.text
        found: list[str] = answer.json()["warnings"]
        return found

    def needs_login(self, account: ChaosAccount) -> bool:
        """Whether /readyz warns that the account is logged out."""
        name = f"account {self.name_of(account)} needs"
        return any(one.startswith(name) for one in self.warnings())

    def is_told_dead(self, trade: Trade) -> bool:
        return "AUTH_DEAD" in trade.status()["overlays"] and self.needs_login(trade.account)

    def name_of(self, account: ChaosAccount) -> str:
        return self.account_name(account.user_id)

    def account_name(self, user_id: str) -> str:
        return f"{self.broker.name}{user_id[-2:]}"

    def calls(self, account: ChaosAccount) -> dict[str, int]:
        return self.process.calls(account.api_key)

    def too_many(self, account: ChaosAccount) -> dict[str, int]:
        """Return the calls that the broker refused as too many: there never are any."""
        ending = f" {self.broker.busy_status}"
        return {name: count for name, count in self.calls(account).items() if name.endswith(ending)}

    def good_reads(self, account: ChaosAccount) -> int:
        """Return how much the broker has answered."""
        return sum(count for name, count in self.calls(account).items() if name.endswith(" 200"))

    def books_of(self, account: ChaosAccount) -> Books:
        """Return the exchange's word on an account, as it is now."""
        truth = self.process.truth(account.user_id)
        orders = truth["orders"]
        return Books(
            position=sum(row["quantity"] for row in truth["positions"]),
            live_orders=sum(1 for row in orders if row["status"] in _ALIVE),
            live_gtts=sum(1 for row in truth["gtts"] if row["status"] == "active"),
            entries=sum(1 for row in orders if (row["tag"] or "x" * 9)[8] == "E"),
            bought=sum(row["filled"] for row in orders if row["side"] == "BUY"),
            sold=sum(row["filled"] for row in orders if row["side"] == "SELL"),
        )

    def replay_all(self) -> int:
        """Decide every bracket again from its record; only while nobody works on it."""
        db = Database(self._database_url)
        try:
            return assert_all_replay(db)
        finally:
            db.close()

    def _made(self, db: Database, number: int, listed: Listing) -> ChaosAccount:
        at, broker = SystemClock().now(), self.broker
        owner = owner_named(db, "owner") or create_owner(db, "owner", at=at)
        user_id = broker.user_of(number)
        made = create_account(db, self.account_name(user_id), owner_id=owner.id, broker=broker.name, at=at)
        set_login(db, self._box(), made.id, login=broker.login(number), at=at)
        if self._has_tokens:
            set_auth_token(db, self._box(), made.id, auth_token=broker.auth_token(number), at=at)
        store = Secrets(self._box(), SystemClock())
        return ChaosAccount(
            id=made.id,
            user_id=user_id,
            api_key=broker.key_of(number),
            key=create_api_key(db, store, made.id, scopes=(Scope.READ, Scope.TRADE), at=at),
            share=listed,
        )

    def _box(self) -> SecretBox:
        pepper = bytes.fromhex(self._secrets["API_KEY_PEPPER"])
        return SecretBox(pepper=pepper, encryption_keys=(self._secrets["ENCRYPTION_KEYS"],))
