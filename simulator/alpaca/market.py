"""The endpoints of market data, which Alpaca serves at a host of its own."""

from collections.abc import Callable

from services.bracket.model import Quote
from simulator.alpaca.desk import EXCHANGE, Desk
from simulator.alpaca.failures import AlpacaFailure
from simulator.alpaca.rows import Row, told
from simulator.wire.calls import Call

_ROUND_LOT = 100


def snapshots(desk: Desk, call: Call) -> Row:
    return _of_each(desk, call, lambda seen: {"latestTrade": _trade(seen), "latestQuote": _quote(seen)})


def latest_trades(desk: Desk, call: Call) -> Row:
    return {"trades": _of_each(desk, call, _trade)}


def latest_quotes(desk: Desk, call: Call) -> Row:
    return {"quotes": _of_each(desk, call, _quote)}


def _of_each(desk: Desk, call: Call, shape: Callable[[Quote], Row]) -> Row:
    if not all(app.gives_quotes for app in desk.sessions.apps_of(call.user_id)):
        raise AlpacaFailure(403, "40310000", "subscription does not permit querying recent SIP data")
    symbols = "".join(call.query_values("symbols")).split(",")
    found = {symbol: desk.exchange.quote(EXCHANGE, symbol) for symbol in symbols}
    return {symbol: shape(seen) for symbol, seen in found.items() if seen is not None}


def _trade(seen: Quote) -> Row:
    return {"t": told(seen.at), "x": "V", "p": seen.last, "s": _ROUND_LOT, "c": ["@"], "i": 1, "z": "C"}


def _quote(seen: Quote) -> Row:
    return {
        "t": told(seen.at),
        "ax": "V",
        "ap": seen.ask or 0,
        "as": _ROUND_LOT if seen.ask else 0,
        "bx": "V",
        "bp": seen.bid or 0,
        "bs": _ROUND_LOT if seen.bid else 0,
        "c": ["R"],
        "z": "C",
    }
