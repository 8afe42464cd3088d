"""Drives a simulated Alpaca with the official client: `python drive_alpaca.py URL KEY SECRET`.

Runs with the client's packages only, and prints what it has seen, a line for each part. It fails loudly.
"""

import sys
import threading

import requests
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import StockLatestTradeRequest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import (
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLossRequest,
    TakeProfitRequest,
)
from alpaca.trading.stream import TradingStream


def main(url, key, secret):
    sim = Simulator(url)
    sim.price(500)
    client = TradingClient(key, secret, paper=True, url_override=url)
    user(client, url, key, secret)
    brackets(client, sim)
    replacement(client)
    ocos(client, sim)
    refusals(client)
    repeated(client, sim)
    stream(client, url, key, secret)


class Simulator:
    def __init__(self, url):
        self.url = url

    def post(self, path, /, **body):
        answer = requests.post(f"{self.url}/sim/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()["data"]

    def calls(self):
        return requests.get(f"{self.url}/sim/calls?api_key=PKSIMULATED", timeout=10).json()["data"]

    def price(self, last):
        self.post("command", act="set_price", exchange="US", symbol="QQQ", last=str(last))


def user(client, url, key, secret):
    account, clock = client.get_account(), client.get_clock()
    data = StockHistoricalDataClient(key, secret, url_override=url)
    trade = data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="QQQ"))["QQQ"]
    asset = client.get_asset("QQQ")
    print("user", account.account_number, account.currency, clock.is_open, trade.price, asset.tradable)


def a_bracket(**changes):
    fields = {
        "symbol": "QQQ",
        "qty": 10,
        "side": OrderSide.BUY,
        "time_in_force": TimeInForce.GTC,
        "order_class": OrderClass.BRACKET,
        "limit_price": 500,
        "take_profit": TakeProfitRequest(limit_price=510),
        "stop_loss": StopLossRequest(stop_price=490),
    }
    return LimitOrderRequest(**(fields | changes))


def brackets(client, sim):
    entry = client.submit_order(a_bracket(client_order_id="entry1"))
    found = client.get_order_by_client_id("entry1")
    assert found.id == entry.id
    told = sorted((leg.order_type.value, leg.status.value) for leg in found.legs)
    sim.price(489)
    over = client.get_order_by_id(entry.id)
    ends = sorted((leg.order_type.value, leg.status.value) for leg in over.legs)
    fills = client.get("/account/activities/FILL")
    print("bracket", told, over.status.value, ends, len(fills), client.get_all_positions())


def replacement(client):
    first = client.submit_order(a_limit("replaced1", 480))
    second = client.replace_order_by_id(first.id, ReplaceOrderRequest(limit_price=481))
    old = client.get_order_by_id(first.id)
    assert (second.replaces, old.replaced_by) == (first.id, second.id)
    listed = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, nested=True, symbols=["QQQ"]))
    client.cancel_order_by_id(second.id)
    print("replaced", old.status.value, second.status.value, second.limit_price, len(listed))


def a_limit(client_order_id, price):
    return LimitOrderRequest(
        symbol="QQQ",
        qty=10,
        side=OrderSide.BUY,
        time_in_force=TimeInForce.DAY,
        limit_price=price,
        client_order_id=client_order_id,
    )


def ocos(client, sim):
    sim.price(500)
    client.submit_order(
        MarketOrderRequest(symbol="QQQ", qty=10, side=OrderSide.BUY, time_in_force=TimeInForce.GTC)
    )
    target = client.submit_order(a_bracket(side=OrderSide.SELL, order_class=OrderClass.OCO, limit_price=510))
    held = target.legs[0].status.value
    available = client.get_open_position("QQQ").qty
    sim.price(511)
    print("oco", held, available, client.get_order_by_id(target.id).status.value, client.get_all_positions())


def refusals(client):
    codes = [
        refused(client, a_limit("entry1", 480)),
        refused(client, a_bracket(stop_loss=StopLossRequest(stop_price=501))),
        refused(client, a_bracket(order_class=OrderClass.OCO, side=OrderSide.SELL, limit_price=510)),
        refused(client, a_limit("dust", 480.001)),
        refused(client, a_limit("x" * 129, 480)),
    ]
    print("refusals", codes)


def refused(client, order):
    try:
        client.submit_order(order)
    except APIError as exc:
        return exc.status_code, exc.code
    raise AssertionError(f"taken: {order}")


def repeated(client, sim):
    """The client sends a POST again after 504: its client id keeps it one order."""
    sim.post("faults", at="network", fault="504 after acceptance", method="POST", path="orders$")
    before = sent(sim)
    seen = refused(client, a_limit("lost1", 470))
    found = client.get_order_by_client_id("lost1")
    listed = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL))
    count = sum(1 for one in listed if one.client_order_id == "lost1")
    print("repeated", seen, sent(sim) - before, found.status.value, count)


def sent(sim):
    return sum(count for name, count in sim.calls().items() if name.startswith("POST /v2/orders"))


def stream(client, url, key, secret):
    told, heard = threading.Event(), []
    trading = TradingStream(key, secret, paper=True, url_override=url.replace("http", "ws") + "/stream")

    async def take(update):
        heard.append((str(update.event), update.order.client_order_id))
        told.set()

    trading.subscribe_trade_updates(take)
    thread = threading.Thread(target=trading.run, daemon=True)
    thread.start()
    for number in range(100):  # until it listens, an order is news to nobody
        client.submit_order(a_limit(f"news{number}", 460))
        if told.wait(0.3):
            break
    trading.stop()
    thread.join(20)
    print("stream", heard[0][0], heard[0][1].startswith("news"))


if __name__ == "__main__":
    main(*sys.argv[1:])
