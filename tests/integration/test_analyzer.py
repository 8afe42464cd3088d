"""Analyzer mode at the HTTP edge of a live broker: quotes are read there, and nothing else ever happens."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

import pytest

import app as wiring
from database.account_db import create_account, create_owner, set_auth_token
from database.symbol import Listing, replace_instruments
from limiter import limiter
from services.bracket.model import Mode
from services.desk import Desk
from tests.builders import an_instrument
from tests.scripted_server import Peer, ScriptedServer, answer
from tests.serving import Served, a_config, end, lay_database, until
from utils.config import Config, MarketHours


class RecordingKite:
    """Kite as far as a paper bracket may ask it: it quotes a price set by hand and records every call."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._price: str | None = "612.00"
        self.server = ScriptedServer(self._serve)

    @property
    def calls(self) -> list[str]:
        """Return the first line of each request: method and path."""
        return [request.split(b" HTTP/", 1)[0].decode() for request in list(self.server.requests)]

    @property
    def quote_reads(self) -> int:
        return sum(call.startswith("GET /quote?") for call in self.calls)

    @property
    def others(self) -> list[str]:
        return [call for call in self.calls if not call.startswith("GET /quote?")]

    def price(self, last: str | None) -> None:
        """Quote this price from now on; None breaks the quotes off."""
        with self._lock:
            self._price = last

    def _serve(self, peer: Peer) -> None:
        while request := peer.read_request():
            peer.send(self._answer(request))

    def _answer(self, request: bytes) -> bytes:
        with self._lock:
            price = self._price
        if not request.startswith(b"GET /quote?") or price is None:
            error = {"status": "error", "error_type": "GeneralException", "message": "down"}
            return answer(json.dumps(error).encode(), status="500 Internal Server Error")
        level = [{"price": float(price), "quantity": 1000, "orders": 1}]
        depth = {"buy": level, "sell": level}
        quote = {"last_price": float(price), "timestamp": "2026-11-23 09:30:00", "depth": depth}
        asked = parse_qs(request.split(b" ", 2)[1].decode().partition("?")[2])["i"]
        return answer(json.dumps({"status": "success", "data": dict.fromkeys(asked, quote)}).encode())


@pytest.fixture
def kite() -> Iterator[RecordingKite]:
    recording = RecordingKite()
    with recording.server:
        yield recording


@pytest.fixture
def config(tmp_path: Path, kite: RecordingKite) -> Config:
    return a_config(tmp_path, broker_api_roots={"zerodha": kite.server.root}, market_hours=MarketHours.IGNORE)


@pytest.fixture
def served(config: Config) -> Iterator[Served]:
    service = served_at_zerodha(config, token="key:access")
    yield service
    if not service.background.is_stopping:
        end(service)


def served_at_zerodha(config: Config, *, token: str | None) -> Served:
    """Return a service whose one account is at Zerodha, its owner in analyzer mode."""
    lay_database(config)
    app = wiring.create_app(config)
    app.testing = True
    limiter.reset()
    desk: Desk = app.extensions["openbracket"]
    at = desk.clock.now()
    replace_instruments(
        desk.db, [Listing(instrument=an_instrument())], broker="zerodha", exchange="NSE", at=at
    )
    owner = create_owner(desk.db, "owner", at=at)
    account = create_account(desk.db, "main", owner_id=owner.id, broker="zerodha", at=at)
    if token is not None:
        set_auth_token(desk.db, desk.secrets.box, account.id, auth_token=token, at=at)
    service = Served(app=app, account=account, key="")
    service.key = service.a_key()
    service.background.start()
    assert toggle(service, to_paper=True)["mode"] == "analyze"
    return service


def restarted(served: Served, config: Config) -> Served:
    """End the service and start it anew over the same files, as another process would."""
    served.background.stop()
    app = wiring.create_app(config)
    app.testing = True
    again = Served(app=app, account=served.account, key=served.key)
    again.background.start()
    return again


def toggle(served: Served, *, to_paper: bool) -> dict[str, Any]:
    found: dict[str, Any] = served.post("analyzer/toggle", {"mode": to_paper}).get_json()
    return found


def a_paper_bracket(served: Served) -> str:
    placed = served.place(entry_price=615, sl_price=600, target_price=640)
    assert placed["mode"] == "analyze"
    return str(placed["bracket_id"])


def test_nothing_of_a_paper_bracket_reaches_the_live_broker_from_entry_to_stop(
    served: Served, config: Config, kite: RecordingKite
) -> None:
    bracket_id = a_paper_bracket(served)
    protected = served.until_state(bracket_id, "PROTECTED")
    again = restarted(served, config)
    try:
        toggle(again, to_paper=False)
        assert again.status(bracket_id)["mode"] == "analyze"
        seen = kite.quote_reads
        until(lambda: kite.quote_reads > seen + 1, what="quotes after the restart")
        assert again.status(bracket_id)["state"] == "PROTECTED"

        kite.price("598.00")
        closed = again.until_state(bracket_id, "CLOSED")

        assert (protected["average_price"], closed["outcome"]) == ("612.00", "stop_hit")
        assert kite.others == []
        # The recorder would have seen it: the same order by the same key, live now, is a POST.
        again.post("placebracketorder", {**ORDER, "entry_price": 610, "sl_price": 600, "target_price": 640})
        assert "POST /orders/regular" in kite.calls
    finally:
        end(again)


ORDER = {"symbol": "SBIN", "exchange": "NSE", "product": "MIS", "action": "BUY", "quantity": 10}


def test_a_paper_bracket_is_exited_modified_and_cancelled_without_the_live_broker(
    served: Served, kite: RecordingKite
) -> None:
    held = a_paper_bracket(served)
    served.until_state(held, "PROTECTED")
    resting = served.place(entry_price=605, sl_price=590, target_price=640)["bracket_id"]
    toggle(served, to_paper=False)

    answers = [
        served.post("modifybracketorder", {"bracket_id": held, "sl_price": 605}),
        served.post("cancelbracketorder", {"bracket_id": resting}),
        served.post("exitbracketorder", {"bracket_id": held}),
    ]
    served.until_state(held, "CLOSED")
    served.until_state(resting, "CANCELLED")

    assert [one.status_code for one in answers] == [200, 200, 200]
    assert kite.others == []


def test_an_entry_waits_for_a_live_price_and_is_not_filled_at_the_papers_own(
    served: Served, kite: RecordingKite
) -> None:
    kite.price(None)

    refused = served.post(
        "placebracketorder", {**ORDER, "entry_price": 615, "sl_price": 480, "target_price": 640}
    )

    # The paper market itself stands at 500: it would have filled at once.
    assert (refused.status_code, refused.get_json()["code"]) == (500, "broker_error")
    assert kite.others == []


def test_what_only_the_live_broker_lists_is_traded_on_paper_at_its_price_also_after_a_restart(
    served: Served, config: Config, kite: RecordingKite
) -> None:
    fine = replace(an_instrument(), symbol="ETERNAL", name="ETERNAL", tick_size=Decimal("0.01"))
    listed = [Listing(instrument=one) for one in (an_instrument(), fine)]
    served.desk.symbols.replace_instruments(listed, broker="zerodha", exchange="NSE")
    kite.price("612.37")

    placed = served.place(symbol="ETERNAL", entry_price="615.55", sl_price="600.01", target_price=640)
    protected = served.until_state(str(placed["bracket_id"]), "PROTECTED")
    again = restarted(served, config)
    kite.price("640.00")
    closed = again.until_state(str(placed["bracket_id"]), "CLOSED")
    end(again)

    assert (protected["average_price"], closed["outcome"]) == ("612.37", "target_hit")
    assert kite.others == []


def test_a_paper_market_that_walked_by_itself_follows_the_live_one_after_the_first_login(
    config: Config, kite: RecordingKite
) -> None:
    served = served_at_zerodha(config, token=None)
    try:
        worker = served.desk.supervisor.start_worker(served.account.id, Mode.ANALYZE)
        desk, paper, at = served.desk, worker._ports.broker, served.desk.clock.now()

        def last() -> Decimal | None:
            quote = paper.quotes(frozenset({("NSE", "SBIN")})).get(("NSE", "SBIN"))
            return None if quote is None else quote.last

        assert last() not in (None, Decimal("612.00"))
        set_auth_token(desk.db, desk.secrets.box, served.account.id, auth_token="key:access", at=at)
        until(lambda: last() == Decimal("612.00"), what="a live price")
    finally:
        end(served)


def test_quotes_that_break_off_leave_the_price_where_it_was(served: Served, kite: RecordingKite) -> None:
    bracket_id = a_paper_bracket(served)
    served.until_state(bracket_id, "PROTECTED")
    worker = served.desk.supervisor.start_worker(served.account.id, Mode.ANALYZE)
    paper = worker._ports.broker

    kite.price(None)
    silent = until(lambda: paper.quotes(frozenset({("NSE", "SBIN")})) == {}, what="no quote")

    assert silent
    assert served.status(bracket_id)["state"] == "PROTECTED"
    assert kite.others == []


def test_calls_in_analyzer_mode_are_logged_apart_and_without_the_key(served: Served) -> None:
    a_paper_bracket(served)
    desk = served.desk
    desk.analyzer_log.flush()
    desk.order_log.flush()

    (logged,) = desk.analyzer_log.calls(limit=10)

    assert logged.api_type == "placebracketorder"
    assert json.loads(logged.request_data)["symbol"] == "SBIN"
    assert served.key not in logged.request_data + logged.response_data
    assert desk.order_log.count() == 0
    assert served.post("analyzer").get_json()["data"]["total_logs"] == 1


def test_an_account_without_a_token_does_not_keep_the_others_from_being_worked(
    served: Served, config: Config
) -> None:
    desk = served.desk
    create_account(
        desk.db, "no-token", owner_id=served.account.owner_id, broker="zerodha", at=desk.clock.now()
    )

    again = restarted(served, config)

    try:
        assert [one.account_id for one in again.desk.supervisor.workers()] == [served.account.id]
    finally:
        end(again)
