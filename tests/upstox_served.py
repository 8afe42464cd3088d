"""The simulated Upstox in this process, at a clock that stands still, and our adapter connected to it."""

from decimal import Decimal
from typing import Any

import requests

from broker import upstox
from broker.base import AccountCredentials, BrokerAccount, BrokerSettings, Symbol
from simulator import ExchangeSettings, SimulatedExchange, VirtualClock, load_instruments
from simulator.upstox.broker import simulated_upstox
from simulator.wire.process import Venue
from simulator.wire.sessions import App

KEY, SECRET, TOKEN, USER = "appkey", "appsecret", "eyJ0eXAi.simulated", "2ABCDE"
SBIN = ("NSE", "SBIN")


class ListedKeys:
    """Satisfies InstrumentNames with what a simulated Upstox's files list."""

    def __init__(self, url: str) -> None:
        settings = BrokerSettings(api_roots={"upstox": url}, paper_state="", paper_prices="")
        found = upstox.list_instruments(settings, None)
        self.numbers = {(one.instrument.exchange, one.instrument.symbol): one.token for one in found}

    def number_of(self, _broker: str, symbol: Symbol, /) -> str | None:
        return self.numbers.get(symbol)

    def symbol_of(self, _broker: str, exchange: str, number: str, /) -> Symbol | None:
        return next((key for key, one in self.numbers.items() if (key[0], one) == (exchange, number)), None)


class ServedUpstox:
    """One user whose token is good; SBIN stands at 500."""

    def __init__(self, settings: ExchangeSettings | None = None, *, has_limits: bool = False) -> None:
        self.clock = VirtualClock()
        listings = load_instruments()
        self.exchange = SimulatedExchange(self.clock, settings or ExchangeSettings(), listings=listings)
        self.exchange.set_price(*SBIN, last=Decimal(500))
        app = App(
            api_key=KEY, api_secret=SECRET, user_id=USER, access_token=TOKEN, redirect_url="http://us/back"
        )
        venue = Venue(exchange=self.exchange, clock=self.clock, listings=listings, apps=[app], port=0)
        self.upstox = simulated_upstox(venue, has_limits=has_limits)
        self.upstox.start()
        names = ListedKeys(self.upstox.url)
        self.settings = BrokerSettings(
            api_roots={"upstox": self.upstox.url}, paper_state="", paper_prices="", names=names
        )
        self.sbin = names.numbers[SBIN]
        self.account = self.connect()

    def connect(self, token: str = TOKEN) -> BrokerAccount:
        return upstox.connect(AccountCredentials(account_id="main", auth_token=token), self.settings)

    def call(self, method: str, path: str, body: Any = None, *, token: str = TOKEN) -> requests.Response:
        """Call as any client does."""
        head = {"Authorization": f"Bearer {token}"}
        return requests.request(method, self.upstox.url + path, headers=head, json=body, timeout=10)

    def told(self, method: str, path: str, body: Any = None) -> Any:
        """Return what a call that is taken answers."""
        answer = self.call(method, path, body)
        assert answer.ok, answer.text
        return answer.json()["data"]

    def gtts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.told("GET", "/v3/order/gtt")
        return found

    def sim(self, path: str, method: str = "POST", /, **body: Any) -> Any:
        """Do what no broker offers."""
        answer = requests.request(method, f"{self.upstox.url}/sim/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()["data"]

    def price(self, last: object, **more: Any) -> None:
        self.exchange.set_price(*SBIN, last=Decimal(str(last)), **more)

    def __enter__(self) -> "ServedUpstox":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.account.close()
        self.upstox.close()
        self.exchange.close()
