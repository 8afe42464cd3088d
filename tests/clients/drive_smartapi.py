"""Drives a simulated Angel One with the official client: `python drive_smartapi.py URL API_KEY CLIENT PIN`.

Runs with the client's packages only, and prints what it has seen, a line for each part. It fails loudly.
The client asks an address of the internet for this machine's own when it is imported, and writes a log into
the folder it runs in: whoever starts this sees to both. The details of one order are left out, as it asks for
them elsewhere than its `root` says, and so are GTTs, which this simulator has not.
"""

import sys
import time

import requests
from SmartApi import SmartConnect
from SmartApi.smartExceptions import DataException

DEADLINE = 15.0


def main(url, api_key, client_code, pin):
    sim = Simulator(url)
    client = SmartConnect(api_key=api_key, root=url)
    log_in(client, client_code, pin)
    patient = Patient(client)
    user(patient, client)
    market(patient, sim)
    orders(patient, sim)
    refusals(patient)
    log_out(patient, client, client_code)


class Patient:
    """The client, asking again while the simulator says, in plain text, that it was too fast."""

    def __init__(self, official):
        self.official = official

    def __getattr__(self, name):
        found = getattr(self.official, name)

        def call(*args):
            deadline = time.monotonic() + DEADLINE
            while True:
                try:
                    return found(*args)
                except DataException as exc:
                    assert "exceeding access rate" in str(exc), exc
                    assert time.monotonic() < deadline, exc
                    time.sleep(0.1)

        return call


class Simulator:
    def __init__(self, url):
        self.url = url

    def price(self, last):
        body = {"act": "set_price", "exchange": "NSE", "symbol": "SBIN", "last": str(last)}
        answer = requests.post(f"{self.url}/sim/command", json=body, timeout=10)
        assert answer.ok, answer.text

    def number(self):
        rows = requests.get(f"{self.url}/OpenAPI_File/files/OpenAPIScripMaster.json", timeout=10).json()
        return next(row["token"] for row in rows if row["symbol"] == "SBIN-EQ")


def log_in(client, client_code, pin):
    refused = client.generateSession(client_code, "0000", "123456")
    user = client.generateSession(client_code, pin, "123456")
    print("session", refused["status"], user["status"], user["data"]["clientcode"])


def user(patient, client):
    profile, limits = patient.getProfile(client.refresh_token), patient.rmsLimit()
    print("user", profile["data"]["clientcode"], limits["status"], patient.holding()["data"])


def market(patient, sim):
    sim.price(800)
    number = sim.number()
    said = patient.ltpData("NSE", "SBIN-EQ", number)
    (row,) = patient.getMarketData("FULL", {"NSE": [number]})["data"]["fetched"]
    print("market", said["data"]["ltp"], row["tradingSymbol"], row["ltp"])


def an_order(sim, **changes):
    return {
        "variety": "NORMAL",
        "tradingsymbol": "SBIN-EQ",
        "symboltoken": sim.number(),
        "transactiontype": "BUY",
        "exchange": "NSE",
        "ordertype": "LIMIT",
        "producttype": "INTRADAY",
        "duration": "DAY",
        "price": "800",
        "triggerprice": "0",
        "squareoff": "0",
        "stoploss": "0",
        "quantity": "10",
    } | changes


def a_change(sim, order_id, **changes):
    asked = an_order(sim, variety="STOPLOSS", orderid=order_id, transactiontype=None, **changes)
    return {name: value for name, value in asked.items() if name not in ("squareoff", "stoploss")}


def orders(patient, sim):
    patient.placeOrder(an_order(sim, ordertag="entry1"))
    said = patient.placeOrderFullResponse(
        an_order(
            sim,
            variety="STOPLOSS",
            transactiontype="SELL",
            ordertype="STOPLOSS_LIMIT",
            price="788",
            triggerprice="790",
            ordertag="stop1",
        )
    )
    stop = said["data"]["orderid"]
    (_, found) = patient.orderBook()["data"]
    assert (found["orderid"], found["status"], found["ordertag"]) == (stop, "trigger pending", "stop1"), found
    quirk = patient.modifyOrder(a_change(sim, stop, ordertype="LIMIT", price="820", triggerprice=None))
    (_, unchanged) = patient.orderBook()["data"]
    assert (quirk["status"], unchanged["ordertype"]) == (True, "STOPLOSS_LIMIT"), unchanged
    patient.modifyOrder(a_change(sim, stop, ordertype="LIMIT", price="820"))
    sim.price(821)
    (_, done) = patient.orderBook()["data"]
    assert (done["status"], done["filledshares"], done["averageprice"]) == ("complete", "10", 821), done
    (position,) = patient.position()["data"]
    waits = patient.placeOrder(an_order(sim, price="790"))
    cancelled = patient.cancelOrder(waits, "NORMAL")
    trades = patient.tradeBook()["data"]
    print("orders", len(trades), position["netqty"], cancelled["data"]["orderid"] == waits)


def refusals(patient):
    nowhere = patient.cancelOrder("1", "NORMAL")
    nothing = patient.placeOrder({"variety": "NORMAL"})
    print("refusals", nowhere["status"], nowhere["errorcode"], nothing)


def log_out(patient, client, client_code):
    said = patient.terminateSession(client_code)
    after = patient.getProfile(client.refresh_token)
    print("log out", said["status"], after["success"], after["errorCode"])


if __name__ == "__main__":
    main(*sys.argv[1:])
