"""Drives a simulated OpenAlgo server with the published client alone, in the client's own environment.

Arguments: address, key. SBIN stands at 500 and does not move. Prints what it was told.
"""

import sys

from openalgo import api

SBIN = {"symbol": "SBIN", "exchange": "NSE"}


def good(answer):
    """Return a successful answer."""
    assert answer.get("status") == "success", answer
    return answer


def status_of(client, order_id):
    return good(client.orderstatus(order_id=order_id, strategy="test"))["data"]


def orders(client):
    bought = good(client.placeorder(strategy="test", action="BUY", quantity=2, product="MIS", **SBIN))
    filled = status_of(client, bought["orderid"])
    print("filled", filled["order_status"], filled["average_price"], filled["quantity"])
    print("open", good(client.openposition(strategy="test", product="MIS", **SBIN))["quantity"])
    stop = {"price_type": "SL", "price": "488", "trigger_price": "490", "product": "MIS"}
    order_id = good(client.placeorder(action="SELL", quantity=2, **stop, **SBIN))["orderid"]
    print("stop", status_of(client, order_id)["order_status"])
    target = {"price_type": "LIMIT", "price": "510", "quantity": 2, "product": "MIS"}
    good(client.modifyorder(order_id=order_id, action="SELL", **target, **SBIN))
    row = status_of(client, order_id)
    print("target", row["order_status"], row["pricetype"], row["price"])
    print("cancel", good(client.cancelorder(order_id=order_id))["orderid"] == order_id)


def books(client):
    book = good(client.orderbook())["data"]
    print("book", len(book["orders"]), book["statistics"]["total_completed_orders"])
    print("trades", good(client.tradebook())["data"][0]["average_price"])
    print("position", good(client.positionbook())["data"][0]["quantity"])
    print("holdings", good(client.holdings())["data"]["holdings"])
    print("funds", float(good(client.funds())["data"]["availablecash"]) > 0)
    print("quote", good(client.quotes(**SBIN))["data"]["ltp"])
    print("symbol", good(client.symbol(**SBIN))["data"]["tick_size"])
    print("search", good(client.search(query="SBIN", exchange="NSE"))["data"][0]["symbol"])


def gtts(client):
    words = {"trigger_type": "OCO", "action": "SELL", "product": "CNC", "quantity": 1, **SBIN}
    legs = {"triggerprice_sl": 490.0, "stoploss": 489.0, "triggerprice_tg": 510.0, "target": 511.0}
    trigger_id = good(client.placegttorder(strategy="test", **words, **legs))["trigger_id"]
    moved = legs | {"triggerprice_sl": 485.0, "stoploss": 484.0}
    good(client.modifygttorder(trigger_id=trigger_id, strategy="test", **words, **moved))
    (row,) = good(client.gttorderbook())["data"]
    print("gtt", row["status"], row["trigger_type"], row["trigger_prices"], [x["price"] for x in row["legs"]])
    good(client.cancelgttorder(trigger_id=trigger_id, strategy="test"))
    print("gtts left", good(client.gttorderbook())["data"])
    single = {**words, "trigger_type": "SINGLE", "price": 489.0, "triggerprice_sl": 490.0}
    print("single", bool(good(client.placegttorder(strategy="test", **single))["trigger_id"]))
    print("intraday", client.placegttorder(strategy="test", **{**words, "product": "MIS"}, **legs)["code"])
    print("gone", client.cancelgttorder(trigger_id=trigger_id, strategy="test")["code"])


def refusals(client, stranger):
    off_tick = client.placeorder(action="BUY", quantity=1, price_type="LIMIT", price="500.03", **SBIN)
    print("off tick", off_tick["code"], "tick size" in off_tick["message"])
    print("unknown", client.cancelorder(order_id="1")["code"])
    print("stranger", stranger.funds()["code"])


def main(address, key):
    client = api(api_key=key, host=address)
    orders(client)
    books(client)
    if hasattr(client, "placegttorder"):
        gtts(client)
    refusals(client, api(api_key="wrong", host=address))


main(*sys.argv[1:])
