"""Angel One's names of instruments (`SBIN-EQ`, number 3045) and our symbols.

Ours is Angel's own without the series of ordinary shares: `SBIN`. The way back needs the list of the day:
nobody can tell a series from a hyphen in a name (`BAJAJ-AUTO`), and an order wants both name and number.
"""

from dataclasses import dataclass

from broker.angel.session import NAME
from broker.base import InstrumentNames, NotSent, OrderRejected, ReadFailed, Symbol

EXCHANGES = frozenset({"NSE", "BSE", "NFO", "BFO", "CDS", "MCX"})
_ORDINARY = "-EQ"


@dataclass(frozen=True, slots=True)
class ScriptName:
    """An instrument as an order names it."""

    token: str
    trading_symbol: str

    @property
    def listed(self) -> str:
        """Return the text that the list of instruments keeps."""
        return f"{self.token}:{self.trading_symbol}"


def symbol_of(trading_symbol: str, exchange: str) -> str:
    """Return our symbol for a name of Angel's."""
    return trading_symbol.removesuffix(_ORDINARY) if exchange == "NSE" else trading_symbol


class Scripts:
    """Symbols into names and numbers, by the list of the day. Safe to use from many threads."""

    def __init__(self, names: InstrumentNames) -> None:
        self._names = names
        self._known: dict[Symbol, ScriptName] = {}

    def of(self, symbol: Symbol) -> ScriptName:
        """Return an instrument. Raises OrderRejected for one that is not listed, NotSent if nobody knows.

        One that was listed before stays what it was: an exit does not fail for a list that was lost.
        """
        found = self._listed(symbol) or self._known.get(symbol)
        if found is None:
            place = ":".join(symbol)
            raise OrderRejected(f"{place} is not in the list: run `instruments sync --broker {NAME}`")
        self._known[symbol] = found
        return found

    def _listed(self, symbol: Symbol) -> ScriptName | None:
        try:
            text = self._names.number_of(NAME, symbol)
        except ReadFailed as exc:
            if symbol in self._known:
                return None
            raise NotSent(str(exc)) from exc
        token, _, trading_symbol = (text or "").partition(":")
        return ScriptName(token, trading_symbol) if token and trading_symbol else None
