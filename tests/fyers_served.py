"""The simulated Fyers in this process, at a clock that stands still, called as any HTTP client calls it."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import requests

from simulator import ExchangeSettings, SimulatedExchange, VirtualClock, load_instruments
from simulator.fyers.broker import SimulatedFyers
from simulator.wire.sessions import App

APP_ID, SECRET, TOKEN, USER = "APPID-100", "appsecret", "acctok", "X00001"
SBIN = ("NSE", "SBIN")
PRICE = Decimal(800)
API = "/api/v3"


class ServedFyers:
    """One user with one app whose token is good; SBIN stands at 800."""

    def __init__(
        self,
        settings: ExchangeSettings | None = None,
        *,
        at: datetime | None = None,
        has_limits: bool = True,
        gives_quotes: bool = True,
    ) -> None:
        self.clock = VirtualClock() if at is None else VirtualClock(at)
        listings = load_instruments()
        rules = settings or ExchangeSettings(gtt_minimum_distance=Decimal(0))
        self.exchange = SimulatedExchange(self.clock, rules, listings=listings)
        self.exchange.set_price(*SBIN, last=PRICE)
        app = App(
            api_key=APP_ID, api_secret=SECRET, user_id=USER, access_token=TOKEN, gives_quotes=gives_quotes
        )
        self.fyers = SimulatedFyers(
            self.exchange, self.clock, listings=listings, apps=[app], has_limits=has_limits
        )
        self.fyers.start()

    def __enter__(self) -> "ServedFyers":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.fyers.close()
        self.exchange.close()

    def call(self, method: str, path: str, body: object = None, *, token: str = TOKEN) -> requests.Response:
        """Call as an app does."""
        head = {"Authorization": f"{APP_ID}:{token}"}
        return requests.request(
            method, self.fyers.url + path, headers=head, json=body, timeout=10, allow_redirects=False
        )

    def told(self, method: str, path: str, body: object = None) -> Any:
        """Return what a call that is taken answers."""
        answer = self.call(method, path, body)
        assert answer.ok, answer.text
        assert answer.json()["s"] == "ok", answer.text
        return answer.json()

    def sim(self, path: str, method: str = "POST", /, **body: Any) -> Any:
        """Do what no broker offers."""
        answer = requests.request(method, f"{self.fyers.url}/sim/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()["data"]

    def order(self, **changes: Any) -> requests.Response:
        """Ask for an order: 10 SBIN bought intraday at 800."""
        usual: dict[str, Any] = {
            "symbol": "NSE:SBIN-EQ",
            "qty": 10,
            "type": 1,
            "side": 1,
            "productType": "INTRADAY",
            "limitPrice": 800,
            "stopPrice": 0,
            "validity": "DAY",
            "disclosedQty": 0,
            "offlineOrder": False,
        }
        return self.call("POST", f"{API}/orders/sync", usual | changes)

    def ordered(self, **changes: Any) -> str:
        """Return the id of an order that is taken in."""
        answer = self.order(**changes)
        assert answer.ok, answer.text
        order_id: str = answer.json()["id"]
        return order_id

    def newest(self, order_id: str) -> dict[str, Any]:
        """Return an order as it is now."""
        (row,) = self.told("GET", f"{API}/orders?id={order_id}")["orderBook"]
        found: dict[str, Any] = row
        return found

    def oco(self, **changes: Any) -> requests.Response:
        """Ask for an OCO that sells 10 SBIN at 780 or 820."""
        usual: dict[str, Any] = {
            "side": -1,
            "symbol": "NSE:SBIN-EQ",
            "productType": "CNC",
            "orderInfo": {
                "leg1": {"price": 820, "triggerPrice": 820, "qty": 10},
                "leg2": {"price": 778, "triggerPrice": 780, "qty": 10},
            },
        }
        return self.call("POST", f"{API}/gtt/orders/sync", usual | changes)

    def gtts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.told("GET", f"{API}/gtt/orders")["orderBook"]
        return found

    def price(self, last: object, **more: Any) -> None:
        self.exchange.set_price(*SBIN, last=Decimal(str(last)), **more)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.fyers.tick()
