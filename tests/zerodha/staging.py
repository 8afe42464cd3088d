"""The service as `make run` starts it and a simulated Kite with sockets and postbacks, both as processes."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from cryptography.fernet import Fernet

from database import migrations
from database.account_db import create_account, create_owner, owner_named, set_login
from database.auth_db import Scope, Secrets, create_api_key
from database.secret_box import SecretBox
from database.session import Database
from scripts.service_process import ServiceProcess
from simulator import load_instruments
from simulator.instruments import Listing
from tests.chaos.staging import SHARES, Books, ChaosAccount
from tests.chaos.trade import QUANTITY, Trade
from tests.kite_process import KiteProcess, wait_for
from tests.replays import assert_all_replay
from utils.clock import SystemClock

BROKER = "zerodha"
DONE = Books(position=0, live_orders=0, live_gtts=0, entries=1, bought=QUANTITY, sold=QUANTITY)
FUTURES = tuple(one for one in load_instruments() if one.key[0] == "NFO" and one.instrument.kind == "FUT")
_SHARED = len(SHARES) - 2  # the last two are for second trades of one account
_ALIVE = ("OPEN", "OPEN PENDING", "TRIGGER PENDING")


class Stage:
    """A service and its broker. Accounts have an app at the broker and no token before they log in."""

    def __init__(
        self,
        folder: Path,
        *,
        users: int = 1,
        free: Sequence[int] = (),
        kite_module: str = "simulator.kite",
        application: str = "app:main()",
    ) -> None:
        """Start the broker. users of the numbers in free have the plan without market data."""
        apps = [_app(number, is_free=number in free) for number in range(users)]
        self.kite = KiteProcess(folder / "kite.state", apps, module=kite_module)
        self.kite.start()
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
            },
            application=application,
        )
        self._database_url = f"sqlite:///{folder / 'openbracket.db'}"
        self._taken = 0

    def roots(self) -> dict[str, str]:
        """Return the settings that lead to the broker where it is now."""
        return {"ZERODHA_API_ROOT": self.kite.url, "ZERODHA_WS_ROOT": self.kite.socket_url}

    def open(self) -> None:
        """Make the tables, log the first account in by command, list the broker's instruments and serve."""
        migrations.upgrade(self._database_url)
        self.first = self.account()
        self.log_in_by_command(self.first)
        self.service.command("instruments", "sync", "--broker", BROKER)
        self.service.start()

    def log_in_by_command(self, account: ChaosAccount) -> str:
        """Log in as a person at a terminal does, and return what they are told."""
        words = ("--request-token", self.kite.log_in(account.api_key))
        return self.service.command("account", "login", self.name_of(account), *words)

    def turn_night(self, *, hours: float) -> None:
        """End both processes and start them as if so many hours had passed; logins at the broker are over."""
        self.service.stop()
        self.kite.stop()
        self.kite.start(extra={"LATER_HOURS": str(hours)})
        self.service.start(extra={"LATER_HOURS": str(hours)} | self.roots())

    def close(self) -> None:
        self.service.kill()
        self.kite.stop()

    def account(self, listed: Listing | None = None, *, number: int | None = None) -> ChaosAccount:
        """Return the account of the next user, with an app and no token; its share is its own."""
        if number is None:
            number, self._taken = self._taken, self._taken + 1
        db = Database(self._database_url)
        try:
            made = self._made(db, number, listed or SHARES[number % _SHARED])
        finally:
            db.close()
        self._register(made)
        return made

    def postback_url(self, account: ChaosAccount) -> str:
        return f"{self.service.url}/postback/zerodha/{self._box().postback_token(account.id)}"

    def log_in(self, account: ChaosAccount) -> None:
        """Log in as a browser does, and return once the service speaks with the new token."""
        self._register(account)
        before = self._good_reads(account)
        with requests.Session() as browser:
            begun = browser.post(
                f"{self.service.url}/zerodha/login", json={"apikey": account.key}, timeout=10
            )
            assert begun.ok, begun.text
            sent = browser.get(begun.json()["login_url"], allow_redirects=False, timeout=10)
            page = urlsplit(sent.headers["Location"])
            assert (page.hostname, page.path) == ("kite.zerodha.com", "/connect/login")
            # Kite's page, as the simulator stands for it.
            back = browser.get(f"{self.kite.url}{page.path}?{page.query}", allow_redirects=False, timeout=10)
            done = browser.get(back.headers["Location"], timeout=10)
        assert done.ok, done.text
        wait_for(lambda: self._good_reads(account) > before, what="a read with the new token")

    def logged_in(self, listed: Listing | None = None) -> ChaosAccount:
        """Return the next account, logged in."""
        account = self.account(listed)
        self.log_in(account)
        return account

    def trade(self, account: ChaosAccount, **words: Any) -> Trade:
        """Return a trade of the account; its share stands at its reference price."""
        trade = Trade(self.service, self.kite, account, **words)
        trade.move("1")
        return trade

    def protected(self, account: ChaosAccount, **words: Any) -> Trade:
        """Return a trade whose entry is filled and whose exit rests."""
        trade = self.trade(account, **words)
        trade.place()
        trade.move("0.998")
        assert trade.until("PROTECTED")["state"] == "PROTECTED"
        return trade

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

    def name_of(self, account: ChaosAccount) -> str:
        return f"kite{account.user_id[-2:]}"

    def calls(self, account: ChaosAccount) -> dict[str, int]:
        return self.kite.calls(account.api_key)

    def too_many(self, account: ChaosAccount) -> dict[str, int]:
        """Return the calls that the broker refused as too many: there never are any."""
        return {name: count for name, count in self.calls(account).items() if name.endswith(" 429")}

    def books_of(self, account: ChaosAccount) -> Books:
        """Return the broker's word on an account, as it is now."""
        seen = self.kite.seen(account.user_id)
        orders = seen["orders"]
        return Books(
            position=sum(row["quantity"] for row in seen["positions"]),
            live_orders=sum(1 for row in orders if row["status"] in _ALIVE),
            live_gtts=sum(1 for row in seen["gtts"] if row["status"] == "active"),
            entries=sum(1 for row in orders if (row["tag"] or "x" * 9)[8] == "E"),
            bought=sum(row["filled_quantity"] for row in orders if row["transaction_type"] == "BUY"),
            sold=sum(row["filled_quantity"] for row in orders if row["transaction_type"] == "SELL"),
        )

    def replay_all(self) -> int:
        """Decide every bracket again from its record; only while nobody works on it."""
        db = Database(self._database_url)
        try:
            return assert_all_replay(db)
        finally:
            db.close()

    def _register(self, account: ChaosAccount) -> None:
        """Enter the service's addresses in the app, as in Kite's developer console."""
        self.kite.addresses(
            account.api_key,
            redirect_url=f"{self.service.url}/zerodha/callback",
            postback_url=self.postback_url(account),
        )

    def _good_reads(self, account: ChaosAccount) -> int:
        """Return how much the broker has answered; on the free plan it refuses quotes, and nothing else."""
        calls = self.calls(account)
        return sum(count for name, count in calls.items() if name.endswith(" 200")) + calls.get(
            "GET /quote 403", 0
        )

    def _made(self, db: Database, number: int, listed: Listing) -> ChaosAccount:
        at = SystemClock().now()
        owner = owner_named(db, "owner") or create_owner(db, "owner", at=at)
        made = create_account(db, f"kite{number:02d}", owner_id=owner.id, broker=BROKER, at=at)
        login = {"api_key": f"key{number:02d}", "api_secret": f"secret{number:02d}"}
        set_login(db, self._box(), made.id, login=login, at=at)
        store = Secrets(self._box(), SystemClock())
        return ChaosAccount(
            id=made.id,
            user_id=f"USER{number:02d}",
            api_key=login["api_key"],
            key=create_api_key(db, store, made.id, scopes=(Scope.READ, Scope.TRADE), at=at),
            share=listed,
        )

    def _box(self) -> SecretBox:
        pepper = bytes.fromhex(self._secrets["API_KEY_PEPPER"])
        return SecretBox(pepper=pepper, encryption_keys=(self._secrets["ENCRYPTION_KEYS"],))


def _app(number: int, *, is_free: bool) -> str:
    return f"USER{number:02d}{'!' if is_free else ''}:key{number:02d}:secret{number:02d}:"
