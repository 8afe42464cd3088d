"""The simulated OpenAlgo server in this process, at a clock that stands still, called as any client does."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import requests

from broker.base import BrokerSettings
from broker.openalgo import capabilities, capabilities_with
from broker.openalgo.account import OpenalgoAccount
from broker.openalgo.session import open_session
from simulator import ExchangeSettings, SimulatedExchange, VirtualClock, load_instruments
from simulator.openalgo.broker import SimulatedOpenalgo
from simulator.wire.sessions import App
from utils.clock import Clock
from utils.config import OcoBroker

KEY, USER = "thekey", "U00001"
SBIN = ("NSE", "SBIN")


class HastyClock(VirtualClock):
    """A clock on which a second passes from look to look."""

    def monotonic(self) -> float:
        self.advance(timedelta(seconds=1))
        return super().monotonic()


class ServedOpenalgo:
    """One user whose key is good; SBIN stands at 500."""

    def __init__(self, settings: ExchangeSettings | None = None, *, has_limits: bool = True) -> None:
        self.clock = VirtualClock()
        listings = load_instruments()
        self.exchange = SimulatedExchange(self.clock, settings or ExchangeSettings(), listings=listings)
        self.exchange.set_price(*SBIN, last=Decimal(500))
        app = App(api_key=KEY, api_secret="", user_id=USER, access_token=KEY)
        self.server = SimulatedOpenalgo(
            self.exchange, self.clock, listings=listings, apps=[app], has_limits=has_limits
        )
        self.server.start()
        self.settings = BrokerSettings(
            api_roots={"openalgo": self.server.url}, paper_state="", paper_prices=""
        )
        self._opened: list[OpenalgoAccount] = []

    def __enter__(self) -> "ServedOpenalgo":
        return self

    def __exit__(self, *exc_info: object) -> None:
        for one in self._opened:
            one.close()
        self.server.close()
        self.exchange.close()

    def connect(self, *, behind: OcoBroker | None = None, clock: Clock | None = None) -> OpenalgoAccount:
        """Return an account for which time passes quickly; it is closed at the end.

        behind is the broker that the server is said to be at, for its GTTs to be used.
        """
        session = open_session(self.settings, KEY)
        can = capabilities_with(self.settings_at(behind))
        account = OpenalgoAccount(
            session, can, clock=clock or HastyClock(), plain=capabilities(), behind=behind
        )
        self._opened.append(account)
        return account

    def settings_at(self, behind: OcoBroker | None) -> BrokerSettings:
        return replace(self.settings, openalgo_gtt=behind)

    def call(self, path: str, /, *, key: str = KEY, **body: Any) -> requests.Response:
        """Call as the published client does, which ends no address with a slash."""
        return requests.post(f"{self.server.url}/api/v1/{path}", json={"apikey": key} | body, timeout=10)

    def told(self, path: str, /, **body: Any) -> Any:
        """Return what a call that is taken answers."""
        answer = self.call(path, **body)
        assert answer.ok, answer.text
        assert answer.json()["status"] == "success"
        return answer.json()

    def ordered(self, **changes: Any) -> str:
        """Return the id of an order that is taken in: 10 SBIN bought intraday at 500."""
        usual: dict[str, Any] = {
            "strategy": "Python",
            "symbol": "SBIN",
            "exchange": "NSE",
            "action": "BUY",
            "product": "MIS",
            "pricetype": "LIMIT",
            "quantity": "10",
            "price": "500",
        }
        order_id: str = self.told("placeorder", **usual | changes)["orderid"]
        return order_id

    def let(self, fault: str, **words: object) -> None:
        """Let something go wrong from now on."""
        body = {"at": "network", "fault": fault, "times": None} | words
        answer = requests.post(f"{self.server.url}/sim/faults", json=body, timeout=10)
        assert answer.ok, answer.text

    def all_well(self) -> None:
        requests.delete(f"{self.server.url}/sim/faults", timeout=10)

    def price(self, last: object, **more: Any) -> None:
        self.exchange.set_price(*SBIN, last=Decimal(str(last)), **more)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.server.tick()
