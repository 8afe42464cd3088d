"""Instruments: found by name, replaced as a whole, remembered for a minute."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from database.session import Database, NotStored
from database.symbol import Listing, SymbolTable, enhanced_search_symbols, replace_instruments
from services.bracket.model import Instrument
from tests.builders import StoppedClock, an_instrument


def listed(symbol: str, *, name: str = "", exchange: str = "NSE", token: str = "") -> Listing:
    return Listing(instrument=an_instrument(symbol=symbol, name=name, exchange=exchange), token=token)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def symbols(db: Database, clock: StoppedClock) -> Iterator[SymbolTable]:
    table = SymbolTable(db, clock)
    rows = [
        listed("SBIN", name="STATE BANK OF INDIA", token="779521"),
        listed("SBINETF", name="SBI Nifty"),
        listed("HSBIN", name="H"),
        listed("INFY", name="INFOSYS"),
        listed("M&M", name="MAHINDRA & MAHINDRA"),
    ]
    table.replace_instruments(rows, broker="zerodha", exchange="NSE")
    yield table


def test_an_option_comes_back_as_it_was_listed(db: Database, symbols: SymbolTable) -> None:
    option = Instrument(
        exchange="NFO",
        symbol="NIFTY26NOV24000CE",
        tick_size=Decimal("0.05"),
        lot_size=75,
        freeze_quantity=1800,
        kind="CE",
        name="NIFTY",
        expiry=date(2026, 11, 26),
        strike=Decimal("24000.00"),
    )

    replace_instruments(db, [Listing(instrument=option)], broker="zerodha", exchange="NFO")

    assert symbols.instrument("NFO", option.symbol, broker="zerodha") == option


def test_a_symbol_of_another_broker_or_exchange_is_not_found(symbols: SymbolTable) -> None:
    assert symbols.instrument("NSE", "SBIN", broker="dhan") is None
    assert symbols.instrument("BSE", "SBIN", broker="zerodha") is None
    assert symbols.listing("NSE", "SBIN", broker="zerodha") == listed(
        "SBIN", name="STATE BANK OF INDIA", token="779521"
    )


def test_a_new_list_replaces_the_old_one_of_that_broker_and_exchange_only(
    db: Database, symbols: SymbolTable
) -> None:
    replace_instruments(db, [listed("SBIN", exchange="BSE")], broker="zerodha", exchange="BSE")

    assert symbols.instrument("NSE", "SBIN", broker="zerodha") is not None
    symbols.replace_instruments([listed("TCS")], broker="zerodha", exchange="NSE")

    assert symbols.instrument("NSE", "SBIN", broker="zerodha") is None
    assert symbols.instrument("NSE", "TCS", broker="zerodha") is not None
    assert symbols.instrument("BSE", "SBIN", broker="zerodha") is not None


def test_a_sync_in_another_process_is_seen_after_a_minute(
    db: Database, symbols: SymbolTable, clock: StoppedClock
) -> None:
    before = symbols.instrument("NSE", "SBIN", broker="zerodha")
    changed = replace(listed("SBIN"), instrument=an_instrument(tick_size=Decimal("0.10")))
    replace_instruments(db, [changed], broker="zerodha", exchange="NSE")

    clock.seconds = 59
    assert symbols.instrument("NSE", "SBIN", broker="zerodha") == before
    clock.seconds = 60
    assert symbols.instrument("NSE", "SBIN", broker="zerodha") == changed.instrument


@pytest.mark.parametrize("rows", [[], [listed("SBIN", exchange="BSE")]])
def test_a_broken_download_does_not_delete_the_list(
    db: Database, symbols: SymbolTable, rows: list[Listing]
) -> None:
    with pytest.raises(ValueError, match="not a list of NSE"):
        replace_instruments(db, rows, broker="zerodha", exchange="NSE")

    assert symbols.instrument("NSE", "SBIN", broker="zerodha") is not None


def test_a_list_that_cannot_be_stored_leaves_the_old_one(db: Database, symbols: SymbolTable) -> None:
    db.close()
    with db.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 5}")

    with pytest.raises(NotStored):
        replace_instruments(
            db, [listed(f"S{n}", name="x" * 100) for n in range(2000)], broker="zerodha", exchange="NSE"
        )

    assert symbols.instrument("NSE", "SBIN", broker="zerodha") is not None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sbin", ["SBIN", "SBINETF", "HSBIN"]),
        ("bank state", ["SBIN"]),
        ("sbi nifty", ["SBINETF"]),
        ("m&m", ["M&M"]),
        ("%", []),
        ("  ", []),
    ],
)
def test_a_search_gives_the_exact_symbol_first(
    db: Database, symbols: SymbolTable, query: str, found: list[str]
) -> None:
    assert symbols

    assert [each.symbol for each in enhanced_search_symbols(db, query)] == found


def test_a_search_can_be_kept_to_one_exchange_and_shows_nothing_twice(
    db: Database, symbols: SymbolTable
) -> None:
    assert symbols
    replace_instruments(db, [listed("SBIN", exchange="BSE")], broker="zerodha", exchange="BSE")
    replace_instruments(db, [listed("SBIN")], broker="dhan", exchange="NSE")

    everywhere = enhanced_search_symbols(db, "SBIN", limit=2)
    on_bse = enhanced_search_symbols(db, "SBIN", exchange="BSE")

    assert [(each.exchange, each.symbol) for each in everywhere] == [("BSE", "SBIN"), ("NSE", "SBIN")]
    assert [each.exchange for each in on_bse] == ["BSE"]
