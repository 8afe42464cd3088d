"""The floor: the least a placement can be. One broker call and two durable commits, by hand.

It runs on the gunicorn settings of the service. It checks nothing, remembers nothing and recovers
nothing: what the service takes on top of it is what all that costs.
"""

import os
import sqlite3
import threading
import uuid
from typing import Any

import requests
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from database.session import SQLITE_PRAGMAS


class _Thread(threading.local):
    """What each server thread keeps warm for itself."""

    def __init__(self, file: str) -> None:
        self.session = requests.Session()
        self.connection = sqlite3.connect(file, isolation_level=None)
        for pragma in SQLITE_PRAGMAS:
            self.connection.execute(pragma)


def create_app() -> Flask:
    """Return the app; FLOOR_DATABASE and FLOOR_BROKER say where its file and its broker are."""
    app = Flask(__name__)
    file, broker = os.environ["FLOOR_DATABASE"], os.environ["FLOOR_BROKER"]
    _make_table(file)
    own = _Thread(file)
    one_writer = threading.Lock()  # as ours: SQLite's own waiting is unfair

    def commit(statement: str, values: tuple[Any, ...]) -> None:
        with one_writer:
            own.connection.execute("BEGIN IMMEDIATE")
            own.connection.execute(statement, values)
            own.connection.execute("COMMIT")

    @app.post("/place")
    def place() -> ResponseReturnValue:
        order, row_id = request.get_json(), uuid.uuid4().hex
        commit("INSERT INTO orders VALUES (?, ?, NULL)", (row_id, order["symbol"]))
        form = {
            "exchange": order["exchange"],
            "tradingsymbol": order["symbol"],
            "transaction_type": order["action"],
            "order_type": "LIMIT",
            "quantity": order["quantity"],
            "product": order["product"],
            "price": order["entry_price"],
            "tag": row_id[:20],
        }
        answer = own.session.post(
            f"{broker}/orders/regular",
            data=form,
            headers={"Authorization": f"token {order['apikey']}"},
            timeout=4,
        )
        order_id = answer.json()["data"]["order_id"]
        commit("UPDATE orders SET broker_order_id = ? WHERE id = ?", (order_id, row_id))
        return jsonify(status="success", orderid=order_id)

    return app


def _make_table(file: str) -> None:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE orders (id TEXT PRIMARY KEY, symbol TEXT, broker_order_id TEXT)")
    connection.commit()
    connection.close()
