"""The endpoints of prices and lists."""

import csv
import io

from simulator.fyers.desk import Desk
from simulator.fyers.dialect import app_of
from simulator.fyers.failures import BadParameter, FyersFailure
from simulator.fyers.rows import Row, list_row
from simulator.wire.calls import CSV_TYPE, Call, Reply

_MOST_QUOTES = 50
_FILES = {
    "NSE_CM": "NSE",
    "NSE_FO": "NFO",
    "NSE_CD": "CDS",
    "BSE_CM": "BSE",
    "BSE_FO": "BFO",
    "MCX_COM": "MCX",
}
# The exchange lists no currencies; the file of that segment is not empty for that.
_CURRENCY = (
    b"1012261229001234,USDINR,16,1000,0.0025,,0900-1700:,,1798518000,NSE:USDINR26DECFUT,10,12,1234,USDINR,"
    b"0,-1.0,XX,,None,0,0.0\n"
)


def quotes(desk: Desk, call: Call) -> Row:
    if not app_of(desk.sessions, call.authorization).gives_quotes:
        raise FyersFailure(403, -403, "The app has no permission for market data")
    tickers = [one for text in call.query_values("symbols") for one in text.split(",") if one]
    if not 0 < len(tickers) <= _MOST_QUOTES:
        raise BadParameter(f"symbols: 1 to {_MOST_QUOTES} of them")
    return {"d": [_quote(desk, ticker) for ticker in tickers]}


def _quote(desk: Desk, ticker: str) -> Row:
    try:
        quote = desk.exchange.quote(*desk.key_of(ticker))
    except FyersFailure:
        quote = None
    if quote is None:
        return {"n": ticker, "s": "error", "v": {"code": -300, "errmsg": "Invalid symbol", "s": "error"}}
    values = {
        "lp": quote.last,
        "bid": quote.bid or 0,
        "ask": quote.ask or 0,
        "symbol": ticker,
        "short_name": ticker.partition(":")[2],
        "exchange": ticker.partition(":")[0],
    }
    return {"n": ticker, "s": "ok", "v": values}


def listed(desk: Desk, call: Call) -> Reply:
    """Return a segment's file of symbols."""
    exchange = _FILES.get(call.path_words["name"])
    if exchange is None:
        return Reply(404, b"", "text/html")
    if exchange == "CDS":
        return Reply(200, _CURRENCY, CSV_TYPE)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        list_row(listing) for listing in desk.listings if listing.key[0] == exchange
    )
    return Reply(200, text.getvalue().encode(), CSV_TYPE)
