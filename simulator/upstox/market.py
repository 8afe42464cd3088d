"""The endpoints of prices, and the files of instruments."""

import gzip

from services.bracket.model import Quote
from simulator.orders import Key
from simulator.upstox.desk import Desk
from simulator.upstox.failures import bad_input
from simulator.upstox.rows import Row, exchange_time, listed
from simulator.upstox.words import PLACES, SEGMENTS
from simulator.wire.calls import Call, Reply, encoded

_MOST_QUOTES = 500
_DEEP = 1_000_000  # shares shown where the market has no limit
_LEVELS = 5


def quotes(desk: Desk, call: Call) -> Row:
    return {_name(key): _full(desk, key, seen) for key, seen in _asked(desk, call)}


def last_prices(desk: Desk, call: Call) -> Row:
    return {
        _name(key): {"last_price": seen.last, "instrument_token": desk.instrument_key(key)}
        for key, seen in _asked(desk, call)
    }


def _asked(desk: Desk, call: Call) -> list[tuple[Key, Quote]]:
    told = (*call.query_values("instrument_key"), *call.query_values("symbol"))  # as the client names it
    names = [one for text in told for one in text.split(",") if one]
    if not 0 < len(names) <= _MOST_QUOTES:
        raise bad_input(f"instrument_key: 1 to {_MOST_QUOTES} of them")
    keys = [desk.key_of(name) for name in names]
    found = [(key, desk.exchange.quote(*key)) for key in keys]
    return [(key, seen) for key, seen in found if seen is not None]


def _name(key: Key) -> str:
    return f"{SEGMENTS[key[0]]}:{key[1]}"


def _full(desk: Desk, key: Key, seen: Quote) -> Row:
    day = desk.history.day(key, seen.last)
    return {
        "ohlc": {"open": day.open, "high": day.high, "low": day.low, "close": day.close},
        "depth": {"buy": _depth(seen.bid), "sell": _depth(seen.ask)},
        "timestamp": exchange_time(seen.at),
        "instrument_token": desk.instrument_key(key),
        "symbol": key[1],
        "last_price": seen.last,
        "volume": 0,
        "average_price": seen.last,
        "oi": 0,
        "net_change": seen.last - day.close,
        "total_buy_quantity": 0,
        "total_sell_quantity": 0,
        "lower_circuit_limit": seen.lower_band or 0,
        "upper_circuit_limit": seen.upper_band or 0,
        "last_trade_time": "0",
        "oi_day_high": 0,
        "oi_day_low": 0,
    }


def _depth(best: object) -> list[Row]:
    levels = [] if best is None else [{"quantity": _DEEP, "price": best, "orders": 1}]
    return levels + [{"quantity": 0, "price": 0, "orders": 0}] * (_LEVELS - len(levels))


def instruments(desk: Desk, call: Call) -> Reply:
    """Return an exchange's file, gzipped as it lies on the server."""
    name = call.path_words["name"]
    rows = [listed(one, desk.instrument_key(one.key)) for one in desk.listings if PLACES[one.key[0]] == name]
    if not rows:
        return Reply(404, b"", "text/html")
    return Reply(200, gzip.compress(encoded(rows)), "application/gzip")
