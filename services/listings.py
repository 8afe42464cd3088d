"""What an account can trade: its broker's list; in analyze mode the paper market's list besides.

On the paper market a symbol of the broker follows the broker's quotes: each of them can be traded there.
"""

from database.auth_db import Caller
from database.symbol import Listing, enhanced_search_symbols
from services.bracket.model import Instrument
from services.bracket_supervisor import broker_for
from services.desk import Desk


def listing(desk: Desk, caller: Caller, exchange: str, *, symbol: str) -> Listing | None:
    """Return a symbol as the first list that has it says, or None. Raises NotRead."""
    found = (desk.symbols.listing(exchange, symbol, broker=broker) for broker in _brokers(caller))
    return next((one for one in found if one is not None), None)


def instrument(desk: Desk, caller: Caller, exchange: str, *, symbol: str) -> Instrument | None:
    """Return a symbol's tick, lot and freeze quantity, or None where nobody lists it. Raises NotRead."""
    found = listing(desk, caller, exchange, symbol=symbol)
    return None if found is None else found.instrument


def search(desk: Desk, caller: Caller, query: str, *, exchange: str | None) -> tuple[Instrument, ...]:
    """Find symbols, the closest first, in the first list that has any. Raises NotRead."""
    found = (enhanced_search_symbols(desk.db, query, exchange, broker=one) for one in _brokers(caller))
    return next((rows for rows in found if rows), ())


def _brokers(caller: Caller) -> tuple[str, ...]:
    """The account's broker first: its ticks and lots are the true ones."""
    return tuple(dict.fromkeys((caller.broker, broker_for(caller.broker, caller.mode))))
