"""The simulated Angel One in this process, at a clock that stands still, and our adapter connected to it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import requests

from broker import angel
from broker.base import AccountCredentials, BrokerAccount, BrokerSettings, Symbol
from simulator import ExchangeSettings, SimulatedExchange, VirtualClock, load_instruments
from simulator.angel.broker import simulated_angel
from simulator.angel.words import trading_symbol
from simulator.wire.desk import Numbers
from simulator.wire.process import Venue
from simulator.wire.sessions import App

KEY, PIN, TOKEN, CLIENT = "appkey01", "2468", "eyJ0.simulated.jwt", "A100001"
SBIN = ("NSE", "SBIN")
ORDER = "/rest/secure/angelbroking/order/v1"


class ListedScripts:
    """Satisfies InstrumentNames with the simulator's own names and numbers, as its file would give them."""

    def __init__(self) -> None:
        self._numbers = Numbers(load_instruments())

    def number_of(self, _broker: str, symbol: Symbol, /) -> str | None:
        number = self._numbers.number_of(symbol)
        return f"{number}:{trading_symbol(symbol)}" if number else None

    def symbol_of(self, _broker: str, _exchange: str, _number: str, /) -> Symbol | None:
        raise AssertionError("a name says its symbol by itself")


class ServedAngel:
    """One client whose token is good; SBIN stands at 500."""

    def __init__(self, settings: ExchangeSettings | None = None, *, has_limits: bool = False) -> None:
        self.clock = VirtualClock()
        listings = load_instruments()
        self.exchange = SimulatedExchange(self.clock, settings or ExchangeSettings(), listings=listings)
        self.exchange.set_price(*SBIN, last=Decimal(500))
        app = App(api_key=KEY, api_secret=PIN, user_id=CLIENT, access_token=TOKEN)
        venue = Venue(exchange=self.exchange, clock=self.clock, listings=listings, apps=[app], port=0)
        self.angel = simulated_angel(venue, has_limits=has_limits)
        self.angel.start()
        self.settings = BrokerSettings(
            api_roots={"angel": self.angel.url}, paper_state="", paper_prices="", names=ListedScripts()
        )
        self.number = str(Numbers(listings).number_of(SBIN))
        self._opened: list[BrokerAccount] = []

    def connect(self, token: str = TOKEN) -> BrokerAccount:
        """Return the account, in a process that remembers nothing."""
        credentials = AccountCredentials(account_id="main", auth_token=f"{KEY}:{token}")
        self._opened.append(angel.connect(credentials, self.settings))
        return self._opened[-1]

    def call(self, method: str, path: str, body: Any = None, *, token: str = TOKEN) -> requests.Response:
        """Call as any client does."""
        head = {"Authorization": f"Bearer {token}", "X-PrivateKey": KEY}
        return requests.request(method, self.angel.url + path, headers=head, json=body, timeout=10)

    def order(self, **changes: str) -> dict[str, Any]:
        """Ask for an order, 10 SBIN bought intraday at 500, and return the answer."""
        usual = {
            "variety": "NORMAL",
            "tradingsymbol": "SBIN-EQ",
            "symboltoken": self.number,
            "transactiontype": "BUY",
            "exchange": "NSE",
            "ordertype": "LIMIT",
            "producttype": "INTRADAY",
            "duration": "DAY",
            "price": "500",
            "triggerprice": "0",
            "quantity": "10",
        }
        answer = self.call("POST", f"{ORDER}/placeOrder", usual | changes)
        assert answer.status_code == 200
        told: dict[str, Any] = answer.json()
        return told

    def book(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.call("GET", f"{ORDER}/getOrderBook").json()["data"]
        return rows

    def sim(self, path: str, method: str = "POST", /, **body: Any) -> Any:
        """Do what no broker offers."""
        answer = requests.request(method, f"{self.angel.url}/sim/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()["data"]

    def price(self, last: object, **more: Any) -> None:
        self.exchange.set_price(*SBIN, last=Decimal(str(last)), **more)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.angel.tick()

    def __enter__(self) -> "ServedAngel":
        return self

    def __exit__(self, *exc_info: object) -> None:
        for account in self._opened:
            account.close()
        self.angel.close()
        self.exchange.close()
