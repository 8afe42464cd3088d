"""One bracket from request to target on the paper market, over real HTTP, told as it happens.

Ends with 0 only when the target closed it and every filled share had a stop in between.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

from scripts.service_process import ServiceProcess
from simulator import post_command

_PATIENCE_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.1

ORDER = {
    "symbol": "SBIN",
    "exchange": "NSE",
    "product": "MIS",
    "action": "BUY",
    "quantity": 10,
    "entry_price": "801.00",
    "sl_price": "790.00",
    "target_price": "815.00",
    "strategy": "demo",
}


class DemoFailed(RuntimeError):
    """The bracket did not go the way it should."""


def main() -> int:
    """Run the demo; 0 when it closed as it should."""
    with tempfile.TemporaryDirectory(prefix="openbracket-demo-") as folder:
        settings = {"PAPER_PRICES": "NSE:SBIN=802.00"}
        with ServiceProcess(Path(folder), settings=settings) as service:
            service.set_up()
            key = service.command("apikey", "create", "--account", "paper")
            service.start()
            print(f"service at {service.url}, paper market, SBIN at 802.00")
            return _play(service, key)


def _play(service: ServiceProcess, key: str) -> int:
    story = _Story(service, key)
    try:
        placed = story.call("placebracketorder", ORDER)
        print(f"placed: {placed['message']} (bracket {placed['bracket_id']})")
        story.bracket_id = placed["bracket_id"]
        story.until("ENTRY_OPEN")
        story.price("800.00", "the market comes down to the entry")
        story.until("PROTECTED")
        story.price("816.00", "the market rises through the target")
        closed = story.until("CLOSED")
    except (DemoFailed, requests.RequestException) as exc:
        print(f"FAILED: {exc}", file=sys.stderr)
        return 1
    return story.verdict(closed)


class _Story:
    """Follows one bracket and prints each line of its timeline once."""

    def __init__(self, service: ServiceProcess, key: str) -> None:
        self._service = service
        self._key = key
        self._told = 0
        self.bracket_id = ""

    def call(self, endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
        url = f"{self._service.url}/api/v1/{endpoint}/"
        answer = requests.post(url, json={"apikey": self._key, **body}, timeout=10)
        found: dict[str, Any] = answer.json()
        if not answer.ok:
            raise DemoFailed(f"{endpoint} answered {answer.status_code}: {found}")
        return found

    def price(self, last: str, words: str) -> None:
        print(f"        -- SBIN {last}: {words}")
        act = {"act": "set_price", "exchange": "NSE", "symbol": "SBIN", "last": last}
        post_command(self._service.paper_state, act)

    def until(self, state: str) -> dict[str, Any]:
        """Print what happens until the bracket is in a state; raises DemoFailed when it takes too long."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            found = self.call("bracketorderstatus", {"bracket_id": self.bracket_id})
            self._tell(found["timeline"])
            if found["state"] == state:
                return found
            time.sleep(_LOOK_EVERY_SECONDS)
        raise DemoFailed(f"not {state} after {_PATIENCE_SECONDS:.0f} s")

    def _tell(self, timeline: list[dict[str, Any]]) -> None:
        for entry in timeline[self._told :]:
            print(f"{entry['at'][11:23]}  {entry['kind']:<20} {entry['words']}")
        self._told = len(timeline)

    def verdict(self, closed: dict[str, Any]) -> int:
        is_as_it_should = closed["outcome"] == "target_hit" and closed["filled_quantity"] == ORDER["quantity"]
        result = "closed at its target" if is_as_it_should else f"closed as {closed['outcome']}"
        print(f"{result}; profit {closed['profit']}; unprotected for {closed['naked_seconds']} s in all")
        return 0 if is_as_it_should else 1


if __name__ == "__main__":
    sys.exit(main())
