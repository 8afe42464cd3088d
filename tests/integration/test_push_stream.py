"""An account with a push stream: ticks set off its targets, order updates make its books be read."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from database.account_db import Account, create_account, owner_named, set_auth_token
from database.symbol import Listing, replace_instruments
from services.account_worker import AccountWorker
from services.bracket.model import Mode
from simulator import load_instruments
from tests.kite_process import KiteProcess
from tests.scripted_socket import ScriptedSocket, Talk
from tests.serving import Served, a_config, an_order, end, serve, until
from tests.unit.test_zerodha_ticks import frame, packet
from utils.config import MarketHours

SBIN = ("NSE", "SBIN")
NUMBER = 779521
HEARTBEAT = b"\x00"


class Speaker:
    """A WebSocket that says what the test tells it to, once it is connected."""

    def __init__(self) -> None:
        self.talk: Talk | None = None
        self.count = 0

    def speech(self, talk: Talk) -> None:
        talk.accept()
        talk.say(HEARTBEAT)
        self.count += 1
        self.talk = talk
        talk.listen()

    def say(self, content: bytes | dict[str, object]) -> None:
        assert self.talk is not None
        self.talk.say(content)

    def price(self, last: int) -> None:
        depth = {0: (100, last), 5: (100, last + 5)}
        self.say(frame(packet(NUMBER, last, length=184, depth=depth)))


@pytest.fixture
def speaker() -> Speaker:
    return Speaker()


@pytest.fixture
def kite(tmp_path: Path) -> Iterator[KiteProcess]:
    with KiteProcess(tmp_path / "kite.state", ["AB1234:appkey:appsecret:acctok"]) as process:
        process.price("SBIN", 500)
        yield process


@pytest.fixture
def service(tmp_path: Path, kite: KiteProcess, speaker: Speaker) -> Iterator[Served]:
    with ScriptedSocket(speaker.speech) as socket:
        served = serve(
            a_config(
                tmp_path,
                broker_api_roots={"zerodha": kite.url},
                broker_ws_roots={"zerodha": socket.root},
                market_hours=MarketHours.IGNORE,
            )
        )
        yield served
        end(served)


def an_account(service: Served) -> Account:
    db, at = service.desk.db, service.desk.clock.now()
    rows = [one for one in load_instruments() if one.key[0] == "NSE"]
    numbers = {SBIN: str(NUMBER)}
    listings = [Listing(instrument=one.instrument, token=numbers.get(one.key, "")) for one in rows]
    replace_instruments(db, listings, broker="zerodha", exchange="NSE", at=at)
    owner = owner_named(db, "owner")
    assert owner is not None
    made = create_account(db, "kite", owner_id=owner.id, broker="zerodha", at=at)
    set_auth_token(db, service.desk.secrets.box, made.id, auth_token="appkey:acctok", at=at)
    return made


def a_worker(service: Served, owner: Account) -> AccountWorker:
    worker = until(lambda: service.desk.supervisor.running(owner.id, Mode.LIVE), what="a worker")
    until(lambda: worker.pushes.is_up, what="a healthy stream")
    return worker


def test_a_pushed_price_is_the_workers_price_with_the_bands_of_the_last_read(
    service: Served, speaker: Speaker
) -> None:
    owner = an_account(service)
    worker, key = a_worker(service, owner), service.a_key(account=owner)
    placed = service.post("placebracketorder", ORDER, key=key).get_json()
    until(lambda: worker.quote(SBIN), what="a price that was asked for")
    until(lambda: SBIN in worker.pushes.wanted(), what="the wish for its ticks")

    def is_pushed() -> bool:
        speaker.price(50105)
        quote = worker.quote(SBIN)
        return quote is not None and quote.last == Decimal("501.05") and quote.upper_band is not None

    until(is_pushed, what="the pushed price")
    assert placed["status"] == "success"


def test_a_pushed_price_at_the_target_turns_the_stop_into_the_target(
    service: Served, speaker: Speaker, kite: KiteProcess
) -> None:
    owner = an_account(service)
    worker, key = a_worker(service, owner), service.a_key(account=owner)
    bracket = service.post("placebracketorder", ORDER, key=key).get_json()["bracket_id"]
    until(lambda: state(service, key, bracket) == "PROTECTED", what="protection", seconds=20)
    until(lambda: SBIN in worker.pushes.wanted(), what="the wish for its ticks")

    def is_morphed() -> bool:
        speaker.price(56100)  # the simulated exchange itself stays at 500: only the tick can set it off
        return "target" in purposes(service, key, bracket)

    until(is_morphed, what="the morph")


def test_an_order_update_makes_the_books_be_read(service: Served, speaker: Speaker) -> None:
    owner = an_account(service)
    worker = a_worker(service, owner)
    looks: list[str] = []
    worker.pushes._on_news = lambda _: looks.append("look")

    speaker.say({"type": "order", "data": {"order_id": "1", "status": "COMPLETE"}})

    until(lambda: looks, what="a look")


def test_a_new_token_opens_the_stream_anew(service: Served, speaker: Speaker) -> None:
    owner = an_account(service)
    worker = a_worker(service, owner)
    at = service.desk.clock.now()
    box = service.desk.secrets.box
    set_auth_token(service.desk.db, box, owner.id, auth_token="appkey:fresh", at=at)

    until(lambda: speaker.count == 2, what="the second connection")
    until(lambda: worker.pushes.is_up, what="a healthy stream")


def state(service: Served, key: str, bracket: str) -> object:
    return service.post("bracketorderstatus", {"bracket_id": bracket}, key=key).get_json()["state"]


def purposes(service: Served, key: str, bracket: str) -> list[str]:
    body = service.post("bracketorderstatus", {"bracket_id": bracket}, key=key).get_json()
    return [leg["purpose"] for leg in body["legs"]]


ORDER = an_order(sl_price=480)
