"""Drives a simulated Fyers with the official client: `python drive_fyers.py URL APP_ID SECRET LOGS`.

Runs with the client's packages only, and prints what it has seen, a line for each part. It fails loudly.
The client has no setting for another address: its table of addresses is told ours, nothing else of it is
touched. It waits out the simulator's limits by being slow enough.
"""

import sys
import time
from urllib.parse import parse_qs, urlsplit

import requests
from fyers_apiv3 import fyersModel

REDIRECT = "http://127.0.0.1:9/callback"
DEADLINE = 15.0


def main(url, app_id, secret, logs):
    fyersModel.Config.API = f"{url}/api/v3"
    fyersModel.Config.DATA_API = f"{url}/data"
    sim = Simulator(url)
    token = log_in(sim, app_id, secret)
    client = Patient(fyersModel.FyersModel(client_id=app_id, token=token, log_path=logs))
    user(client)
    market(client, sim)
    orders(client, sim)
    refusals(client)
    triggers(client, sim)
    unacknowledged(client, sim)
    log_out(client)


class Patient:
    """The client, asking again while the simulator says that it was too fast: nothing was carried out."""

    def __init__(self, official):
        self.official = official

    def __getattr__(self, name):
        found = getattr(self.official, name)

        def call(*args, **words):
            deadline = time.monotonic() + DEADLINE
            while (said := found(*args, **words)).get("code") == -429:
                assert time.monotonic() < deadline, said
                time.sleep(0.1)
            return said

        return call


class Simulator:
    def __init__(self, url):
        self.url = url

    def post(self, path, /, **body):
        answer = requests.post(f"{self.url}/sim/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()["data"]

    def price(self, last):
        self.post("command", act="set_price", exchange="NSE", symbol="SBIN", last=str(last))


def log_in(sim, app_id, secret):
    sim.post("app", api_key=app_id, redirect_url=REDIRECT)
    session = fyersModel.SessionModel(
        client_id=app_id,
        secret_key=secret,
        redirect_uri=REDIRECT,
        response_type="code",
        grant_type="authorization_code",
        state="s1",
    )
    page = requests.get(session.generate_authcode(), allow_redirects=False, timeout=10)
    back = parse_qs(urlsplit(page.headers["Location"]).query)
    session.set_token(back["auth_code"][0])
    said = session.generate_token()
    print("session", said["s"], back["state"][0])
    return said["access_token"]


def user(client):
    profile, funds = client.get_profile(), client.funds()
    print("user", profile["data"]["fy_id"], len(funds["fund_limit"]), client.holdings()["holdings"])


def market(client, sim):
    sim.price(800)
    (row,) = client.quotes({"symbols": "NSE:SBIN-EQ"})["d"]
    print("quote", row["n"], row["v"]["lp"])


def an_order(**changes):
    return {
        "symbol": "NSE:SBIN-EQ",
        "qty": 10,
        "type": 1,
        "side": 1,
        "productType": "INTRADAY",
        "limitPrice": 800,
        "stopPrice": 0,
        "validity": "DAY",
        "disclosedQty": 0,
        "offlineOrder": False,
        "stopLoss": 0,
        "takeProfit": 0,
    } | changes


def orders(client, sim):
    bought = client.place_order(an_order(orderTag="entry1"))
    assert (bought["s"], bought["code"]) == ("ok", 1101), bought
    stop = client.place_order(an_order(side=-1, type=4, limitPrice=788, stopPrice=790, orderTag="stop1"))[
        "id"
    ]
    (found,) = client.orderbook({"order_tag": "1:stop1"})["orderBook"]
    assert (found["id"], found["status"], found["orderTag"]) == (stop, 6, "1:stop1"), found
    changed = client.modify_order({"id": stop, "type": 1, "limitPrice": 820, "qty": 10})
    assert changed["code"] == 1102, changed
    sim.price(821)
    (done,) = client.get_orders({"id": stop})["orderBook"]
    assert (done["status"], done["filledQty"], done["tradedPrice"]) == (2, 10, 821), done
    trades = client.tradebook()["tradeBook"]
    (position,) = client.positions()["netPositions"]
    waits = client.place_order(an_order(limitPrice=790))["id"]
    cancelled = client.cancel_order({"id": waits})
    print("orders", len(trades), position["netQty"], cancelled["code"])


def refusals(client):
    codes = [
        client.place_order(an_order(limitPrice=800.03))["code"],
        client.place_order(an_order(symbol="NSE:NOSUCH-EQ"))["code"],
        client.place_order(an_order(orderTag="with space"))["code"],
        client.cancel_order({"id": "1"})["code"],
    ]
    print("refusals", codes)


def triggers(client, sim):
    sim.price(800)
    client.place_order(an_order(productType="CNC"))
    legs = {
        "leg1": {"price": 820, "triggerPrice": 820, "qty": 10},
        "leg2": {"price": 770, "triggerPrice": 780, "qty": 10},
    }
    oco = {"side": -1, "symbol": "NSE:SBIN-EQ", "productType": "CNC", "orderInfo": legs, "orderTag": "oco1"}
    trigger_id = client.place_gtt_order(oco)["id"]
    legs["leg1"]["price"] = legs["leg1"]["triggerPrice"] = 830
    assert client.modify_gtt_order({"id": trigger_id, "orderInfo": legs})["code"] == 1102
    (row,) = client.gtt_orderbook()["orderBook"]
    assert (row["price_trigger"], row["price2_trigger"], row["ord_status"]) == (830, 780, 6), row
    sim.price(779)
    (fired,) = client.gtt_orderbook()["orderBook"]
    (child,) = client.orderbook({"order_tag": "1:GTToco1"})["orderBook"]
    other = client.place_gtt_order(oco | {"orderInfo": {"leg1": legs["leg2"] | {"triggerPrice": 760}}})["id"]
    cancelled = client.cancel_gtt_order({"id": other})
    print("triggers", fired["ord_status"], child["status"], cancelled["code"])


def unacknowledged(client, sim):
    sim.post("faults", at="network", fault="201 after acceptance", method="POST", path="orders/sync")
    said = client.place_order(an_order(limitPrice=700, orderTag="lost1"))
    (found,) = client.orderbook({"order_tag": "1:lost1"})["orderBook"]
    print("unacknowledged", said["code"], repr(said["id"]), found["status"])


def log_out(client):
    said = client.logout()
    print("log out", said["s"], client.get_profile()["code"])


if __name__ == "__main__":
    main(*sys.argv[1:])
