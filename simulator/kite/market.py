"""The endpoints of prices and instruments."""

import csv
import io
from collections.abc import Callable

from services.bracket.model import Quote
from simulator.instruments import Listing
from simulator.kite.calls import CSV_TYPE, Call, Reply
from simulator.kite.desk import Desk
from simulator.kite.failures import InputFailure, KiteFailure
from simulator.kite.rows import Row, instrument_columns, ohlc, quote_row

_MOST_QUOTES = 500
_MOST_PRICES = 1000


def quote(desk: Desk, call: Call) -> Row:
    return _quotes(desk, call, lambda found, token: quote_row(found, token=token), most=_MOST_QUOTES)


def last_price(desk: Desk, call: Call) -> Row:
    return _quotes(
        desk,
        call,
        lambda found, token: {"instrument_token": token, "last_price": found.last},
        most=_MOST_PRICES,
    )


def open_high_low_close(desk: Desk, call: Call) -> Row:
    return _quotes(
        desk,
        call,
        lambda found, token: {"instrument_token": token, "last_price": found.last, "ohlc": ohlc(found)},
        most=_MOST_PRICES,
    )


def _quotes(desk: Desk, call: Call, shape: Callable[[Quote, int], Row], *, most: int) -> Row:
    if not desk.sessions.app_of(call.authorization).gives_quotes:
        raise KiteFailure(403, "PermissionException", "Insufficient permission for that call.")
    names = call.query_values("i")
    if len(names) > most:
        raise InputFailure(f"At most {most} instruments can be asked for.")
    found: Row = {}
    for name in names:  # what is not listed is left out, as Kite does
        exchange, _, symbol = name.partition(":")
        price = desk.exchange.quote(exchange, symbol)
        if price is not None:
            found[name] = shape(price, desk.token_of((exchange, symbol)))
    return found


def instruments(desk: Desk, call: Call) -> Reply:
    return _dump(desk, desk.listings)


def instruments_of_exchange(desk: Desk, call: Call) -> Reply:
    wanted = call.path_words["exchange"]
    return _dump(desk, tuple(one for one in desk.listings if one.instrument.exchange == wanted))


def _dump(desk: Desk, listings: tuple[Listing, ...]) -> Reply:
    text = io.StringIO()
    rows = [instrument_columns(one, token=desk.token_of(one.key)) for one in listings]
    names = list(instrument_columns(desk.listings[0], token=0))
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return Reply(200, text.getvalue().encode(), CSV_TYPE)
