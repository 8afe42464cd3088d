"""The measurer's side of the stub broker: starts it, seeds its books, asks what it saw."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import requests

from bench.processes import Helper
from scripts.service_process import free_port

Json = Any


class StubProcess:
    """A stub broker in a process of its own."""

    def __init__(self, folder: Path, *, latency_milliseconds: float) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._session = requests.Session()
        command = ["bench.stub_broker", str(self.port), str(latency_milliseconds)]
        self._helper = Helper(command, probe_url=f"{self.url}/bench/seen", log_file=folder / "stub.log")

    def __enter__(self) -> "StubProcess":
        self._helper.wait_until_ready()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._session.close()
        self._helper.stop()

    @property
    def pid(self) -> int:
        return self._helper.pid

    def seen(self) -> dict[str, Json]:
        """Return what came since the last `forget`; times are time.monotonic()'s."""
        found: dict[str, Json] = self._ask("seen")
        return found

    def forget(self) -> None:
        self._ask("forget")

    def place(self, orders: Sequence[Mapping[str, Json]]) -> None:
        """Put orders (order_id, token, form, filled) into the books."""
        self._ask("place", orders)

    def fill(self, *order_ids: str) -> None:
        self._ask("fill", {"order_ids": order_ids})

    def fill_and_push(self, order_id: str, *, url: str, api_secret: str) -> None:
        self._ask("fill_and_push", {"order_id": order_id, "url": url, "api_secret": api_secret})

    def set_market(self, *, still: bool) -> None:
        """Let prices stand still, or move by ticks every second."""
        self._ask("market", {"still": still})

    def round_trips(self, count: int) -> list[float]:
        """Return the milliseconds of `count` calls of the broker as one client sees them."""
        return [self._round_trip() for _ in range(count)]

    def _round_trip(self) -> float:
        began = time.perf_counter()
        self._session.get(f"{self.url}/user/profile", timeout=5)
        return (time.perf_counter() - began) * 1000

    def _ask(self, what: str, wish: Json = None) -> Json:
        body = b"" if wish is None else msgspec.json.encode(wish)
        answer = self._session.post(f"{self.url}/bench/{what}", data=body, timeout=60)
        answer.raise_for_status()
        return answer.json()
