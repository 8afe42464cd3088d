"""The endpoints of prices and lists."""

import csv
import io

from simulator.openalgo.failures import failure
from simulator.openalgo.forms import OfSymbol, Query
from simulator.openalgo.rows import Row, instrument_row
from simulator.wire.calls import CSV_TYPE, Call, Reply
from simulator.wire.desk import Desk, Numbers


def quotes(desk: Desk, call: Call) -> Row:
    asked: OfSymbol = call.json(OfSymbol)
    quote = desk.exchange.quote(asked.exchange, asked.symbol)
    if quote is None:
        raise failure(400, f"Symbol '{asked.symbol}' not found for exchange '{asked.exchange}'")
    values = {"ltp": quote.last, "bid": quote.bid or 0, "ask": quote.ask or 0}
    return {"data": values | {"open": quote.last, "high": quote.last, "low": quote.last, "volume": 0}}


def symbol(desk: Desk, call: Call) -> Row:
    asked: OfSymbol = call.json(OfSymbol)
    for row in _rows(desk):
        if (row["exchange"], row["symbol"]) == (asked.exchange, asked.symbol):
            return {"data": row}
    raise failure(404, f"Symbol {asked.symbol} not found in exchange {asked.exchange}")


def search(desk: Desk, call: Call) -> Row:
    asked: Query = call.json(Query)
    wanted, exchanges = asked.query.upper(), {asked.exchange} - {""}
    found = [
        row
        for row in _rows(desk)
        if wanted in row["symbol"] and (not exchanges or row["exchange"] in exchanges)
    ]
    return {"data": found, "message": f"Found {len(found)} matching symbols"}


def listed(desk: Desk, call: Call) -> Row | Reply:
    """Return the list of instruments, of one exchange if asked for it."""
    exchanges = set(call.query_values("exchange"))
    rows = [row for row in _rows(desk) if not exchanges or row["exchange"] in exchanges]
    if "csv" not in call.query_values("format"):
        return {"data": rows, "message": f"Found {len(rows)} instruments"}
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return Reply(200, text.getvalue().encode(), CSV_TYPE)


def _rows(desk: Desk) -> list[Row]:
    numbers = Numbers(desk.listings)
    return [instrument_row(listing, numbers.number_of(listing.key)) for listing in desk.listings]
