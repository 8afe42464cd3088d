"""What a person may type for an instrument, as one text with a space around every word. Pure."""

from datetime import date
from decimal import Decimal

from services.bracket.model import Instrument

_SPOKEN = {"CE": ("CALL", "OPT"), "PE": ("PUT", "OPT"), "FUT": ("FUTURE",), "EQ": ("EQUITY",)}


def words_of(instrument: Instrument) -> str:
    """Return what finds an instrument: symbol, name, strike, forms of the expiry, kind, exchange."""
    words = [
        instrument.symbol,
        *instrument.name.split(),
        *_strike(instrument.strike),
        *_expiry(instrument.expiry),
        instrument.kind,
        *_SPOKEN.get(instrument.kind, ()),
        *_neutral_symbol(instrument),
        instrument.exchange,
    ]
    return f" {' '.join(words)} ".upper()


def _neutral_symbol(instrument: Instrument) -> list[str]:
    """Return a derivative as clients of many brokers write it: NIFTY24NOV2625000CE, BANKNIFTY24NOV26FUT."""
    if instrument.expiry is None or not instrument.name:
        return []
    strike = "" if instrument.strike is None else strike_text(instrument.strike)
    return [f"{instrument.name.split()[0]}{instrument.expiry:%d%b%y}{strike}{instrument.kind}"]


def _strike(strike: Decimal | None) -> list[str]:
    return [] if strike is None else [strike_text(strike)]


def strike_text(strike: Decimal) -> str:
    """Return a strike as people write it: 25000 for 25000.00, 292.5 for 292.50."""
    text = format(strike, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _expiry(expiry: date | None) -> list[str]:
    if expiry is None:
        return []
    day, month = f"{expiry:%d}", f"{expiry:%b}"
    # 24NOV2026 holds 24NOV, 24NOV20 and NOV2026 in itself; NOV26 and 24NOV26 it does not.
    return [f"{day}{month}{expiry:%Y}", f"{day}{month}{expiry:%y}", day, month, f"{expiry:%Y-%m-%d}"]
