"""TradingView's names, and what they stand for among what is listed."""

from datetime import date

import pytest

from services.alerts.signal import AlertRefused
from services.alerts.symbols import Future, Names, chosen, meant, real_exchange, split_name
from services.bracket.model import Instrument
from tests.builders import an_instrument


def a_future(symbol: str, expiry: str, **more: str) -> Instrument:
    return an_instrument(exchange="NFO", symbol=symbol, expiry=date.fromisoformat(expiry), **more)


LISTED = (
    a_future("NIFTY25JAN27FUT", "2027-01-25"),
    a_future("NIFTY24NOV26FUT", "2026-11-24"),
    a_future("NIFTY29DEC26FUT", "2026-12-29"),
    a_future("NIFTYNXT5029DEC26FUT", "2026-12-29"),
    a_future("BANKNIFTY29DEC26FUT", "2026-12-29"),
    a_future("NIFTY29DEC2624400CE", "2026-12-29"),
    a_future("M&M29DEC26FUT", "2026-12-29"),
    an_instrument(symbol="NIFTY"),
)
TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("symbol", "spellings"),
    [
        ("SBIN", ["SBIN"]),
        ("M_M", ["M_M", "M&M", "M-M"]),
        ("BAJAJ_AUTO", ["BAJAJ_AUTO", "BAJAJ&AUTO", "BAJAJ-AUTO"]),
        ("A_B_C_D_E_F", ["A_B_C_D_E_F"]),
    ],
)
def test_an_underscore_may_stand_for_what_tradingview_cannot_write(symbol: str, spellings: list[str]) -> None:
    assert meant(symbol, "NSE") == Names("NSE", tuple(spellings))


@pytest.mark.parametrize(
    ("symbol", "today", "contract"),
    [
        ("NIFTY1!", TODAY, "NIFTY24NOV26FUT"),  # on its last day still
        ("NIFTY1!", date(2026, 11, 25), "NIFTY29DEC26FUT"),
        ("NIFTY2!", TODAY, "NIFTY29DEC26FUT"),
        ("NIFTY9!", TODAY, None),
        ("NIFTYF2027", TODAY, "NIFTY25JAN27FUT"),
        ("NIFTYX2026", TODAY, "NIFTY24NOV26FUT"),
        ("NIFTYG2027", TODAY, None),
        ("NIFTYNXT501!", TODAY, "NIFTYNXT5029DEC26FUT"),
        ("BANKNIFTY1!", TODAY, "BANKNIFTY29DEC26FUT"),
        ("M_M1!", TODAY, "M&M29DEC26FUT"),
        ("SBIN1!", TODAY, None),
    ],
)
def test_a_future_stands_for_one_listed_contract(symbol: str, today: date, contract: str | None) -> None:
    future = meant(symbol, "NSE")

    assert isinstance(future, Future)
    found = chosen(future, LISTED, today)
    assert (future.exchange, None if found is None else found.symbol) == ("NFO", contract)


@pytest.mark.parametrize(
    ("exchange", "served"), [("NSE", "NFO"), ("BSE", "BFO"), ("MCX", "MCX"), ("CDS", "CDS"), ("XYZ", "XYZ")]
)
def test_futures_are_looked_for_where_the_exchange_lists_them(exchange: str, served: str) -> None:
    found = meant("GOLD1!", exchange)

    assert isinstance(found, Future)
    assert found.exchange == served


def test_the_index_futures_of_bse_have_names_of_their_own() -> None:
    assert meant("BSX1!", "BSE") == Future("BFO", "SENSEX", nth=1)


@pytest.mark.parametrize("index", ["NIFTY", "BANKNIFTY", "SENSEX", "CNXFINANCE"])
def test_an_index_is_refused_with_what_can_be_traded(index: str) -> None:
    with pytest.raises(AlertRefused, match=f"{index}1!"):
        meant(index, "NSE")


@pytest.mark.parametrize("exchange", ["NSE_DL", "NSE_DLY", "nse_dly"])
def test_delayed_prices_are_refused_unless_allowed(exchange: str) -> None:
    with pytest.raises(AlertRefused, match="delayed prices"):
        real_exchange(exchange, allow_delayed=False)
    assert real_exchange(exchange, allow_delayed=True) == "NSE"
    assert real_exchange("nse", allow_delayed=False) == "NSE"


def test_a_symbol_may_have_its_exchange_before_it() -> None:
    assert split_name("nse:sbin", None) == ("SBIN", "NSE")
    assert split_name("NSE:NIFTY1!", "NFO") == ("NIFTY1!", "NFO")
    assert split_name("SBIN", "BSE") == ("SBIN", "BSE")
    with pytest.raises(AlertRefused, match="differ"):
        split_name("NSE:SBIN", "BSE")
