"""Drives a service with the published client alone; runs in the client's own virtual environment.

Arguments: address, API key. SBIN trades at 500 and does not move. Ends with 0 when everything was as it
should be; a client of version 2 also drives GTTs.
"""

import sys
import time

from openalgo import api

SBIN = {"symbol": "SBIN", "exchange": "NSE"}


def until(ask, what):
    """Ask until it is true, for ten seconds at most."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = ask()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not in time")


def good(answer):
    """Return a successful answer."""
    assert answer.get("status") == "success", answer
    return answer


def status_of(client, order_id):
    return good(client.orderstatus(order_id=order_id, strategy="test"))["data"]


def plain_orders(client):
    bought = good(client.placeorder(strategy="test", action="BUY", quantity=2, **SBIN))
    assert bought["protected"] is False, bought
    filled = until(
        lambda: (found := status_of(client, bought["orderid"]))["order_status"] == "complete" and found,
        "fill",
    )
    assert (filled["average_price"], filled["quantity"]) == (500.0, 2), filled
    assert good(client.openposition(product="MIS", **SBIN))["quantity"] == "2"
    resting = good(client.placeorder(action="BUY", quantity=1, price_type="LIMIT", price="450", **SBIN))
    order_id = resting["orderid"]
    good(client.modifyorder(order_id=order_id, action="BUY", product="MIS", quantity=1, price="455", **SBIN))
    assert status_of(client, order_id)["price"] == 455.0
    assert good(client.cancelorder(order_id=order_id))["orderid"] == order_id
    assert status_of(client, order_id)["order_status"] == "cancelled"


def books(client):
    book = good(client.orderbook())["data"]
    assert book["statistics"]["total_completed_orders"] >= 1, book
    assert good(client.tradebook())["data"][0]["symbol"] == "SBIN"
    assert good(client.positionbook())["data"][0]["average_price"] == "500.00"
    assert float(good(client.funds())["data"]["availablecash"]) > 0
    assert good(client.quotes(**SBIN))["data"]["ltp"] == 500.0
    assert good(client.symbol(**SBIN))["data"]["lotsize"] == 1
    assert "SBIN" in [row["symbol"] for row in good(client.search(query="state bank"))["data"]]


def bracket(client):
    placed = good(
        client.placeorder(
            strategy="test", action="BUY", quantity=3, stoploss=490, target=520, trailing_sl=15, **SBIN
        )
    )
    assert placed["protected"] is True and placed["bracket_id"], placed

    def stop():
        rows = good(client.orderbook())["data"]["orders"]
        return [row for row in rows if row["order_status"] == "trigger pending" and row["quantity"] == 3]

    (resting,) = until(stop, "a resting stop of 3 shares")
    assert resting["action"] == "SELL", resting
    refused = client.cancelorder(order_id=resting["orderid"])
    assert refused["status"] == "error" and refused["code"] == 400, refused


def refusals(client, host):
    alone = client.placeorder(action="BUY", quantity=1, stoploss=490, **SBIN)
    assert (alone["status"], alone["code"]) == ("error", 400), alone
    wrong = api(api_key="wrong", host=host).funds()
    assert (wrong["code"], "Invalid openalgo apikey" in wrong["message"]) == (403, True), wrong


def gtts(client):
    terms = {
        "trigger_type": "OCO",
        "symbol": "INFY",
        "exchange": "NSE",
        "action": "SELL",
        "product": "CNC",
        "quantity": 1,
        "triggerprice_sl": 1400.0,
        "stoploss": 1399.0,
        "triggerprice_tg": 1600.0,
        "target": 1600.0,
    }
    trigger_id = good(client.placegttorder(strategy="test", **terms))["trigger_id"]
    good(
        client.modifygttorder(trigger_id=trigger_id, strategy="test", **{**terms, "triggerprice_sl": 1410.0})
    )
    (row,) = good(client.gttorderbook())["data"]
    assert (row["trigger_id"], row["trigger_prices"]) == (trigger_id, [1410.0, 1600.0]), row
    good(client.cancelgttorder(trigger_id=trigger_id, strategy="test"))
    assert good(client.gttorderbook())["data"] == []


def analyzer(client):
    assert good(client.analyzerstatus())["data"]["analyze_mode"] is False
    assert good(client.analyzertoggle(mode=True))["data"]["mode"] == "analyze"
    assert good(client.placeorder(action="BUY", quantity=1, **SBIN))["mode"] == "analyze"
    assert good(client.analyzertoggle(mode=False))["data"]["mode"] == "live"


def main(host, key):
    client = api(api_key=key, host=host)
    plain_orders(client)
    books(client)
    bracket(client)
    refusals(client, host)
    analyzer(client)
    if hasattr(client, "placegttorder"):
        gtts(client)
        print("with GTTs")


if __name__ == "__main__":
    main(*sys.argv[1:])
