"""The simulated Kite in this process, at a clock that stands still, called as any HTTP client calls it."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import requests

from simulator import ExchangeSettings, SimulatedExchange, VirtualClock, load_instruments
from simulator.kite.broker import SimulatedKite
from simulator.kite.sessions import App

KEY, SECRET, TOKEN, USER = "apikey", "appsecret", "acctok", "AB1234"
SBIN = ("NSE", "SBIN")
PRICE = Decimal(800)


class ServedKite:
    """One user with one app whose token is good; SBIN stands at 800."""

    def __init__(
        self,
        settings: ExchangeSettings | None = None,
        *,
        at: datetime | None = None,
        has_limits: bool = False,
        gives_quotes: bool = True,
        others: tuple[App, ...] = (),
    ) -> None:
        self.clock = VirtualClock() if at is None else VirtualClock(at)
        listings = load_instruments()
        self.exchange = SimulatedExchange(self.clock, settings or ExchangeSettings(), listings=listings)
        self.exchange.set_price(*SBIN, last=PRICE)
        app = App(api_key=KEY, api_secret=SECRET, user_id=USER, access_token=TOKEN, gives_quotes=gives_quotes)
        self.kite = SimulatedKite(
            self.exchange, self.clock, listings=listings, apps=[app, *others], has_limits=has_limits
        )
        self.kite.start()

    def __enter__(self) -> "ServedKite":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kite.close()
        self.exchange.close()

    def call(self, method: str, path: str, *, key: str = KEY, **form: Any) -> requests.Response:
        """Call as an app does."""
        head = {"Authorization": f"token {key}:{TOKEN}", "X-Kite-Version": "3"}
        return requests.request(method, self.kite.url + path, headers=head, data=form, timeout=10)

    def data(self, method: str, path: str, **form: Any) -> Any:
        """Return what a call that is taken answers."""
        answer = self.call(method, path, **form)
        assert answer.ok, answer.text
        return answer.json()["data"]

    def sim(self, path: str, method: str = "POST", /, **body: Any) -> Any:
        """Do what no broker offers."""
        answer = requests.request(method, f"{self.kite.url}/sim/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()["data"]

    def order(self, **changes: Any) -> requests.Response:
        """Ask for an order: 10 SBIN bought intraday at 800."""
        usual: dict[str, Any] = {
            "exchange": "NSE",
            "tradingsymbol": "SBIN",
            "transaction_type": "BUY",
            "quantity": 10,
            "product": "MIS",
            "order_type": "LIMIT",
            "price": "800",
            "validity": "DAY",
        }
        variety = changes.pop("variety", "regular")
        return self.call("POST", f"/orders/{variety}", **(usual | changes))

    def ordered(self, **changes: Any) -> str:
        """Return the id of an order that is taken in."""
        answer = self.order(**changes)
        assert answer.ok, answer.text
        order_id: str = answer.json()["data"]["order_id"]
        return order_id

    def newest(self, order_id: str) -> dict[str, Any]:
        """Return an order as it is now."""
        row: dict[str, Any] = self.data("GET", f"/orders/{order_id}")[-1]
        return row

    def price(self, last: object, **more: Any) -> None:
        self.exchange.set_price(*SBIN, last=Decimal(str(last)), **more)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.kite.tick()


def wait_until(fulfilled: Callable[[], bool], *, what: object, seconds: float = 15.0) -> None:
    """Return once something is so. Raises AssertionError after the deadline."""
    deadline = time.monotonic() + seconds
    while not fulfilled():
        assert time.monotonic() < deadline, f"{what} did not come to be"
        time.sleep(0.01)
