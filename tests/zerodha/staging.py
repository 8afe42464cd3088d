"""The service before a simulated Kite: any broker's stage, with Kite's login by browser and by command."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from simulator.instruments import Listing
from tests.brokers.description import Broker
from tests.brokers.staging import DONE, FUTURES, BrokerStage
from tests.chaos.staging import ChaosAccount
from tests.chaos.trade import Trade
from tests.kite_process import KiteProcess, wait_for

__all__ = ["BROKER", "DONE", "FUTURES", "KITE", "Stage"]

BROKER = "zerodha"
_QUOTE_SECONDS = 1.2  # a call for prices a second
KITE = Broker(
    name=BROKER, module="simulator.kite", auth_token=lambda number: f"key{number:02d}:token{number:02d}"
)


class Stage(BrokerStage):
    """A service and its broker. Accounts have an app at the broker and no token before they log in."""

    process: KiteProcess

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
        super().__init__(
            folder,
            KITE,
            users=users,
            free=free,
            has_tokens=False,
            application=application,
            make_process=KiteProcess,
            module=kite_module,
        )

    @property
    def kite(self) -> KiteProcess:
        return self.process

    def on_first_account(self) -> None:
        self.log_in_by_command(self.first)

    def on_account(self, account: ChaosAccount) -> None:
        """Enter the service's addresses in the app, as in Kite's developer console."""
        self.process.addresses(
            account.api_key,
            redirect_url=f"{self.service.url}/zerodha/callback",
            postback_url=self.postback_url(account),
        )

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

    def log_in(self, account: ChaosAccount) -> None:
        """Log in as a browser does, and return once the service speaks with the new token."""
        self.on_account(account)
        before = self.good_reads(account)
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
        wait_for(lambda: self.good_reads(account) > before, what="a read with the new token")

    def logged_in(self, listed: Listing | None = None) -> ChaosAccount:
        """Return the next account, logged in."""
        account = self.account(listed)
        self.log_in(account)
        return account

    def trade(self, account: ChaosAccount, **words: Any) -> Trade:
        """Return a trade of the account, when a price can be had where a GTT is to hold its exits.

        A GTT is placed by the last price. Kite tells one a second, and a login has already asked whether the
        account gets any.
        """
        made = super().trade(account, **words)
        if made.product in ("CNC", "NRML") and account.user_id not in self._without_prices:
            self._let_prices_rest(account)
        return made

    def _let_prices_rest(self, account: ChaosAccount) -> None:
        asked = [-1]

        def is_quiet() -> bool:
            asked.append(sum(count for call, count in self.calls(account).items() if "/quote" in call))
            return asked[-1] == asked[-2]

        wait_for(is_quiet, every=_QUOTE_SECONDS, what=f"prices of {account.user_id} at rest")

    def account_name(self, user_id: str) -> str:
        return f"kite{user_id[-2:]}"

    def good_reads(self, account: ChaosAccount) -> int:
        """Return how much the broker has answered; on the free plan it refuses quotes, and nothing else."""
        return super().good_reads(account) + self.calls(account).get("GET /quote 403", 0)
