"""Drives a simulated Dhan with the official client: `python drive_dhanhq.py URL SOCKET_URL CLIENT PIN`.

Runs with the client's packages only, and prints what it has seen, a line for each part. It fails loudly.
"""

import asyncio
import csv
import io
import sys
import threading
import time

import requests
from dhanhq import DhanContext, DhanLogin, OrderUpdate, dhanhq

DEADLINE = 15.0


def main(url, socket_url, client_id, pin):
    DhanLogin.AUTH_BASE_URL, DhanLogin.API_BASE_URL = url, f"{url}/v2"
    login = DhanLogin(client_id)
    token = login.generate_token(pin, "123456")["accessToken"]
    assert login.user_profile(token)["dataPlan"] == "Active"
    print("session", client_id)
    context = DhanContext(client_id, token)
    context.get_dhan_http().base_url = f"{url}/v2"
    dhan = dhanhq(context)
    numbers = listed(url)
    updates = listen(context, url, socket_url)
    price(url, 800)
    orders(dhan, numbers["SBIN"], updates)
    super_orders(dhan, url, numbers["SBIN"])
    forever_orders(dhan, url, numbers["SBIN"])
    portfolio(dhan, numbers["SBIN"])
    refusals(dhan, numbers["SBIN"])


def listed(url):
    answer = requests.get(f"{url}/api-data/api-scrip-master-detailed.csv", timeout=10)
    rows = csv.DictReader(io.StringIO(answer.text))
    return {
        row["UNDERLYING_SYMBOL"]: row["SECURITY_ID"]
        for row in rows
        if row["EXCH_ID"] == "NSE" and row["SEGMENT"] == "E"
    }


def listen(context, url, socket_url):
    """Start the official listener in a thread and return what it hears."""
    heard = []
    official = OrderUpdate(context)
    official.order_feed_wss = socket_url
    official.on_update = lambda update: heard.append(update["Data"])
    thread = threading.Thread(target=lambda: asyncio.run(official.connect_order_update()), daemon=True)
    thread.start()
    asked = f"{url}/sim/sockets?api_key={context.get_client_id()}"
    until(lambda: requests.get(asked, timeout=10).json()["data"]["open"] == 1, "the listener's login")
    return heard


def price(url, last):
    body = {"act": "set_price", "exchange": "NSE", "symbol": "SBIN", "last": str(last)}
    assert requests.post(f"{url}/sim/command", json=body, timeout=10).ok


def good(answer):
    assert answer["status"] == "success", answer
    return answer["data"]


def until(fulfilled, what):
    deadline = time.monotonic() + DEADLINE
    while not fulfilled():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def wanted(dhan, number, **changes):
    plain = {
        "security_id": number,
        "exchange_segment": dhan.NSE,
        "transaction_type": dhan.BUY,
        "quantity": 10,
        "order_type": dhan.LIMIT,
        "product_type": dhan.INTRA,
        "price": 790.0,
        "tag": "client1",
    }
    return plain | changes


def orders(dhan, number, updates):
    order_id = good(dhan.place_order(**wanted(dhan, number)))["orderId"]
    assert good(dhan.get_order_by_correlationID("client1"))["orderId"] == order_id
    good(dhan.modify_order(order_id, dhan.LIMIT, "", 12, 791.0, 0.0, 0, dhan.DAY))
    row = good(dhan.get_order_by_id(order_id))
    assert (row["quantity"], row["price"], row["orderStatus"]) == (12, 791.0, "PENDING")
    # The client takes the empty 202 for a failure: Dhan's own quirk, and its client's.
    assert dhan.cancel_order(order_id)["status"] == "failure"
    assert good(dhan.get_order_by_id(order_id))["orderStatus"] == "CANCELLED"
    bought = good(dhan.place_order(**wanted(dhan, number, order_type=dhan.MARKET, price=0.0, tag="client2")))
    assert good(dhan.get_order_by_id(bought["orderId"]))["orderStatus"] == "TRADED"
    (trade,) = good(dhan.get_trade_book(bought["orderId"]))
    assert trade["tradedQuantity"] == 10
    until(lambda: any(one["orderNo"] == bought["orderId"] for one in updates), "an update")
    print("orders", sorted({one["status"] for one in updates}))


def super_orders(dhan, url, number):
    wish = wanted(dhan, number, price=800.0, tag="super1")
    order_id = good(dhan.place_super_order(**wish, targetPrice=820.0, stopLossPrice=780.0))["orderId"]
    good(dhan.modify_super_order(order_id, dhan.LIMIT, "STOP_LOSS_LEG", stopLossPrice=790.0))
    (row,) = good(dhan.get_super_order_list())
    assert {leg["legName"]: leg["price"] for leg in row["legDetails"]} == {
        "STOP_LOSS_LEG": 790.0,
        "TARGET_LEG": 820.0,
    }
    price(url, 821)
    (row,) = good(dhan.get_super_order_list())
    assert row["orderStatus"] == "CLOSED", row
    price(url, 800)
    print("super", [leg["orderStatus"] for leg in row["legDetails"]])


def forever_orders(dhan, url, number):
    good(dhan.place_order(**wanted(dhan, number, price=800.0, product_type=dhan.CNC, tag="client3")))
    placed = dhan.place_forever(
        number, dhan.NSE, dhan.SELL, dhan.CNC, dhan.LIMIT, 10, 779.0, 780.0, order_flag="OCO",
        price1=821.0, trigger_Price1=820.0, quantity1=10, tag="forever1",
    )  # fmt: skip
    order_id = good(placed)["orderId"]
    good(dhan.modify_forever(order_id, "OCO", dhan.LIMIT, "TARGET_LEG", 10, 831.0, 830.0, 0, dhan.DAY))
    rows = good(dhan.get_forever())
    assert {row["legName"]: row["triggerPrice"] for row in rows} == {
        "STOP_LOSS_LEG": 780.0,
        "TARGET_LEG": 830.0,
    }
    price(url, 775)
    rows = good(dhan.get_forever())
    price(url, 800)
    print("forever", sorted(row["orderStatus"] for row in rows))


def portfolio(dhan, number):
    net = {row["productType"]: row["netQty"] for row in good(dhan.get_positions())}
    assert good(dhan.get_fund_limits())["availabelBalance"] > 0
    assert good(dhan.get_holdings()) == []
    quote = good(dhan.quote_data({"NSE_EQ": [int(number)]}))["data"]["NSE_EQ"][number]
    assert quote["last_price"] == 800 and len(quote["depth"]["buy"]) == 5
    print("portfolio", net["INTRADAY"])


def refusals(dhan, number):
    answer = dhan.place_order(**wanted(dhan, number, price=790.01))
    assert answer["remarks"]["error_code"] == "DH-905", answer
    gone = dhan.get_order_by_id("999")
    assert gone["remarks"]["error_code"] == "DH-906", gone
    dhan.dhan_http.header["access-token"] = "dead"
    dead = dhan.get_order_list()
    assert dead["remarks"]["error_code"] == "DH-901", dead
    print("refusals", dead["remarks"]["error_type"])


if __name__ == "__main__":
    main(*sys.argv[1:])
