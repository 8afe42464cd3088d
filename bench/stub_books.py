"""The stub broker's books: orders, trades, positions and GTTs of each account, as Kite would show them.

Nothing happens by itself: an entry stays open until told to fill, a stop until told to trigger. An
encoded book is kept until it changes, so that serving 200 rows costs next to nothing.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec

_IST = timezone(timedelta(hours=5, minutes=30))
_encode = msgspec.json.Encoder().encode

Row = dict[str, Any]


class NoSuchOrder(KeyError):
    """The account has no order or trigger of this id."""


def exchange_time() -> str:
    """Return the time the way Kite writes it: India's, to the second, without a zone."""
    return datetime.now(_IST).strftime("%Y-%m-%d %H:%M:%S")


def success(body: bytes) -> bytes:
    """Return a Kite answer around an encoded body."""
    return b'{"status":"success","data":' + body + b"}"


class _Table:
    """Rows by id that encodes only what has changed."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._encoded: dict[str, bytes] = {}
        self._whole: bytes | None = None

    def __getitem__(self, key: str) -> Row:
        if key not in self._rows:
            raise NoSuchOrder(key)
        return self._rows[key]

    def put(self, key: str, row: Row) -> None:
        self._rows[key] = row
        self._encoded[key] = _encode(row)
        self._whole = None

    def rows(self) -> list[Row]:
        return list(self._rows.values())

    def answer(self) -> bytes:
        if self._whole is None:
            self._whole = success(b"[" + b",".join(self._encoded.values()) + b"]")
        return self._whole


@dataclass(slots=True)
class Book:
    """One account's books."""

    orders: _Table = field(default_factory=_Table)
    trades: _Table = field(default_factory=_Table)
    gtts: _Table = field(default_factory=_Table)
    positions: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def positions_answer(self) -> bytes:
        rows = [
            {
                "exchange": exchange,
                "tradingsymbol": symbol,
                "product": product,
                "quantity": quantity,
                "average_price": 500,
            }
            for (exchange, symbol, product), quantity in self.positions.items()
        ]
        return success(_encode({"net": rows, "day": rows}))

    def place(self, order_id: str, form: Mapping[str, str]) -> Row:
        """Take an order: a stop waits for its trigger, anything else rests in the market."""
        is_stop = form["order_type"] in ("SL", "SL-M")
        row = {
            "order_id": order_id,
            "exchange": form["exchange"],
            "tradingsymbol": form["tradingsymbol"],
            "product": form["product"],
            "transaction_type": form["transaction_type"],
            "order_type": form["order_type"],
            "quantity": int(form["quantity"]),
            "filled_quantity": 0,
            "status": "TRIGGER PENDING" if is_stop else "OPEN",
            "price": float(form.get("price", 0)),
            "trigger_price": float(form.get("trigger_price", 0)),
            "average_price": 0,
            "tag": form.get("tag"),
            "status_message": None,
            "order_timestamp": exchange_time(),
            "exchange_timestamp": exchange_time(),
        }
        self.orders.put(order_id, row)
        return row

    def modify(self, order_id: str, form: Mapping[str, str]) -> None:
        terms = {name: float(form[name]) for name in ("price", "trigger_price") if name in form}
        row = self.orders[order_id] | terms | {"quantity": int(form["quantity"])}
        self.orders.put(order_id, row | {"order_type": form["order_type"]})

    def cancel(self, order_id: str) -> None:
        self.orders.put(order_id, self.orders[order_id] | {"status": "CANCELLED"})

    def fill(self, order_id: str) -> Row:
        """Fill the rest of an order at its price, with the trade and the position that follow."""
        row = self.orders[order_id]
        price, left = row["price"] or 500.0, row["quantity"] - row["filled_quantity"]
        done = {"status": "COMPLETE", "filled_quantity": row["quantity"], "average_price": price}
        self.orders.put(order_id, row | done | {"exchange_timestamp": exchange_time()})
        shared = ("order_id", "exchange", "tradingsymbol", "product", "transaction_type")
        trade = {name: row[name] for name in shared}
        trade |= {
            "trade_id": f"T{order_id}",
            "quantity": left,
            "average_price": price,
            "fill_timestamp": exchange_time(),
        }
        self.trades.put(trade["trade_id"], trade)
        key = (row["exchange"], row["tradingsymbol"], row["product"])
        sign = 1 if row["transaction_type"] == "BUY" else -1
        self.positions[key] = self.positions.get(key, 0) + sign * left
        return self.orders[order_id]

    def put_gtt(self, trigger_id: str, form: Mapping[str, str]) -> None:
        row = {
            "id": int(trigger_id),
            "status": "active",
            "condition": msgspec.json.decode(form["condition"]),
            "orders": msgspec.json.decode(form["orders"]),
            "created_at": exchange_time(),
            "updated_at": exchange_time(),
            "expires_at": None,
        }
        self.gtts.put(trigger_id, row)

    def delete_gtt(self, trigger_id: str) -> None:
        self.gtts.put(trigger_id, self.gtts[trigger_id] | {"status": "deleted"})


class Books:
    """All accounts, by the token they send."""

    def __init__(self) -> None:
        self._books: dict[str, Book] = {}
        self._holders: dict[str, Book] = {}  # order id -> the book that has it
        self._ids = itertools.count(100_000)

    def of(self, token: str) -> Book:
        return self._books.setdefault(token, Book())

    def holder(self, order_id: str) -> Book:
        if order_id not in self._holders:
            raise NoSuchOrder(order_id)
        return self._holders[order_id]

    def place(self, token: str, form: Mapping[str, str], *, order_id: str | None = None) -> Row:
        order_id, book = order_id or str(next(self._ids)), self.of(token)
        self._holders[order_id] = book
        return book.place(order_id, form)

    def place_gtt(self, token: str, form: Mapping[str, str]) -> str:
        trigger_id = str(next(self._ids))
        self.of(token).put_gtt(trigger_id, form)
        return trigger_id
