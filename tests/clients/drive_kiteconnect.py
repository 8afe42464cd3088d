"""Drives a simulated Kite with the official client: `python drive_kiteconnect.py URL SOCKET_URL KEY SECRET`.

Runs with the client's packages only, and prints what it has seen, a line for each part. It fails loudly.
"""

import datetime
import re
import sys
import threading
import time

import requests
from kiteconnect import KiteConnect, KiteTicker
from kiteconnect import exceptions as ex
from twisted.internet import reactor

DEADLINE = 15.0


def main(url, socket_url, api_key, api_secret):
    kite = Patient(KiteConnect(api_key=api_key, root=url))
    sim = Simulator(url)
    token = log_in(kite, sim, api_secret)
    tokens = {row["tradingsymbol"]: row["instrument_token"] for row in market(kite, sim)}
    user(kite)
    ticker = Ticker(api_key, token, socket_url)
    ticker.start([tokens["SBIN"], tokens["INFY"], tokens["NIFTY 50"]])
    orders(kite, sim, ticker)
    refusals(kite)
    after_market_and_slices(kite)
    triggers(kite, sim)
    ticks(sim, ticker, tokens)
    reconnects(kite, sim, ticker, api_key, tokens)
    log_out(kite, sim, api_key)


class Patient:
    """The client, waiting out the rate limits: a call refused with 429 was not carried out."""

    def __init__(self, kite):
        self.official = kite

    def __getattr__(self, name):
        found = getattr(self.official, name)
        if not callable(found):
            return found
        return lambda *args, **words: until_let_in(lambda: found(*args, **words))


def until_let_in(call):
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            return call()
        except ex.NetworkException as exc:
            if exc.code != 429 or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


class Simulator:
    def __init__(self, url):
        self.url = url

    def post(self, path, **body):
        answer = requests.post(f"{self.url}/sim/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()["data"]

    def price(self, symbol, last, exchange="NSE", **more):
        self.post("command", act="set_price", exchange=exchange, symbol=symbol, last=str(last), **more)


class Ticker:
    """The official ticker in its thread, remembering what it heard."""

    def __init__(self, api_key, token, root):
        self.heard = threading.Condition()
        self.ticks, self.updates, self.connects, self.closes, self.errors = [], [], 0, 0, []
        self.official = KiteTicker(api_key, token, root=root)
        self.official.on_ticks = lambda _ws, ticks: self.note(self.ticks, ticks)
        self.official.on_order_update = lambda _ws, update: self.note(self.updates, [update])
        self.official.on_error = lambda _ws, code, reason: self.note(self.errors, [(code, reason)])
        self.official.on_connect = self.connected

    def start(self, tokens):
        self.tokens = tokens
        self.official.connect(threaded=True)
        self.wait(
            lambda: len({tick["instrument_token"] for tick in self.ticks}) == len(tokens), "first ticks"
        )

    def connected(self, socket, _response):
        with self.heard:
            self.connects += 1
            self.heard.notify_all()
        if self.connects == 1:
            socket.subscribe(self.tokens)

    def note(self, where, what):
        with self.heard:
            where += what
            self.heard.notify_all()

    def wait(self, fulfilled, what):
        with self.heard:
            assert self.heard.wait_for(fulfilled, DEADLINE), (
                f"{what}: {self.ticks[-3:]} {self.updates[-3:]} {self.errors}"
            )

    def statuses(self, order_id):
        return [update["status"] for update in self.updates if update["order_id"] == order_id]

    def ask(self, call, *words):
        """Have the client send something from the thread that reads: its socket is not made for two."""
        reactor.callFromThread(call, *words)

    def newest(self, token, mode, last):
        """Wait for a tick of this mode at this price and return it."""

        def seen():
            return [
                tick
                for tick in self.ticks
                if (tick["instrument_token"], tick["mode"], tick["last_price"]) == (token, mode, last)
            ]

        self.wait(seen, f"a {mode} tick of {token} at {last}")
        return seen()[-1]


def log_in(kite, sim, api_secret):
    request_token = sim.post("login", api_key=kite.api_key)["request_token"]
    session = kite.generate_session(request_token, api_secret=api_secret)
    assert session["access_token"] == kite.official.access_token
    assert isinstance(session["login_time"], datetime.datetime)
    expect(ex.TokenException, 403, lambda: kite.generate_session(request_token, api_secret=api_secret))
    kite.set_access_token(session["access_token"])
    print("session", session["user_id"])
    return session["access_token"]


def user(kite):
    profile, margins = kite.profile(), kite.margins()
    assert {"NSE", "NFO"} <= set(profile["exchanges"]) and "CNC" in profile["products"]
    assert margins["equity"]["net"] == kite.margins(segment="equity")["net"] > 0
    (needed,) = kite.order_margins(
        [dict(place("SBIN", "BUY", 10, "MIS", "LIMIT", price=800.0), variety="regular", trigger_price=0)]
    )
    assert needed["total"] == 1600 and needed["tradingsymbol"] == "SBIN"
    print("user", profile["user_id"])


def market(kite, sim):
    sim.price("SBIN", 800)
    rows = kite.instruments()
    assert len(kite.instruments("NSE")) < len(rows)
    sbin = next(row for row in rows if (row["exchange"], row["tradingsymbol"]) == ("NSE", "SBIN"))
    quote = kite.quote("NSE:SBIN", "NSE:NOSUCH")
    assert list(quote) == ["NSE:SBIN"] and len(quote["NSE:SBIN"]["depth"]["buy"]) == 5
    assert isinstance(quote["NSE:SBIN"]["timestamp"], datetime.datetime)
    ohlc = kite.ohlc("NSE:SBIN", "NSE:NIFTY 50")
    assert ohlc["NSE:SBIN"]["ohlc"]["low"] <= 800 <= ohlc["NSE:SBIN"]["ohlc"]["high"]
    assert kite.ltp("NSE:SBIN")["NSE:SBIN"] == {
        "instrument_token": sbin["instrument_token"],
        "last_price": 800,
    }
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    candles = kite.historical_data(
        sbin["instrument_token"], tomorrow - datetime.timedelta(days=3), tomorrow, interval="day"
    )
    assert candles[-1]["close"] == 800 and isinstance(candles[-1]["date"], datetime.datetime)
    print("market", len(rows) > 200)
    return [row for row in rows if row["exchange"] != "BSE"]


def place(symbol, side, quantity, product, order_type, **more):
    return {"exchange": "NSE"} | dict(
        tradingsymbol=symbol,
        transaction_type=side,
        quantity=quantity,
        product=product,
        order_type=order_type,
        **more,
    )


def orders(kite, sim, ticker):
    """Every order type, product and validity; changed, cancelled, filled whole and in parts."""
    resting = kite.place_order("regular", **place("SBIN", "BUY", 10, "MIS", "LIMIT", price=790, tag="RESTS1"))
    kite.modify_order("regular", resting, quantity=12, price=791)
    kite.cancel_order("regular", resting)
    words = [row["status"] for row in kite.order_history(resting)]
    assert words == [
        "PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING", "OPEN",
        "MODIFY VALIDATION PENDING", "MODIFY PENDING", "MODIFIED", "OPEN",
        "CANCEL PENDING", "CANCELLED",
    ], words  # fmt: skip
    ticker.wait(lambda: ticker.statuses(resting) == ["OPEN", "UPDATE", "CANCELLED"], "updates of a change")

    entry = kite.place_order(
        "regular", **place("SBIN", "BUY", 10, "MIS", "MARKET", market_protection=-1, validity="IOC", tag="E1")
    )
    assert [trade["quantity"] for trade in kite.order_trades(entry)] == [10]
    stop = kite.place_order("regular", **place("SBIN", "SELL", 10, "MIS", "SL", price=785, trigger_price=790))
    waiting = next(row for row in kite.orders() if row["order_id"] == stop)
    assert (waiting["status"], waiting["trigger_price"]) == ("TRIGGER PENDING", 790)
    assert waiting["tag"] is None and isinstance(waiting["order_timestamp"], datetime.datetime)
    kite.modify_order("regular", stop, order_type="LIMIT", price=810)
    sim.price("SBIN", 810, depth=4)
    ticker.wait(lambda: "UPDATE" in ticker.statuses(stop), "a part fill")
    sim.price("SBIN", 811)
    ticker.wait(lambda: ticker.statuses(stop)[-1] == "COMPLETE", "the target")
    sim.price("SBIN", 800)
    market_stop = kite.place_order(
        "regular",
        **place("SBIN", "BUY", 5, "MIS", "SL-M", trigger_price=805, market_protection=2),
    )
    sim.price("SBIN", 806)
    ticker.wait(lambda: "COMPLETE" in ticker.statuses(market_stop), "the market stop")
    sim.price("SBIN", 800)
    delivery = kite.place_order("regular", **place("SBIN", "BUY", 3, "CNC", "LIMIT", price=800))
    future = next(row for row in kite.instruments("NFO") if row["instrument_type"] == "FUT")
    kite.place_order(
        "regular",
        **place(
            future["tradingsymbol"], "SELL", future["lot_size"], "NRML", "MARKET", exchange="NFO",
            market_protection=-1,
        ),
    )  # fmt: skip
    net = {(row["tradingsymbol"], row["product"]): row["quantity"] for row in kite.positions()["net"]}
    assert net["SBIN", "MIS"] == 5 and net["SBIN", "CNC"] == 3
    assert net[future["tradingsymbol"], "NRML"] == -future["lot_size"]
    assert delivery in {trade["order_id"] for trade in kite.trades()}
    assert kite.holdings() == []
    update = next(one for one in ticker.updates if one["order_id"] == entry and one["status"] == "COMPLETE")
    assert (update["user_id"], update["tag"], update["filled_quantity"]) == ("AB1234", "E1", 10)
    print("orders", len(kite.orders()))


def refusals(kite):
    """The errors a client meets, by the exceptions the official one makes of them."""
    off_tick = place("SBIN", "BUY", 1, "MIS", "LIMIT", price=799.51)
    expect(ex.InputException, 400, lambda: kite.place_order("regular", **off_tick))
    unprotected = place("SBIN", "BUY", 1, "MIS", "MARKET")
    expect(ex.InputException, 400, lambda: kite.place_order("regular", **unprotected))
    expect(ex.OrderException, 400, lambda: kite.cancel_order("regular", "999"))
    expect(ex.GeneralException, 404, lambda: kite.get_gtt(999))
    poor = kite.place_order("regular", **place("SBIN", "BUY", 1_000_000, "CNC", "LIMIT", price=799))
    row = kite.order_history(poor)[-1]
    assert row["status"] == "REJECTED" and "Insufficient funds" in row["status_message"]
    print("refusals", row["status"])


def after_market_and_slices(kite):
    amo = kite.place_order("amo", **place("INFY", "BUY", 1, "CNC", "LIMIT", price=1400))
    row = next(row for row in kite.orders() if row["order_id"] == amo)
    assert row["variety"] == "amo"
    kite.cancel_order("amo", amo)
    future = next(row for row in kite.instruments("NFO") if row["name"].startswith("Nifty 50"))
    wanted = place(future["tradingsymbol"], "BUY", 1950, "NRML", "LIMIT", exchange="NFO", price=24000)
    whole = kite.place_autoslice_order("regular", **wanted)
    assert [set(child) for child in whole["children"]] == [{"order_id"}, {"order_id"}], whole
    for child in whole["children"]:
        kite.cancel_order("regular", child["order_id"])
    print("slices", len(whole["children"]))


def triggers(kite, sim):
    leg = {"transaction_type": "SELL", "quantity": 3, "order_type": "LIMIT", "product": "CNC"}
    asked = {"tradingsymbol": "SBIN", "exchange": "NSE", "last_price": 800}
    oco = kite.place_gtt(
        trigger_type=kite.GTT_TYPE_OCO, trigger_values=[780, 830],
        orders=[leg | {"price": 779}, leg | {"price": 830}], **asked,
    )["trigger_id"]  # fmt: skip
    single = kite.place_gtt(
        trigger_type=kite.GTT_TYPE_SINGLE, trigger_values=[700], orders=[leg | {"price": 699}], **asked
    )["trigger_id"]
    kite.modify_gtt(
        oco, trigger_type=kite.GTT_TYPE_OCO, trigger_values=[781, 820],
        orders=[leg | {"price": 780}, leg | {"price": 820}], **asked,
    )  # fmt: skip
    assert kite.get_gtt(oco)["condition"]["trigger_values"] == [781, 820]
    kite.delete_gtt(single)
    sim.price("SBIN", 821)
    found = {row["id"]: row for row in kite.get_gtts()}
    assert (found[single]["status"], found[oco]["status"]) == ("deleted", "triggered")
    lower, upper = found[oco]["orders"]
    assert lower["result"] is None and upper["result"]["order_result"]["status"] == "success"
    child = kite.order_history(upper["result"]["order_result"]["order_id"])[-1]
    assert (child["status"], child["average_price"]) == ("COMPLETE", 821)
    print("triggers", len(found))


def ticks(sim, ticker, tokens):
    """All three modes of a share, and an index, which has no orders."""
    sbin, infy, index = tokens["SBIN"], tokens["INFY"], tokens["NIFTY 50"]
    ticker.ask(ticker.official.set_mode, KiteTicker.MODE_FULL, [sbin, index])
    ticker.ask(ticker.official.set_mode, KiteTicker.MODE_LTP, [infy])
    sim.price("SBIN", 815.5, bid="815.45", ask="815.55", depth=70)
    sim.price("INFY", 1501.5)
    full = ticker.newest(sbin, "full", 815.5)
    assert full["depth"]["buy"][0] == {"quantity": 70, "price": 815.45, "orders": 1}
    assert full["depth"]["sell"][0]["price"] == 815.55 and len(full["depth"]["sell"]) == 5
    assert full["ohlc"]["low"] == 800 and full["tradable"]
    assert abs(full["exchange_timestamp"].timestamp() - time.time()) < 60
    assert set(ticker.newest(infy, "ltp", 1501.5)) == {"tradable", "mode", "instrument_token", "last_price"}
    ticker.ask(ticker.official.set_mode, KiteTicker.MODE_QUOTE, [sbin])
    sim.price("SBIN", 816)
    assert ticker.newest(sbin, "quote", 816.0)["total_buy_quantity"] > 0
    sim.price(next(name for name in tokens if re.fullmatch(r"NIFTY\d.*FUT", name)), 25000, exchange="NFO")
    assert not ticker.newest(index, "full", 25000.0)["tradable"]
    ticker.ask(ticker.official.unsubscribe, [infy])
    print("ticks", sorted({tick["mode"] for tick in ticker.ticks}))


def reconnects(kite, sim, ticker, api_key, tokens):
    """The client comes back by itself, subscribes again, and hears of orders again."""
    sim.post("sockets/cut", api_key=api_key)
    ticker.wait(lambda: ticker.connects == 2, "the second connection")
    before = len(ticker.ticks)
    ticker.wait(lambda: len(ticker.ticks) > before, "ticks after it")
    sim.price("SBIN", 817)
    ticker.newest(tokens["SBIN"], "quote", 817.0)
    order_id = kite.place_order("regular", **place("SBIN", "BUY", 1, "MIS", "LIMIT", price=800))
    ticker.wait(lambda: ticker.statuses(order_id) == ["OPEN"], "an update after it")
    print("reconnects", ticker.connects)


def log_out(kite, sim, api_key):
    called = []
    kite.set_session_expiry_hook(lambda: called.append(True))
    kite.invalidate_access_token()
    expect(ex.TokenException, 403, kite.orders)
    assert called == [True]
    print("log out")


def expect(kind, code, call):
    try:
        call()
    except kind as exc:
        assert (type(exc), exc.code) == (kind, code), (type(exc), exc.code)
    else:
        raise AssertionError(f"{kind.__name__} was expected")


if __name__ == "__main__":
    main(*sys.argv[1:])
