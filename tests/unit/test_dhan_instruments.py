"""Dhan's detailed file of instruments into ours."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest

from broker.base import ReadFailed
from broker.dhan.instruments import instruments
from services.bracket.model import Instrument

HEAD = (
    "EXCH_ID,SEGMENT,SECURITY_ID,ISIN,INSTRUMENT,UNDERLYING_SECURITY_ID,UNDERLYING_SYMBOL,SYMBOL_NAME,"
    "DISPLAY_NAME,INSTRUMENT_TYPE,SERIES,LOT_SIZE,SM_EXPIRY_DATE,STRIKE_PRICE,OPTION_TYPE,TICK_SIZE,"
    "EXPIRY_FLAG,SM_FREEZE_QTY,"
)
SHARE = (
    "NSE,E,2885,INE002A01018,EQUITY,2885,RELIANCE,RELIANCE INDUSTRIES,Reliance Industries,ES,EQ,1.0,,,,"
    "10.0000,NA,,"
)
FUTURE = (
    "NSE,D,53001,NA,FUTIDX,26000,NIFTY,NIFTY-Dec2026-FUT,NIFTY DEC FUT,FUT,NA,65.0,2026-12-29,-0.01000,XX,"
    "10.0000,M,1801,"
)
OPTION = (
    "NSE,D,35084,NA,OPTIDX,26000,NIFTY,NIFTY-Sep2026-29150-CE,NIFTY 29 SEP 29150 CALL,OP,NA,65.0,"
    "2026-09-29,29150.00000,CE,5.0000,M,1756,"
)
INDEX = "NSE,I,13,NA,INDEX,13,NIFTY,NIFTY,Nifty 50,INDEX,NA,1.0,,,XX,5.0000,NA,0,"


def lines(*rows: str) -> Sequence[bytes]:
    return [row.encode() for row in (HEAD, *rows)]


def test_shares_futures_and_options_have_our_symbols_and_ticks_in_rupees() -> None:
    share, future, option = instruments(lines(SHARE, FUTURE, OPTION, INDEX))

    assert share.instrument == Instrument(
        exchange="NSE",
        symbol="RELIANCE",
        name="Reliance Industries",
        tick_size=Decimal("0.10"),
        lot_size=1,
    )
    assert (future.instrument.symbol, future.instrument.freeze_quantity) == ("NIFTY29DEC26FUT", 1800)
    assert option.instrument == Instrument(
        exchange="NFO",
        symbol="NIFTY29SEP2629150CE",
        name="NIFTY 29 SEP 29150 CALL",
        kind="CE",
        tick_size=Decimal("0.05"),
        lot_size=65,
        freeze_quantity=1755,
        expiry=date(2026, 9, 29),
        strike=Decimal(29150),
    )
    assert [one.token for one in (share, future, option)] == ["2885", "53001", "35084"]


def test_a_share_of_several_series_is_listed_once_and_first_come_counts() -> None:
    again = SHARE.replace("2885,", "9999,", 1).replace(",EQ,", ",BE,")

    (share,) = instruments(lines(SHARE, again))

    assert share.token == "2885"


@pytest.mark.parametrize(
    "broken",
    [
        [b"SEM_EXM_EXCH_ID,SEM_SEGMENT", b"NSE,E"],
        [*lines(SHARE), OPTION.encode()[:60]],
        lines(OPTION.replace("2026-09-29,", "29/09/2026,")),
        lines(SHARE.replace("10.0000", "ten")),
        [*lines(SHARE), b"\xff\xfe"],
        [],
    ],
    ids=["other columns", "broken off", "a date", "a tick", "no text", "nothing"],
)
def test_a_file_that_cannot_be_read_whole_is_not_read_at_all(broken: Sequence[bytes]) -> None:
    with pytest.raises(ReadFailed):
        instruments(broken)
