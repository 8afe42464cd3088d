"""Brokers' numbers for instruments, for adapters: from the lists that `instruments sync` stored."""

from broker.base import ReadFailed
from database.session import StorageError
from database.symbol import SymbolTable
from services.roster import Symbol


class ListedNames:
    """Satisfies InstrumentNames."""

    def __init__(self, symbols: SymbolTable) -> None:
        self._symbols = symbols

    def number_of(self, broker: str, symbol: Symbol) -> str | None:
        try:
            found = self._symbols.listing(*symbol, broker=broker)
        except StorageError as exc:
            raise ReadFailed(f"the number of {symbol[1]} could not be read") from exc
        return None if found is None else found.token or None

    def symbol_of(self, broker: str, exchange: str, number: str) -> Symbol | None:
        try:
            found = self._symbols.symbol_of(exchange, number, broker=broker)
        except StorageError as exc:
            raise ReadFailed(f"the symbol of {exchange} number {number} could not be read") from exc
        return None if found is None else (exchange, found)
