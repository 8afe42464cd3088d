"""The endpoints of prices, and the file of instruments."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal

from services.bracket.model import Quote
from simulator.dhan.desk import Desk
from simulator.dhan.failures import DhanFailure
from simulator.dhan.rows import Row, instrument_line
from simulator.orders import Key
from simulator.wire.calls import CSV_TYPE, Call, Reply

_DEEP = 1_000_000  # shares shown where the market has no limit
_LEVELS = 5

Shape = Callable[[Desk, Key, Quote], Row]


def quote(desk: Desk, call: Call) -> Row:
    return _quotes(desk, call, _full)


def last_price(desk: Desk, call: Call) -> Row:
    return _quotes(desk, call, lambda _desk, _key, seen: {"last_price": seen.last})


def _quotes(desk: Desk, call: Call, shape: Shape) -> Row:
    (app,) = desk.sessions.apps_of(call.user_id)
    if not app.gives_quotes:
        raise DhanFailure(401, "DH-902", "User has not subscribed to Data APIs.")
    asked: dict[str, list[int] | str] = call.json(dict[str, list[int] | str])
    found = {
        segment: _of_segment(desk, segment, numbers, shape)
        for segment, numbers in asked.items()
        if not isinstance(numbers, str)  # the official client adds its client id
    }
    return {"data": found, "status": "success"}


def _of_segment(desk: Desk, segment: str, numbers: list[int], shape: Shape) -> Row:
    found: Row = {}
    for number in numbers:
        key = desk.key_of(segment, str(number))
        seen = desk.exchange.quote(*key)
        if seen is not None:
            found[str(number)] = shape(desk, key, seen)
    return found


def _full(desk: Desk, key: Key, seen: Quote) -> Row:
    day = desk.history.day(key, seen.last)
    return {
        "average_price": seen.last,
        "buy_quantity": _DEEP if seen.bid else 0,
        "sell_quantity": _DEEP if seen.ask else 0,
        "depth": {"buy": _depth(seen.bid), "sell": _depth(seen.ask)},
        "last_price": seen.last,
        "last_quantity": 0,
        "last_trade_time": "01/01/1980 00:00:00",
        "lower_circuit_limit": seen.lower_band or 0,
        "upper_circuit_limit": seen.upper_band or 0,
        "net_change": seen.last - day.close,
        "ohlc": {"open": day.open, "close": day.close, "high": day.high, "low": day.low},
        "oi": 0,
        "oi_day_high": 0,
        "oi_day_low": 0,
        "volume": 0,
    }


def _depth(best: Decimal | None) -> list[Row]:
    levels = [] if best is None else [{"quantity": _DEEP, "orders": 1, "price": best}]
    return levels + [{"quantity": 0, "orders": 0, "price": 0}] * (_LEVELS - len(levels))


def instruments(desk: Desk, call: Call) -> Reply:
    rows = [instrument_line(one, number=desk.numbers.number_of(one.key)) for one in desk.listings]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return Reply(200, text.getvalue().encode(), CSV_TYPE)
