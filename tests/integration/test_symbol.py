"""Instruments: found by name, replaced as a whole, remembered for a minute."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from broker.base import ReadFailed
from database.session import Database, NotStored
from database.symbol import (
    WRITTEN_AT_ONCE,
    Listing,
    ListingTerms,
    SymbolTable,
    enhanced_search_symbols,
    find_listing,
    past_terms,
    replace_instruments,
    terms_now,
)
from services.bracket.model import Instrument
from services.instrument_names import ListedNames
from tests.builders import NINE_THIRTY, StoppedClock, an_instrument


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

    replace_instruments(db, [Listing(instrument=option)], broker="zerodha", exchange="NFO", at=NINE_THIRTY)

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
    replace_instruments(
        db, [listed("SBIN", exchange="BSE")], broker="zerodha", exchange="BSE", at=NINE_THIRTY
    )

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
    replace_instruments(db, [changed], broker="zerodha", exchange="NSE", at=NINE_THIRTY)

    clock.seconds = 59
    assert symbols.instrument("NSE", "SBIN", broker="zerodha") == before
    clock.seconds = 60
    assert symbols.instrument("NSE", "SBIN", broker="zerodha") == changed.instrument


@pytest.mark.parametrize("rows", [[], [listed("SBIN", exchange="BSE")]])
def test_a_broken_download_does_not_delete_the_list(
    db: Database, symbols: SymbolTable, rows: list[Listing]
) -> None:
    with pytest.raises(ValueError, match="not a list of NSE"):
        replace_instruments(db, rows, broker="zerodha", exchange="NSE", at=NINE_THIRTY)

    assert symbols.instrument("NSE", "SBIN", broker="zerodha") is not None


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_a_list_that_cannot_be_stored_leaves_the_old_one(db: Database, symbols: SymbolTable) -> None:
    db.close()
    with db.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 5}")

    with pytest.raises(NotStored):
        replace_instruments(
            db,
            [listed(f"S{n}", name="x" * 100) for n in range(2000)],
            broker="zerodha",
            exchange="NSE",
            at=NINE_THIRTY,
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
    replace_instruments(
        db, [listed("SBIN", exchange="BSE")], broker="zerodha", exchange="BSE", at=NINE_THIRTY
    )
    replace_instruments(db, [listed("SBIN")], broker="dhan", exchange="NSE", at=NINE_THIRTY)

    everywhere = enhanced_search_symbols(db, "SBIN", limit=2)
    on_bse = enhanced_search_symbols(db, "SBIN", exchange="BSE")

    assert [(each.exchange, each.symbol) for each in everywhere] == [("BSE", "SBIN"), ("NSE", "SBIN")]
    assert [each.exchange for each in on_bse] == ["BSE"]


def test_terms_that_changed_are_kept_with_the_time_they_were_valid(db: Database) -> None:
    later, last = NINE_THIRTY + timedelta(days=1), NINE_THIRTY + timedelta(days=2)
    coarse = Listing(instrument=an_instrument(tick_size=Decimal("0.10")))
    for listing, at in ((listed("SBIN"), NINE_THIRTY), (listed("SBIN"), later), (coarse, last)):
        replace_instruments(db, [listing], broker="zerodha", exchange="NSE", at=at)

    now = terms_now(db, "NSE", symbol="SBIN", broker="zerodha")
    before = past_terms(db, "NSE", symbol="SBIN", broker="zerodha")

    assert now == ListingTerms(tick_size=Decimal("0.10"), lot_size=1, freeze_quantity=None, valid_from=last)
    assert before == (
        ListingTerms(
            tick_size=Decimal("0.05"),
            lot_size=1,
            freeze_quantity=None,
            valid_from=NINE_THIRTY,
            valid_until=last,
        ),
    )


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_no_row_and_no_word_of_a_replaced_list_is_left(db: Database) -> None:
    for symbols in (["SBIN", "TCS"], ["INFY"]):
        rows = [listed(symbol) for symbol in symbols]
        replace_instruments(db, rows, broker="zerodha", exchange="NSE", at=NINE_THIRTY)

    with db.read() as connection:
        left = connection.exec_driver_sql("SELECT symbol FROM instruments").scalars().all()
        words = "SELECT count(*) FROM instrument_words WHERE instrument_words MATCH '\"{}\"'"
        found = [connection.exec_driver_sql(words.format(one)).scalar_one() for one in ("SBIN", "INFY")]
    assert (left, found) == (["INFY"], [0, 1])


def test_a_list_half_written_by_a_process_that_died_is_never_seen_and_then_removed(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("database.symbol._take_its_place", die)
        with pytest.raises(KeyboardInterrupt):
            replace_instruments(db, [listed("TCS")], broker="zerodha", exchange="NSE", at=NINE_THIRTY)
    assert enhanced_search_symbols(db, "TCS") == ()
    assert find_listing(db, "NSE", symbol="TCS", broker="zerodha") is None

    next_day = NINE_THIRTY + timedelta(days=1)
    replace_instruments(db, [listed("INFY")], broker="zerodha", exchange="NSE", at=next_day)

    with db.read() as connection:
        assert connection.exec_driver_sql("SELECT symbol FROM instruments").scalars().all() == ["INFY"]


def test_a_list_that_counts_is_a_success_though_the_old_one_could_not_be_deleted(
    db: Database, symbols: SymbolTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise NotStored("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("database.symbol._forget_list", full)
        count = symbols.replace_instruments([listed("TCS")], broker="zerodha", exchange="NSE")
    symbol = symbols.instrument("NSE", "SBIN", broker="zerodha")
    replace_instruments(
        db, [listed("INFY")], broker="zerodha", exchange="NSE", at=NINE_THIRTY + timedelta(days=1)
    )

    with db.read() as connection:
        left = connection.exec_driver_sql("SELECT symbol FROM instruments").scalars().all()
    assert (count, symbol, left) == (1, None, ["INFY"])


def test_an_order_can_be_stored_between_any_two_parts_of_a_long_list(db: Database) -> None:
    stored_between: list[int] = []

    def store_something(written: int) -> None:
        with db.write() as connection:
            row = "INSERT INTO account_sequences (account_id, last_seq) VALUES (:id, 1)"
            connection.execute(text(row), {"id": str(written)})
        stored_between.append(written)

    rows = [listed(f"S{number}") for number in range(WRITTEN_AT_ONCE * 2 + 1)]
    count = replace_instruments(
        db, rows, broker="zerodha", exchange="NSE", at=NINE_THIRTY, progress=store_something
    )

    assert (count, stored_between) == (
        len(rows),
        [WRITTEN_AT_ONCE, WRITTEN_AT_ONCE * 2, WRITTEN_AT_ONCE * 2 + 1],
    )


def test_a_symbol_twice_in_one_list_is_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="1 symbols twice"):
        replace_instruments(
            db, [listed("SBIN"), listed("SBIN")], broker="zerodha", exchange="NSE", at=NINE_THIRTY
        )


def test_a_number_names_its_symbol_at_its_broker_and_exchange_only(symbols: SymbolTable) -> None:
    names = ListedNames(symbols)

    assert names.number_of("zerodha", ("NSE", "SBIN")) == "779521"
    assert names.symbol_of("zerodha", "NSE", "779521") == ("NSE", "SBIN")
    assert names.number_of("zerodha", ("NSE", "INFY")) is None  # listed without a number
    assert names.symbol_of("zerodha", "NSE", "1") is None
    assert names.symbol_of("zerodha", "BSE", "779521") is None
    assert names.symbol_of("dhan", "NSE", "779521") is None


def test_a_new_list_names_numbers_anew(symbols: SymbolTable) -> None:
    before = symbols.symbol_of("NSE", "779521", broker="zerodha")

    symbols.replace_instruments([listed("TCS", token="779521")], broker="zerodha", exchange="NSE")

    assert (before, symbols.symbol_of("NSE", "779521", broker="zerodha")) == ("SBIN", "TCS")


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)  # the server's tables are everybody's
def test_numbers_that_cannot_be_read_fail_the_read(symbols: SymbolTable, db: Database) -> None:
    with db.write() as connection:
        connection.execute(text("DROP TABLE instruments"))

    with pytest.raises(ReadFailed):
        ListedNames(symbols).symbol_of("zerodha", "NSE", "4")
    with pytest.raises(ReadFailed):
        ListedNames(symbols).number_of("zerodha", ("NSE", "TCS"))
