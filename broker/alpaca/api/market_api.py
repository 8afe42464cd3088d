"""Alpaca's market data, at a host of its own."""

from broker.alpaca import mapping
from broker.alpaca.refusals import lacks_market_data
from broker.alpaca.session import AlpacaSession
from broker.alpaca.words import EXCHANGE
from broker.base import Quote, ReadFailed, Symbol
from broker.limiter import Lane

MAX_QUOTES = 200  # of one call: an address has a length


def get_quotes(symbols: frozenset[Symbol], session: AlpacaSession) -> dict[Symbol, Quote] | None:
    """Return quotes; None when the account's plan has none. Raises ReadFailed or AuthDead."""
    asked = sorted(symbol for exchange, symbol in symbols if exchange == EXCHANGE)
    if not asked:
        return {}
    if len(asked) > MAX_QUOTES:
        raise ReadFailed(f"{len(asked)} quotes asked for, {MAX_QUOTES} fit one call to alpaca")
    answer = session.data.read("/v2/stocks/snapshots", lane=Lane.QUOTE, params={"symbols": ",".join(asked)})
    return None if lacks_market_data(answer) else mapping.quotes(answer)
