"""The endpoints of prices and instruments."""

import csv
import io
from collections.abc import Callable
from datetime import datetime

from simulator.kite.calls import CSV_TYPE, Call, Reply
from simulator.kite.desk import Desk
from simulator.kite.failures import InputFailure, KiteFailure
from simulator.kite.history import INTERVALS
from simulator.kite.rows import Row, index_columns, instrument_columns, ohlc, quote_row
from simulator.kite.ticks import Picture
from utils.constants import EXCHANGE_ZONE

_MOST_QUOTES = 500
_MOST_PRICES = 1000


def quote(desk: Desk, call: Call) -> Row:
    return _quotes(desk, call, quote_row, most=_MOST_QUOTES)


def last_price(desk: Desk, call: Call) -> Row:
    return _quotes(desk, call, _price_row, most=_MOST_PRICES)


def open_high_low_close(desk: Desk, call: Call) -> Row:
    return _quotes(desk, call, lambda seen: _price_row(seen) | {"ohlc": ohlc(seen)}, most=_MOST_PRICES)


def _price_row(seen: Picture) -> Row:
    return {"instrument_token": seen.token, "last_price": seen.last}


def _quotes(desk: Desk, call: Call, shape: Callable[[Picture], Row], *, most: int) -> Row:
    _check_plan(desk, call)
    names = call.query_values("i")
    if len(names) > most:
        raise InputFailure(f"At most {most} instruments can be asked for.")
    found: Row = {}
    for name in names:  # what is not listed is left out, as Kite does
        exchange, _, symbol = name.partition(":")
        seen = desk.picture((exchange, symbol))
        if seen is not None:
            found[name] = shape(seen)
    return found


def _check_plan(desk: Desk, call: Call) -> None:
    if not desk.sessions.app_of(call.authorization).gives_quotes:
        raise KiteFailure(403, "PermissionException", "Insufficient permission for that call.")


def candles(desk: Desk, call: Call) -> Row:
    """Return the candles of what this process has seen of a market; there is no history before it."""
    _check_plan(desk, call)
    token, interval = call.path_words["token"], call.path_words["interval"]
    key = desk.key_of(int(token)) if token.isdigit() else None
    if key is None:
        raise InputFailure("invalid token")
    if interval not in INTERVALS:
        raise InputFailure("invalid interval")
    found = desk.history.candles(
        desk.indices.get(key, key), INTERVALS[interval], start=_moment(call, "from"), end=_moment(call, "to")
    )
    return {"candles": [[_stamp(one.begins), one.open, one.high, one.low, one.close, 0] for one in found]}


def _moment(call: Call, name: str) -> datetime:
    try:
        given = datetime.fromisoformat("".join(call.query_values(name)))
    except ValueError as exc:
        raise InputFailure(f"invalid {name} date") from exc
    return given.replace(tzinfo=EXCHANGE_ZONE)


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S%z")


def instruments(desk: Desk, call: Call) -> Reply:
    return _dump(desk, exchange=None)


def instruments_of_exchange(desk: Desk, call: Call) -> Reply:
    return _dump(desk, exchange=call.path_words["exchange"])


def _dump(desk: Desk, *, exchange: str | None) -> Reply:
    rows = [instrument_columns(one, token=desk.token_of(one.key)) for one in desk.listings]
    rows += [index_columns(key, token=desk.token_of(key)) for key in desk.indices]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for row in rows if exchange in (None, row["exchange"]))
    return Reply(200, text.getvalue().encode(), CSV_TYPE)
