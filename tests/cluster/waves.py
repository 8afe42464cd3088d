"""Waves of brackets through a storm: of several accounts in one share, from the requests to their ends."""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

import requests
from sqlalchemy import text

from database.session import Database, StorageError
from services.bracket.prices import round_to_tick
from simulator.instruments import Listing
from tests.chaos.staging import SHARES, ChaosAccount
from tests.cluster.storm_stage import WEB, StormStage

CLOSED = ("CLOSED", "EXPIRED", "REJECTED", "CANCELLED", "HANDED_OVER")
QUANTITY = 10
AT_ONCE = 8  # users of one wave
_PATIENCE_SECONDS = 120.0
_STATES = text("SELECT id, state FROM brackets WHERE id = ANY(:ids)")


@dataclass(kw_only=True)
class Wave:
    """Brackets of several accounts in one share, from the requests to their ends."""

    stage: StormStage
    db: Database
    share: Listing
    accounts: Sequence[ChaosAccount]
    end: str
    dice: random.Random
    ids: dict[str, str] = field(default_factory=dict)  # bracket by user
    refused: list[str] = field(default_factory=list)

    def run(self) -> None:
        self._move("1")
        for account in self.accounts:
            self._place(account)
        time.sleep(self.dice.uniform(0.1, 1.0))
        depth = self.dice.choice((15, 25, 37))
        self._move("0.998", depth=depth)  # fills some, one of them in part
        time.sleep(self.dice.uniform(0.2, 1.5))
        self._move("0.998")
        self._await("PROTECTED", *CLOSED)
        time.sleep(self.dice.uniform(0.0, 2.0))
        match self.end:
            case "target":
                self._move("1.021")
            case "stop":
                self._move("0.984")
            case _:
                for account in self.accounts:
                    self._exit(account)
        self._await(*CLOSED)

    def unfinished(self) -> dict[str, str]:
        return {bracket: state for bracket, state in self._states().items() if state not in CLOSED}

    def _place(self, account: ChaosAccount) -> None:
        body = {
            "symbol": self.share.instrument.symbol,
            "exchange": "NSE",
            "product": "MIS",
            "action": "BUY",
            "quantity": QUANTITY,
            "entry_price": str(self._at("0.999")),
            "sl_price": str(self._at("0.985")),
            "target_price": str(self._at("1.02")),
            "client_order_id": f"{account.user_id}-{self.share.instrument.symbol}",
        }
        answer = self._post(account, "placebracketorder", body)
        if answer.get("bracket_id"):
            self.ids[account.user_id] = str(answer["bracket_id"])
        else:
            self.refused.append(str(answer)[:200])

    def _exit(self, account: ChaosAccount) -> None:
        if account.user_id in self.ids:
            self._post(account, "exitbracketorder", {"bracket_id": self.ids[account.user_id]})

    def _post(self, account: ChaosAccount, endpoint: str, body: dict[str, object]) -> dict[str, object]:
        """Ask one web process after the other until one says something; a request may come twice."""
        last: dict[str, object] = {}
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            url = f"http://127.0.0.1:{self.stage.ports[self.dice.choice(WEB)]}/api/v1/{endpoint}/"
            with suppress(requests.RequestException, ValueError):
                answer = requests.post(url, json=body, headers={"X-API-KEY": account.key}, timeout=3)
                last = answer.json()
                if answer.status_code < 500:
                    return last
            time.sleep(0.2)
        return last

    def _await(self, *states: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if all(state in states for state in self._states().values()):
                return
            time.sleep(0.15)

    def _states(self) -> dict[str, str]:
        with suppress(StorageError), self.db.read() as connection:
            rows = connection.execute(_STATES, {"ids": list(self.ids.values())}).all()
            return {row.id: row.state for row in rows}
        return dict.fromkeys(self.ids.values(), "unknown")

    def _move(self, factor: str, *, depth: int | None = None) -> None:
        self.stage.process.price(self.share.instrument.symbol, self._at(factor), depth=depth)

    def _at(self, factor: str) -> Decimal:
        return round_to_tick(self.share.reference_price * Decimal(factor), self.share.instrument.tick_size)


def waves_of(stage: StormStage, accounts: Sequence[ChaosAccount], dice: random.Random) -> Iterator[Wave]:
    """Give as many waves as there are shares: no two are in one share."""
    for number, share in enumerate(SHARES):
        yield Wave(
            stage=stage,
            db=stage.db,
            share=share,
            accounts=accounts[:AT_ONCE] if number % 2 else accounts[AT_ONCE:],
            end=("target", "stop", "exit")[number % 3],
            dice=random.Random(dice.random()),
        )
