"""Fyers' tickers (`NSE:SBIN-EQ`) and our symbols. Pure.

A ticker is an exchange, a name and, in shares, the series (NSE) or group (BSE) they trade in. Our symbol is
the name, as the exchange has it: `SBIN`. Shares of NSE in any other series than EQ keep it, as everywhere
(`IDEA-BE`). Back from a symbol leads only the list of the day: nobody can tell the group of a share of BSE
from its name, nor a series from a hyphen in the name (`BAJAJ-AUTO`).
"""

from broker.base import InstrumentNames, NotSent, OrderRejected, ReadFailed, Symbol

BROKER = "fyers"

# Fyers' numbers for exchange and segment.
EXCHANGES = {
    (10, 10): "NSE",
    (10, 11): "NFO",
    (10, 12): "CDS",
    (11, 20): "MCX",
    (12, 10): "BSE",
    (12, 11): "BFO",
    (12, 12): "BCD",
}


def exchange_of(exchange: int, segment: int) -> str:
    """Return our name of an exchange's segment; one that we do not trade is named by Fyers' numbers."""
    return EXCHANGES.get((exchange, segment), f"{exchange}/{segment}")


def symbol_of(ticker: str, exchange: str) -> str:
    """Return our symbol for a ticker. Raises ValueError for a text that is none."""
    _, colon, name = ticker.partition(":")
    if not (colon and name):
        raise ValueError(f"{ticker!r} is no ticker")
    match exchange:
        case "NSE":
            return name.removesuffix("-EQ")
        case "BSE":
            return name.rpartition("-")[0] or name
        case _:
            return name


class Tickers:
    """Symbols into tickers, by the list of the day. Safe to use from many threads."""

    def __init__(self, names: InstrumentNames) -> None:
        self._names = names
        self._known: dict[Symbol, str] = {}

    def of(self, symbol: Symbol) -> str:
        """Return a symbol's ticker. Raises OrderRejected for one that is not listed, NotSent if nobody knows.

        One that was listed before stays what it was: an exit does not fail for a list that was lost.
        """
        ticker = self._listed(symbol) or self._known.get(symbol)
        if ticker is None:
            place = ":".join(symbol)
            raise OrderRejected(f"{place} is not in the list: run `instruments sync --broker {BROKER}`")
        self._known[symbol] = ticker
        return ticker

    def _listed(self, symbol: Symbol) -> str | None:
        try:
            return self._names.number_of(BROKER, symbol)
        except ReadFailed as exc:
            if symbol in self._known:
                return None
            raise NotSent(str(exc)) from exc
