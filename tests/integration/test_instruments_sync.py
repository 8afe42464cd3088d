"""`instruments sync`: a broker's own file over HTTP, into the list that orders are checked against."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from broker.base import BrokerSettings, ReadFailed
from broker.zerodha import list_instruments
from broker.zerodha.instruments import instruments
from cli import register_commands
from database.session import Database
from database.symbol import Listing, find_listing, replace_instruments
from tests.builders import NINE_THIRTY, an_instrument
from tests.scripted_server import Peer, Script, ScriptedServer, answer, serve_forever
from tests.serving import a_config
from utils.clock import SystemClock

HEAD = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)
SBIN = "779521,3045,SBIN,STATE BANK OF INDIA,0.0,,0,0.05,1,EQ,NSE,NSE"
OPTION = "12345,48,NIFTY26NOV25000CE,NIFTY,0.0,2026-11-24,25000,0.05,75,CE,NFO-OPT,NFO"
INDEX = "256265,1001,NIFTY 50,NIFTY 50,0.0,,0,0,0,EQ,INDICES,NSE"
ABROAD = "9,9,GIFTNIFTY,GIFT NIFTY,0.0,,0,0.5,1,FUT,NSEIX,NSEIX"

Sync = Callable[..., Result]


def a_file(*rows: str) -> bytes:
    return "\n".join((HEAD, *rows)).encode()


@pytest.fixture
def sync(tmp_path: Path) -> Iterator[Sync]:
    """Run commands with Kite's file served as given."""

    def invoke(served: bytes, *words: str) -> Result:
        with ScriptedServer(serve_forever(served)) as kite:
            config = a_config(tmp_path, broker_api_roots={"zerodha": kite.root})
            app = Flask("test")
            register_commands(app, config=config, clock=SystemClock(), brokers={"paper", "zerodha"})
            runner = app.test_cli_runner()
            runner.invoke(args=["db", "upgrade"])
            return runner.invoke(args=words or ["instruments", "sync", "--broker", "zerodha"])

    yield invoke


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Database]:
    db = Database(a_config(tmp_path).database_url)
    yield db
    db.close()


def test_what_can_be_traded_is_listed_with_tick_lot_and_token(sync: Sync, stored: Database) -> None:
    done = sync(answer(a_file(SBIN, OPTION, INDEX, ABROAD)))

    assert done.exit_code == 0, done.output
    share = find_listing(stored, "NSE", symbol="SBIN", broker="zerodha")
    option = find_listing(stored, "NFO", symbol="NIFTY26NOV25000CE", broker="zerodha")
    assert share is not None
    assert (share.token, share.instrument.tick_size) == ("779521", Decimal("0.05"))
    assert option is not None
    assert (option.instrument.lot_size, option.instrument.strike) == (75, Decimal("25000"))
    assert find_listing(stored, "NSE", symbol="NIFTY 50", broker="zerodha") is None


def test_a_file_that_cannot_be_read_leaves_the_old_list(sync: Sync, stored: Database) -> None:
    sync(answer(a_file(SBIN)))

    refused = [
        sync(answer(b"<html>maintenance</html>")),
        sync(answer(a_file(SBIN, OPTION[:30]))),
        sync(answer(b"", status="503 Service Unavailable")),
    ]

    assert [one.exit_code for one in refused] == [2, 2, 2]
    assert all("the old list still counts" in one.output for one in refused)
    assert find_listing(stored, "NSE", symbol="SBIN", broker="zerodha") is not None


def test_terms_and_search_are_commands_too(sync: Sync) -> None:
    served = answer(a_file(SBIN, OPTION))
    sync(served)

    found = sync(served, "instruments", "search", "nifty", "25000", "ce")
    shown = sync(served, "instruments", "show", "--broker", "zerodha", "NFO", "NIFTY26NOV25000CE")
    unknown = sync(served, "instruments", "show", "--broker", "zerodha", "NFO", "NOTHING")

    assert "NFO:NIFTY26NOV25000CE" in found.output
    assert "lot 75" in shown.output
    assert unknown.exit_code == 2


def many(count: int) -> bytes:
    return a_file(
        *(SBIN.replace("SBIN", f"S{number}").replace("779521", str(number)) for number in range(count))
    )


def test_a_long_file_is_read_as_it_comes_and_its_progress_told(sync: Sync, stored: Database) -> None:
    body = many(20_000)

    told = sync(answer(body))

    assert told.exit_code == 0, told.output
    assert len(body) > 1_000_000
    assert "1 MB" in told.output.splitlines()
    assert find_listing(stored, "NSE", symbol="S19999", broker="zerodha") is not None


def test_a_file_that_breaks_off_between_two_lines_is_no_file() -> None:
    whole = answer(many(3000))
    at_a_line_end = whole.rindex(b"\n", 0, len(whole) // 2) + 1
    with ScriptedServer(cut_off(whole[:at_a_line_end])) as kite, pytest.raises(ReadFailed, match="broke off"):
        list_instruments(
            BrokerSettings(api_roots={"zerodha": kite.root}, paper_state="", paper_prices=""), None
        )


def cut_off(part: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(part)

    return script


def test_an_error_page_in_place_of_the_file_is_told(sync: Sync) -> None:
    told = sync(answer(b"<html>bad gateway</html>", status="502 Bad Gateway"))

    assert told.exit_code == 2
    assert "the old list still counts" in told.output


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\xff\xfe",
        a_file(SBIN.replace("0.05", "cheap")),
        a_file(SBIN.replace(",1,EQ", ",one,EQ")),
        a_file(OPTION.replace("2026-11-24", "tomorrow")),
    ],
)
def test_no_file_is_half_believed(broken: bytes) -> None:
    with pytest.raises(ReadFailed):
        instruments(broken.split(b"\n"))


def test_doctor_says_when_a_brokers_instruments_are_missing(sync: Sync) -> None:
    served = answer(a_file(SBIN))
    sync(served, "account", "add", "--name", "main", "--broker", "zerodha", "--auth-token", "key:token")

    before = sync(served, "doctor")
    sync(served)
    after = sync(served, "doctor")

    assert (before.exit_code, after.exit_code) == (2, 0)
    assert "run `instruments sync --broker zerodha`" in before.output


def test_doctor_goes_by_the_list_that_came_last_whatever_its_exchange_is_called(
    sync: Sync, stored: Database
) -> None:
    served = answer(a_file(SBIN))
    sync(served, "account", "add", "--name", "main", "--broker", "zerodha", "--auth-token", "key:token")
    sync(served)
    old = [Listing(instrument=an_instrument(exchange="ZSE"))]
    replace_instruments(stored, old, broker="zerodha", exchange="ZSE", at=NINE_THIRTY - timedelta(days=9))

    told = sync(served, "doctor")

    assert (told.exit_code, "instruments sync" in told.output) == (0, False)
