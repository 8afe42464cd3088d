"""What a test may do at Kite beside what it may do at any broker: log in, see the books in Kite's words."""

from dataclasses import replace

import msgspec

from simulator.kite import gtts, orders, portfolio
from simulator.kite.calls import Call
from simulator.kite.desk import Desk
from simulator.kite.rows import Row


class _Wish(msgspec.Struct, forbid_unknown_fields=True):
    api_key: str


def log_in(desk: Desk, call: Call) -> Row:
    """Return the request token that the login page would have sent the browser back with."""
    return {"request_token": desk.sessions.request_token(call.json(_Wish).api_key)}


def books(desk: Desk, call: Call) -> Row:
    """Tell a user's books as Kite would, without a token and without counting against the user's limits."""
    asked = replace(call, user_id="".join(call.query_values("user_id")))
    return {
        "orders": orders.book(desk, asked),
        "gtts": gtts.book(desk, asked),
        "positions": portfolio.positions(desk, asked)["net"],
        "holdings": portfolio.holdings(desk, asked),
    }
