"""The simulated Dhan in this process, at a clock that stands still, and our adapter connected to it."""

from decimal import Decimal
from typing import Any

import requests

from broker import dhan
from broker.base import AccountCredentials, BrokerAccount, BrokerSettings, Symbol
from simulator import ExchangeSettings, SimulatedExchange, VirtualClock, load_instruments
from simulator.dhan.broker import simulated_dhan
from simulator.wire.desk import Numbers
from simulator.wire.process import Venue
from simulator.wire.sessions import App

CLIENT, PIN, TOKEN = "1000000003", "246810", "eyJ0eXAi.simulated"
SBIN = ("NSE", "SBIN")


class ListedNumbers:
    """Satisfies InstrumentNames with the simulator's own numbers, as its file would give them."""

    def __init__(self) -> None:
        self._numbers = Numbers(load_instruments())

    def number_of(self, _broker: str, symbol: Symbol, /) -> str | None:
        return str(self._numbers.number_of(symbol) or "") or None

    def symbol_of(self, _broker: str, exchange: str, number: str, /) -> Symbol | None:
        found = self._numbers.key_of(int(number))
        return found if found is not None and found[0] == exchange else None


class ServedDhan:
    """One client whose token is good; SBIN stands at 500."""

    def __init__(
        self,
        settings: ExchangeSettings | None = None,
        *,
        has_limits: bool = False,
        gives_quotes: bool = True,
    ) -> None:
        self.clock = VirtualClock()
        listings = load_instruments()
        self.exchange = SimulatedExchange(self.clock, settings or ExchangeSettings(), listings=listings)
        self.exchange.set_price(*SBIN, last=Decimal(500))
        app = App(
            api_key=CLIENT, api_secret=PIN, user_id=CLIENT, access_token=TOKEN, gives_quotes=gives_quotes
        )
        venue = Venue(exchange=self.exchange, clock=self.clock, listings=listings, apps=[app], port=0)
        self.dhan = simulated_dhan(venue, has_limits=has_limits)
        self.dhan.start()
        self.settings = BrokerSettings(
            api_roots={"dhan": self.dhan.url},
            ws_roots={"dhan": self.dhan.socket_url},
            paper_state="",
            paper_prices="",
            names=ListedNumbers(),
        )
        self.account = self.connect()

    def connect(self, token: str = TOKEN) -> BrokerAccount:
        credentials = AccountCredentials(account_id="main", auth_token=f"{CLIENT}:{token}")
        return dhan.connect(credentials, self.settings)

    def call(self, method: str, path: str, body: Any = None, *, token: str = TOKEN) -> requests.Response:
        """Call as any client does."""
        head = {"access-token": token, "client-id": CLIENT}
        return requests.request(method, self.dhan.url + path, headers=head, json=body, timeout=10)

    def sim(self, path: str, method: str = "POST", /, **body: Any) -> Any:
        """Do what no broker offers."""
        answer = requests.request(method, f"{self.dhan.url}/sim/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()["data"]

    def price(self, last: object, **more: Any) -> None:
        self.exchange.set_price(*SBIN, last=Decimal(str(last)), **more)

    def __enter__(self) -> "ServedDhan":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.account.close()
        self.dhan.close()
        self.exchange.close()
