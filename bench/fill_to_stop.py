"""From a fill to its stop: the broker pushes a hint, the service reads the book and places the stop.

Both moments are taken in the stub, when the push leaves and when the stop has arrived, on one clock.
"""

import random
import time
from collections.abc import Sequence
from typing import Any

import requests

from bench.load import percentile
from bench.report import Figure, Section
from bench.setting import Setting
from bench.stage import API_SECRET, ORDER, SYMBOLS, Stage, StagedAccount
from bench.stub_client import StubProcess

ACCOUNTS = 20
_ALLOWED_MILLISECONDS = 20  # beyond one round trip to the broker
_PATIENCE_SECONDS = 5.0


def measure_fill_to_stop(setting: Setting) -> Section:
    """Return how long filled shares wait for their stop to be on the wire."""
    with StubProcess(setting.folder, latency_milliseconds=setting.latency) as stub:
        trip = percentile(stub.round_trips(200), 50)
        stage = Stage(setting.folder / "fills", stub_url=stub.url, count=ACCOUNTS)
        with stage.service:
            stage.service.start()
            waits, lost = waits_for_stops(setting, stage, stub)
    notes = [
        f"{len(waits)} fills one after the other on {ACCOUNTS} accounts; real account limits;"
        f" a round trip takes {trip:.2f} ms"
    ]
    return Section(name="Fill to stop", figures=wait_figures(waits, lost, trip=trip), notes=notes)


def wait_figures(waits: list[float], lost: int, *, trip: float) -> list[Figure]:
    """Return how long the waits were, beside one round trip to the broker and what is allowed beyond."""
    limit = trip + _ALLOWED_MILLISECONDS
    return [
        Figure(name="push to stop: p50", value=percentile(waits, 50), unit="ms"),
        Figure(
            name="push to stop: p99",
            value=percentile(waits, 99),
            unit="ms",
            limit=limit,
            why="reads one after the other: orders, trades, positions, holdings, quotes",
        ),
        Figure(name="push to stop: longest", value=max(waits, default=float("nan")), unit="ms"),
        Figure(name="fills without a stop in 5 s", value=lost, unit="", limit=0),
    ]


def waits_for_stops(setting: Setting, stage: Stage, stub: StubProcess) -> tuple[list[float], int]:
    waits: list[float] = []
    lost = 0
    dice = random.Random(1)
    with requests.Session() as session:
        for number in range(setting.fills):
            account = stage.accounts[number % ACCOUNTS]
            entry = _entry(stage, session, account, SYMBOLS[number % len(SYMBOLS)])
            time.sleep(dice.uniform(0.02, 0.12))  # anywhere between two looks of the service
            wait = _one_wait(stage, stub, account, entry)
            if wait is None:
                lost += 1
            else:
                waits.append(wait)
    return waits, lost


def _entry(stage: Stage, session: requests.Session, account: StagedAccount, symbol: str) -> str:
    answer = session.post(
        f"{stage.service.url}/api/v1/placebracketorder/",
        json=ORDER | {"apikey": account.key, "symbol": symbol},
        timeout=10,
    )
    answer.raise_for_status()
    told = answer.json()
    # A slow machine's answer may come before the broker's has.
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not told["entry_order_id"] and time.monotonic() < deadline:
        time.sleep(0.05)
        body = {"apikey": account.key, "bracket_id": told["bracket_id"]}
        told = session.post(f"{stage.service.url}/api/v1/bracketorderstatus/", json=body, timeout=10).json()
    order_id: str = told["entry_order_id"]
    return order_id


def _one_wait(stage: Stage, stub: StubProcess, account: StagedAccount, entry: str) -> float | None:
    stub.forget()
    stub.fill_and_push(entry, url=stage.postback_url(account), api_secret=API_SECRET)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.05)
        seen = stub.seen()
        _require_taken(seen["push_answers"].get(entry))
        arrived = _stop_arrival(seen["placed"], account)
        if arrived is not None:
            return (arrived - float(seen["pushes"][entry])) * 1000
    return None


def _require_taken(answer: str | None) -> None:
    # A push that is refused leaves the poll to find the fill: that would measure something else.
    if answer is not None and " 200 " not in answer:
        raise RuntimeError(f"the service did not take a push: {answer}")


def _stop_arrival(placed: Sequence[dict[str, Any]], account: StagedAccount) -> float | None:
    for order in placed:
        if order["token"] == account.token and order["transaction_type"] == "SELL":
            return float(order["at"])
    return None
