"""TradingView's names for what is traded in India, and the names brokers may list it by. Pure.

TradingView writes `_` for both `&` and `-` (M_M, BAJAJ_AUTO), a continuous future as NIFTY1! (the
contract that expires next) or NIFTY2!, one contract as NIFTYZ2026, and puts _DL or _DLY behind an
exchange whose prices are delayed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import product

from services.alerts.signal import AlertRefused
from services.bracket.model import Instrument

_DELAYED = re.compile(r"(?P<exchange>[A-Z]+)_DLY?")
_CONTINUOUS = re.compile(r"(?P<root>[A-Z0-9&_-]+?)(?P<nth>[1-9])!")
_MONTH_CODE = re.compile(r"(?P<root>[A-Z&_-]+)(?P<month>[FGHJKMNQUVXZ])(?P<year>20[0-9]{2})")
_MONTHS = "FGHJKMNQUVXZ"  # January to December
_DERIVATIVES = {"NSE": "NFO", "BSE": "BFO", "NFO": "NFO", "BFO": "BFO", "MCX": "MCX", "CDS": "CDS"}
_ROOTS = {"BSX": "SENSEX", "BKX": "BANKEX"}  # TradingView's names for BSE's index futures
_INDICES = frozenset(
    {
        "NIFTY", "NIFTY50", "BANKNIFTY", "FINNIFTY", "CNXFINANCE", "MIDCPNIFTY", "NIFTY_MID_SELECT",
        "NIFTYNXT50", "SENSEX", "BANKEX", "INDIAVIX",
    }
)  # fmt: skip
_FUTURE = re.compile(r"(?P<root>.+?)[0-9]{2}[A-Z]{3}[0-9]{2}FUT")


@dataclass(frozen=True, slots=True)
class Names:
    """An exchange and the names a symbol may have there, the likeliest first."""

    exchange: str
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Future:
    """A future by its place in line (1 expires next), or by its month."""

    exchange: str
    root: str
    nth: int | None = None
    month: tuple[int, int] | None = None  # year, month

    @property
    def query(self) -> str:
        return f"{self.root} FUT"


def real_exchange(exchange: str, *, allow_delayed: bool) -> str:
    """Return an exchange without TradingView's mark of delayed prices.

    Raises AlertRefused for one with it, unless delayed prices are allowed.
    """
    match = _DELAYED.fullmatch(exchange.strip().upper())
    if match is None:
        return exchange.strip().upper()
    if not allow_delayed:
        raise AlertRefused(
            "exchange",
            f"exchange {exchange} has delayed prices: subscribe to {match['exchange']} in TradingView, or"
            " allow delayed data for this webhook",
        )
    return match["exchange"]


def split_name(symbol: str, exchange: str | None) -> tuple[str, str | None]:
    """Return a symbol such as NSE:SBIN and its exchange apart. Raises AlertRefused when two are said."""
    before, colon, after = symbol.strip().upper().partition(":")
    if not colon:
        return before, exchange
    if exchange is not None and exchange.strip().upper() not in (before, _DERIVATIVES.get(before)):
        raise AlertRefused("exchange", f"exchange {exchange[:64]} and symbol {symbol[:64]} differ: send one")
    return after, exchange if exchange is not None else before


def meant(symbol: str, exchange: str) -> Names | Future:
    """Return what a symbol of TradingView's may be at the broker, both names in capitals.

    Raises AlertRefused for an index, which cannot be traded itself.
    """
    continuous, dated = _CONTINUOUS.fullmatch(symbol), _MONTH_CODE.fullmatch(symbol)
    if continuous is not None:
        return Future(_derivatives(exchange), _root(continuous["root"]), nth=int(continuous["nth"]))
    if dated is not None:
        month = (int(dated["year"]), _MONTHS.index(dated["month"]) + 1)
        return Future(_derivatives(exchange), _root(dated["root"]), month=month)
    if symbol in _INDICES:
        raise AlertRefused(
            "symbol",
            f"symbol {symbol} is an index and is not traded itself: send {symbol}1! for its next future, the"
            " contract's own name, or map it for this webhook",
        )
    return Names(exchange, _spellings(symbol))


def chosen(future: Future, listed: Iterable[Instrument], today: date) -> Instrument | None:
    """Return the contract a future stands for among what is listed, None when there is none."""
    contracts = sorted(
        (one for one in listed if _is_of(one, future) and one.expiry is not None and one.expiry >= today),
        key=lambda one: one.expiry or today,
    )
    if future.month is not None:
        fitting = [
            one for one in contracts if one.expiry and (one.expiry.year, one.expiry.month) == future.month
        ]
        return fitting[-1] if fitting else None
    place = (future.nth or 1) - 1
    return contracts[place] if place < len(contracts) else None


def _is_of(instrument: Instrument, future: Future) -> bool:
    match = _FUTURE.fullmatch(instrument.symbol)
    return match is not None and match["root"] in _spellings(future.root) and not instrument.is_option


def _derivatives(exchange: str) -> str:
    return _DERIVATIVES.get(exchange, exchange)


def _root(root: str) -> str:
    return _ROOTS.get(root, root)


def _spellings(symbol: str) -> tuple[str, ...]:
    """Return a name with each `_` as it is, as `&` and as `-`."""
    parts = symbol.split("_")
    if len(parts) > 4:  # no symbol has so many; each `_` would treble the names
        return (symbol,)
    joints = product(*(("_", "&", "-") for _ in parts[1:]))
    return tuple("".join(_woven(parts, joint)) for joint in joints)


def _woven(parts: list[str], joints: tuple[str, ...]) -> Iterable[str]:
    yield parts[0]
    for joint, after in zip(joints, parts[1:], strict=True):
        yield joint + after
