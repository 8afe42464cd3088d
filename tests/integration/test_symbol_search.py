"""Finding an instrument by the pieces a person remembers of it."""

from datetime import date
from decimal import Decimal

import pytest

from database.session import Database
from database.symbol import Listing, enhanced_search_symbols, replace_instruments
from services.bracket.model import Instrument
from tests.builders import NINE_THIRTY, an_instrument

NEAR, FAR = date(2026, 11, 24), date(2026, 12, 29)


def an_option(underlying: str, symbol: str, *, strike: str, kind: str, expiry: date) -> Instrument:
    return Instrument(
        exchange="NFO",
        symbol=symbol,
        tick_size=Decimal("0.05"),
        lot_size=75,
        kind=kind,
        name=underlying,
        expiry=expiry,
        strike=Decimal(strike),
    )


OPTIONS = [
    an_option("NIFTY", "NIFTY26DEC25000CE", strike="25000", kind="CE", expiry=FAR),
    an_option("NIFTY", "NIFTY26N2425000CE", strike="25000", kind="CE", expiry=NEAR),
    an_option("NIFTY", "NIFTY26N2425000PE", strike="25000", kind="PE", expiry=NEAR),
    an_option("NIFTY", "NIFTY26N245000CE", strike="5000", kind="CE", expiry=NEAR),
    an_option("BANKNIFTY", "BANKNIFTY26NOV25000CE", strike="25000", kind="CE", expiry=NEAR),
    an_option("VEDL", "VEDL26NOV292.5CE", strike="292.50", kind="CE", expiry=NEAR),
]


@pytest.fixture(autouse=True)
def listed(db: Database) -> None:
    shares = [an_instrument(symbol="LT", name="LARSEN & TOUBRO"), an_instrument(symbol='A"B', name="QUOTED")]
    for exchange, instruments in (("NFO", OPTIONS), ("NSE", shares)):
        rows = [Listing(instrument=one) for one in instruments]
        replace_instruments(db, rows, broker="zerodha", exchange=exchange, at=NINE_THIRTY)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (
            "nifty 25000 ce",
            ["NIFTY26N2425000CE", "NIFTY26DEC25000CE", "BANKNIFTY26NOV25000CE"],
        ),
        ("nifty 25000 put", ["NIFTY26N2425000PE"]),
        ("nifty dec 25000", ["NIFTY26DEC25000CE"]),
        ("nifty 29dec ce", ["NIFTY26DEC25000CE"]),
        ("nifty 24nov2026 pe", ["NIFTY26N2425000PE"]),
        ("nifty 2026-12-29", ["NIFTY26DEC25000CE"]),
        ("nif 25000 pe", ["NIFTY26N2425000PE"]),
        ("vedl 292.5", ["VEDL26NOV292.5CE"]),
        ("NIFTY24NOV2625000PE", ["NIFTY26N2425000PE"]),
        ("nifty 26dec 25000ce", ["NIFTY26DEC25000CE"]),
        ("lt", ["LT"]),
        ("toubro", ["LT"]),
        ('a"b', ['A"B']),
        ('quoted OR "lt', []),
        ("nifty -nothing*", []),
    ],
)
def test_pieces_in_any_order_of_strike_expiry_and_kind_find_it(
    db: Database, query: str, found: list[str]
) -> None:
    assert [one.symbol for one in enhanced_search_symbols(db, query)] == found


def test_a_number_is_the_strike_before_it_is_a_part_of_another(db: Database) -> None:
    found = enhanced_search_symbols(db, "nifty 5000 ce")

    assert found[0].symbol == "NIFTY26N245000CE"
    assert {one.symbol for one in found} == {
        one.symbol for one in OPTIONS if one.kind == "CE" and one.name.endswith("NIFTY")
    }


def test_an_answer_is_no_longer_than_asked_for(db: Database) -> None:
    assert len(enhanced_search_symbols(db, "nifty", limit=2)) == 2


def test_an_exchange_narrows_the_search(db: Database) -> None:
    assert enhanced_search_symbols(db, "nifty", "NSE") == ()
    assert enhanced_search_symbols(db, "ce", "NFO", broker="zerodha", limit=1)[0].kind == "CE"
    assert enhanced_search_symbols(db, "nifty", broker="dhan") == ()
