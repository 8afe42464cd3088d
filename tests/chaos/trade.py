"""One bracket driven from its request to its end, whatever the network does meanwhile."""

import time
from decimal import Decimal
from typing import Any

import requests

from scripts.service_process import ServiceProcess
from services.bracket.prices import round_to_tick
from tests.brokers.process import BrokerProcess, wait_for
from tests.chaos.staging import ChaosAccount

QUANTITY = 10
CLOSED = ("CLOSED", "EXPIRED", "REJECTED", "CANCELLED", "HANDED_OVER")
_PATIENCE_SECONDS = 180.0  # a network that fails three calls in ten proves an absence slowly


class Trade:
    """A bracket in the account's share: entry just below the market, stop 1.5 %, target 2 % away.

    A short one has all of it mirrored: what falls for a long one rises for it.
    """

    def __init__(
        self,
        service: ServiceProcess,
        kite: BrokerProcess,
        account: ChaosAccount,
        *,
        product: str = "MIS",
        action: str = "BUY",
        quantity: int = QUANTITY,
    ) -> None:
        self.service = service
        self.kite = kite
        self.account = account
        self.product = product
        self.action = action
        self.quantity = quantity
        self.bracket_id = ""

    def place(self, **more: object) -> dict[str, Any]:
        """Send the request; returns the whole answer, refusals too."""
        answer = self.post("placebracketorder", self.order() | more)
        self.bracket_id = answer.get("bracket_id") or ""
        return answer

    def order(self) -> dict[str, Any]:
        return {
            "symbol": self.account.share.instrument.symbol,
            "exchange": self.account.share.instrument.exchange,
            "product": self.product,
            "action": self.action,
            "quantity": self.quantity,
            "entry_price": str(self.at("0.999")),
            "sl_price": str(self.at("0.985")),
            "target_price": str(self.at("1.02")),
            "client_order_id": "the-only-one",
        }

    def move(self, share_of_reference: str, **more: object) -> None:
        """Move the market; 0.998 fills the entry, 1.021 reaches the target, 0.984 the stop."""
        exchange, symbol = self.account.share.key
        self.kite.price(symbol, self.at(share_of_reference), exchange=exchange, **more)

    def until(self, *states: str) -> dict[str, Any]:
        """Wait for one of the states, or for the end."""
        what = f"{self.account.user_id} in {states}"
        found: dict[str, Any] = wait_for(lambda: self._in(states), seconds=_PATIENCE_SECONDS, what=what)
        return found

    def status(self) -> dict[str, Any]:
        return self.post("bracketorderstatus", {"bracket_id": self.bracket_id})

    def post(self, endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the answer; asks again while the service is being started."""
        url = f"{self.service.url}/api/v1/{endpoint}/"
        for _ in range(100):
            try:
                found: dict[str, Any] = requests.post(
                    url, json=body, headers={"X-API-KEY": self.account.key}, timeout=10
                ).json()
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                time.sleep(0.2)
                continue
            return found
        raise AssertionError(f"{endpoint} did not answer")

    def _in(self, states: tuple[str, ...]) -> dict[str, Any] | None:
        found = self.status()
        return found if found.get("state") in (*states, *CLOSED) else None

    def at(self, share_of_reference: str) -> Decimal:
        """Return a price of the account's share, on its tick."""
        listed, share = self.account.share, Decimal(share_of_reference)
        factor = share if self.action == "BUY" else 2 - share
        return round_to_tick(listed.reference_price * factor, listed.instrument.tick_size)


def run_to_target(trade: Trade) -> dict[str, Any]:
    """Drive a trade to its target and return its last status."""
    return run(trade, "target")


def run(trade: Trade, end: str) -> dict[str, Any]:
    """Drive a trade to its target, stop or exit on request and return its last status."""
    answer = trade.place()
    if not trade.bracket_id:
        return answer | {"state": "REFUSED"}  # provably not sent, as the answer says
    trade.until("ENTRY_OPEN", "PROTECTED")
    trade.move("0.998")
    if trade.until("PROTECTED", "EXITING")["state"] in CLOSED:
        return trade.status()
    match end:
        case "target":
            trade.move("1.021")
        case "stop":
            trade.move("0.984")
        case "exit":
            trade.post("exitbracketorder", {"bracket_id": trade.bracket_id})
        case _:
            raise ValueError(end)
    return trade.until(*CLOSED)
