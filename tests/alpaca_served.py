"""The simulated Alpaca in this process, at a clock that stands still, and our adapter connected to it."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import requests

from broker import alpaca
from broker.base import AccountCredentials, BrokerAccount, BrokerSettings
from simulator import ExchangeSettings, SimulatedExchange, VirtualClock, load_instruments
from simulator.alpaca.broker import INSTRUMENTS, NATIVE, simulated_alpaca
from simulator.wire.process import Venue
from simulator.wire.sessions import App

USER, KEY, SECRET = "PA0000000003", "PKSIMULATED", "simulated-secret"
NEXT_KEY, NEXT_SECRET = "PKNEXT", "next-secret"
QQQ = ("US", "QQQ")


class ServedAlpaca:
    """One account with two pairs of keys, both good; QQQ stands at 500."""

    def __init__(
        self,
        settings: ExchangeSettings | None = None,
        *,
        has_limits: bool = False,
        gives_quotes: bool = True,
    ) -> None:
        self.clock = VirtualClock()
        listings = load_instruments(INSTRUMENTS)
        settings = settings or ExchangeSettings(native=NATIVE)
        self.exchange = SimulatedExchange(self.clock, settings, listings=listings)
        self.exchange.set_price(*QQQ, last=Decimal(500))
        app = App(
            api_key=KEY, api_secret="unused", user_id=USER, access_token=SECRET, gives_quotes=gives_quotes
        )
        later = replace(app, api_key=NEXT_KEY, access_token=NEXT_SECRET)
        venue = Venue(exchange=self.exchange, clock=self.clock, listings=listings, apps=[app, later], port=0)
        self.alpaca = simulated_alpaca(venue, has_limits=has_limits)
        self.alpaca.start()
        self.settings = BrokerSettings(api_roots={"alpaca": self.alpaca.url}, paper_state="", paper_prices="")
        self.opened: list[BrokerAccount] = []
        self.account = self.connect()

    def connect(self, secret: str = SECRET) -> BrokerAccount:
        """Return the account as another process would see it: nothing of before is known."""
        credentials = AccountCredentials(account_id="main", auth_token=f"{KEY}:{secret}")
        self.opened.append(alpaca.connect(credentials, self.settings))
        return self.opened[-1]

    def call(self, method: str, path: str, body: Any = None, *, secret: str = SECRET) -> requests.Response:
        """Call as any client does."""
        head = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": secret}
        return requests.request(method, self.alpaca.url + path, headers=head, json=body, timeout=10)

    def sim(self, path: str, method: str = "POST", /, **body: Any) -> Any:
        """Do what no broker offers."""
        answer = requests.request(method, f"{self.alpaca.url}/sim/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()["data"]

    def price(self, last: object, **more: Any) -> None:
        self.exchange.set_price(*QQQ, last=Decimal(str(last)), **more)

    def __enter__(self) -> "ServedAlpaca":
        return self

    def __exit__(self, *exc_info: object) -> None:
        for one in self.opened:
            one.close()
        self.alpaca.close()
        self.exchange.close()
