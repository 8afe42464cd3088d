"""Live updates, health and the end, with a real client against a real gunicorn."""

import os
import signal
import socket
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from time import monotonic

import pytest
import requests
import socketio  # type: ignore[import-untyped]

from database.auth_db import Scope, Secrets, create_api_key
from database.secret_box import SecretBox
from database.session import Database
from tests.serving import Json, a_config, an_order, lay_database, until
from tests.stores import an_account
from utils.clock import SystemClock

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Process:
    """gunicorn with a paper account; `key` is the account's."""

    process: subprocess.Popen[bytes]
    address: str
    key: str
    other_key: str
    log: Path

    def post(self, path: str, body: Json) -> requests.Response:
        sent = {"apikey": self.key, **body}
        return requests.post(f"{self.address}/api/v1/{path}/", json=sent, timeout=5)

    def terminate(self) -> float:
        """Ask for the end and return how long it took."""
        began = monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=10)
        return monotonic() - began


def _environment(path: Path, port: int) -> dict[str, str]:
    return {
        **os.environ,
        "API_KEY_PEPPER": "ab" * 32,
        "ENCRYPTION_KEYS": urlsafe_b64encode(b"k" * 32).decode(),
        "SECRET_KEY": "s" * 40,
        "DATABASE_URL": f"sqlite:///{path / 'openbracket.db'}",
        "PAPER_PRICES": "NSE:SBIN=500",
        "BRACKET_ORDER_RATE_LIMIT": "100 per second",
        "PORT": str(port),
        "MAX_SOCKETS": "3",
    }


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _gunicorn(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "app:main()"],
            env=environment,
            cwd=ROOT,
            stdout=output,
            stderr=output,
        )


def _is_ready(address: str) -> bool:
    try:
        return requests.get(f"{address}/readyz", timeout=2).status_code == 200
    except (requests.ConnectionError, requests.Timeout):
        return False


def _populate(path: Path, *, pepper: bytes) -> list[str]:
    """Make the database with two accounts and return their keys; what commands do is told by test_cli."""
    config = a_config(path, api_key_pepper=pepper)
    lay_database(config)
    db, clock = Database(config.database_url), SystemClock()
    store = Secrets(SecretBox(pepper=pepper, encryption_keys=config.encryption_keys), clock)
    keys = [
        create_api_key(
            db, store, an_account(db, name=name).id, scopes=(Scope.READ, Scope.TRADE), at=clock.now()
        )
        for name in ("main", "other")
    ]
    db.close()
    return keys


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    path, port = tmp_path_factory.mktemp("gunicorn"), _free_port()
    environment, log = _environment(path, port), path / "log"
    keys = _populate(path, pepper=bytes.fromhex(environment["API_KEY_PEPPER"]))
    process = _gunicorn(environment, log)
    served = Process(process, f"http://127.0.0.1:{port}", keys[0], keys[1], log)
    try:
        until(lambda: _is_ready(served.address), what="readiness", seconds=60)
        yield served
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


class Listener:
    """A client that keeps every update it hears."""

    def __init__(self, server: Process, key: object, transport: str = "websocket") -> None:
        self.heard: SimpleQueue[Json] = SimpleQueue()
        self.refusals: list[object] = []
        self.client = socketio.Client(reconnection=False)
        self.client.on("bracket_order_update", self.heard.put)
        self.client.on("connect_error", self.refusals.append)
        auth = {} if key is None else {"apikey": key}
        self.client.connect(server.address, auth=auth, transports=[transport], wait_timeout=5)

    def until_status(self, bracket_id: str, status: str) -> list[Json]:
        found: list[Json] = []
        while not found or (found[-1]["bracket_id"], found[-1]["status"]) != (bracket_id, status):
            found.append(self.heard.get(timeout=10))
        return [one for one in found if one["bracket_id"] == bracket_id]

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.http_session = None


def _place(server: Process) -> str:
    answer = server.post("placebracketorder", an_order())
    assert answer.status_code == 200, answer.text
    return str(answer.json()["bracket_id"])


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_client_hears_its_brackets_from_entry_to_protection(server: Process, transport: str) -> None:
    with Listener(server, server.key, transport) as listener:
        bracket_id = _place(server)
        heard = listener.until_status(bracket_id, "completed")

    # A book that shows the fill may be read before the broker's answer to the entry is.
    assert {one["status"] for one in heard} == {"entry_order_placed", "entry_order_filled", "completed"}
    assert [one["seq"] for one in heard] == sorted(one["seq"] for one in heard)
    assert {"bracket_id", "seq", "state", "mode", "symbol", "message", "timestamp"} <= set(heard[0])
    assert heard[0]["order_id"] == heard[0]["entry_order_id"]


def test_a_client_hears_nothing_of_another_account(server: Process) -> None:
    with Listener(server, server.other_key) as stranger, Listener(server, server.key) as listener:
        bracket_id = _place(server)
        listener.until_status(bracket_id, "completed")

        assert stranger.heard.empty()
        assert stranger.client.call("bracket_order_replay", {"since_seq": 0}, timeout=5) == []


def test_a_client_hears_its_plain_order_and_asks_for_it_later_apart_from_brackets(server: Process) -> None:
    order = {"symbol": "SBIN", "exchange": "NSE", "action": "BUY", "quantity": 1, "product": "MIS"}
    with Listener(server, server.other_key) as stranger, Listener(server, server.key) as listener:
        told: SimpleQueue[Json] = SimpleQueue()
        listener.client.on("plain_order_update", told.put)
        stranger.client.on("plain_order_update", stranger.heard.put)
        placed = server.post("placeorder", {**order, "strategy": "x", "pricetype": "MARKET"}).json()
        heard = told.get(timeout=10)
        missed = listener.client.call("plain_order_replay", {"since_seq": heard["seq"] - 1}, timeout=5)
        of_brackets = listener.client.call("bracket_order_replay", {"since_seq": 0}, timeout=5)

        assert (heard["status"], heard["order_id"]) == ("order_placed", placed["orderid"])
        assert missed == [heard]
        assert all("bracket_id" in one for one in of_brackets)
        assert stranger.heard.empty()


def test_a_client_that_was_away_asks_for_what_it_missed(server: Process) -> None:
    bracket_id = _place(server)
    with Listener(server, server.key) as listener:

        def missed() -> list[Json] | None:
            found = listener.client.call("bracket_order_replay", {"since_seq": 0}, timeout=5)
            mine = [one for one in found if one["bracket_id"] == bracket_id]
            return mine if [one for one in mine if one["status"] == "completed"] else None

        mine = until(missed)
        later = listener.client.call("bracket_order_replay", {"since_seq": mine[-2]["seq"]}, timeout=5)

    assert [one["seq"] for one in later if one["bracket_id"] == bracket_id] == [mine[-1]["seq"]]


@pytest.mark.parametrize("asked", [None, {}, {"since_seq": -1}, {"since_seq": "x"}, {"since_seq": True}, 5])
def test_a_replay_asked_for_wrongly_is_answered_all_the_same(server: Process, asked: object) -> None:
    with Listener(server, server.key) as listener:
        assert isinstance(listener.client.call("bracket_order_replay", asked, timeout=5), list)


@pytest.mark.parametrize("key", [None, "", "bk_AbCd1234_" + "x" * 43, 5, {"a": 1}])
def test_a_client_without_a_valid_key_is_refused(server: Process, key: object) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError):
        Listener(server, key)


def test_no_more_clients_are_let_in_than_there_are_seats(server: Process) -> None:
    seated = [Listener(server, server.key) for _ in range(3)]
    try:
        with pytest.raises(socketio.exceptions.ConnectionError):
            Listener(server, server.key)
        assert server.post("bracketorderbook", {}).status_code == 200
    finally:
        for one in seated:
            one.client.disconnect()

    def seat_again() -> bool:
        try:
            with Listener(server, server.key):
                return True
        except socketio.exceptions.ConnectionError:
            return False

    until(seat_again, what="a free seat")


def test_strangers_connections_leave_threads_for_orders(server: Process) -> None:
    def open_one() -> socket.socket:
        stranger = socket.create_connection(("127.0.0.1", int(server.address.rsplit(":", 1)[1])))
        stranger.sendall(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )
        return stranger

    strangers = [open_one() for _ in range(60)]  # more than all threads
    try:
        answers = [one.recv(12) for one in strangers]
        assert server.post("bracketorderbook", {}).status_code == 200
    finally:
        for one in strangers:
            one.close()

    assert answers.count(b"HTTP/1.1 503") == 60 - 3 - 16


def test_another_origin_is_refused(server: Process) -> None:
    answer = requests.get(
        f"{server.address}/socket.io/?EIO=4&transport=polling",
        headers={"Origin": "http://evil.example"},
        timeout=5,
    )

    assert answer.status_code == 400


def test_health_is_told(server: Process) -> None:
    alive, ready = (requests.get(f"{server.address}/{path}", timeout=5) for path in ("healthz", "readyz"))

    assert (alive.status_code, ready.status_code) == (200, 200)
    assert ready.json()["warnings"] == []


def test_the_service_ends_within_5_seconds_with_a_client_connected(server: Process) -> None:
    listener = Listener(server, server.key)
    _place(server)

    seconds = server.terminate()

    listener.client.disconnect()
    assert seconds < 5, server.log.read_text()
    assert server.process.returncode == 0
    log = server.log.read_text()
    assert "Traceback" not in log
    assert "everything has stopped" in log
    assert server.key not in log


def test_a_database_that_was_not_migrated_is_refused_with_the_command(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = _gunicorn(_environment(tmp_path, _free_port()), log)
    try:
        code = process.wait(timeout=60)
    finally:
        process.kill()

    assert code != 0
    assert "Traceback" not in log.read_text()
    assert "run `flask --app app db upgrade` first" in log.read_text()
