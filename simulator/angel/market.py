"""The endpoints of prices, and the file of instruments."""

from decimal import Decimal
from typing import Literal

import msgspec

from services.bracket.model import Quote
from simulator.angel.desk import Desk
from simulator.angel.failures import AngelFailure
from simulator.angel.rows import Row, script_row
from simulator.angel.words import trading_symbol
from simulator.orders import Key
from simulator.wire.calls import Call, Reply, encoded

_MOST_QUOTES = 50
_DEEP = 1_000_000  # shares shown where the market has no limit


class _Asked(msgspec.Struct):
    mode: Literal["FULL", "OHLC", "LTP"]
    exchangeTokens: dict[str, list[str]]


class _One(msgspec.Struct):
    exchange: str
    tradingsymbol: str
    symboltoken: str


def quotes(desk: Desk, call: Call) -> Row:
    asked: _Asked = call.json(_Asked)
    pairs = [(exchange, token) for exchange, tokens in asked.exchangeTokens.items() for token in tokens]
    if len(pairs) > _MOST_QUOTES:
        raise AngelFailure("AB4029", "Tokens max limit exceeded")
    fetched, unfetched = [], []
    for exchange, token in pairs:
        try:
            fetched.append(_quote(desk, desk.key_of(exchange, token), token))
        except AngelFailure:
            unfetched.append(
                {
                    "exchange": exchange,
                    "symbolToken": token,
                    "message": "Symbol unavailable",
                    "errorCode": "AB4018",
                }
            )
    return {"fetched": fetched, "unfetched": unfetched}


def last_price(desk: Desk, call: Call) -> Row:
    asked: _One = call.json(_One)
    key = desk.key_of(asked.exchange, asked.symboltoken, asked.tradingsymbol)
    last = desk.last_of(key)
    day = desk.history.day(key, last)
    return {
        "exchange": asked.exchange,
        "tradingsymbol": asked.tradingsymbol,
        "symboltoken": asked.symboltoken,
        "open": day.open,
        "high": day.high,
        "low": day.low,
        "close": day.close,
        "ltp": last,
    }


def _quote(desk: Desk, key: Key, token: str) -> Row:
    seen = desk.exchange.quote(*key)
    if seen is None:
        raise AngelFailure("AB4018", "Symbol unavailable")
    day = desk.history.day(key, seen.last)
    return {
        "exchange": key[0],
        "tradingSymbol": trading_symbol(key),
        "symbolToken": token,
        "ltp": seen.last,
        "open": day.open,
        "high": day.high,
        "low": day.low,
        "close": day.close,
        **_bands(seen),
        "depth": {"buy": _depth(seen.bid), "sell": _depth(seen.ask)},
    }


def _bands(seen: Quote) -> Row:
    return {"lowerCircuit": seen.lower_band or 0, "upperCircuit": seen.upper_band or 0}


def _depth(best: Decimal | None) -> list[Row]:
    level = {"price": best or 0, "quantity": _DEEP if best else 0, "orders": 1 if best else 0}
    return [level] + [{"price": 0, "quantity": 0, "orders": 0}] * 4


def scripts(desk: Desk, call: Call) -> Reply:
    rows = [script_row(one, number=desk.numbers.number_of(one.key)) for one in desk.listings]
    return Reply(200, encoded(rows))
