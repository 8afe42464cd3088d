"""Drives a simulated Upstox with the official client: `python drive_upstox.py URL KEY SECRET RECORDED`.

Runs with the client's packages only, and prints what it has seen, a line for each part. It fails loudly.
The client's two hosts are told our address, nothing else of it is touched. RECORDED is the file of requests
that our own code is held to: the client makes each of them anew before a server that only listens.
"""

import gzip
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import upstox_client as up
import urllib3
from upstox_client.rest import ApiException

REDIRECT = "http://127.0.0.1:9/callback"
VERSION = "2.0"
DEADLINE = 15.0


def main(url, api_key, secret, recorded):
    sim = Simulator(url)
    token = log_in(sim, api_key, secret)
    client = client_at(url, token)
    key = listed(sim)
    user(client)
    market(client, sim, key)
    orders(client, sim, key)
    refusals(client, key)
    brackets(client, sim, key)
    unacknowledged(client, sim, key)
    log_out(client)
    requests(recorded)


class Simulator:
    def __init__(self, url):
        self.url = url
        self.http = urllib3.PoolManager(retries=False)

    def get(self, path):
        """Return an answer as it is: where the browser would be sent is not followed."""
        return self.http.request("GET", self.url + path)

    def post(self, path, /, **body):
        answer = self.http.request("POST", f"{self.url}/sim/{path}", body=json.dumps(body))
        assert answer.status == 200, answer.data
        return json.loads(answer.data)["data"]

    def price(self, last):
        self.post("command", act="set_price", exchange="NSE", symbol="SBIN", last=str(last))


def client_at(url, token):
    settings = up.Configuration()
    settings.host = settings.order_host = url
    settings.access_token = token
    return up.ApiClient(settings)


def log_in(sim, api_key, secret):
    sim.post("app", api_key=api_key, redirect_url=REDIRECT)
    words = {"client_id": api_key, "redirect_uri": REDIRECT, "response_type": "code", "state": "s1"}
    sent_back = sim.get(f"/v2/login/authorization/dialog?{urlencode(words)}")
    back = parse_qs(urlsplit(sent_back.headers["Location"]).query)
    said = up.LoginApi(client_at(sim.url, "")).token(
        VERSION,
        code=back["code"][0],
        client_id=api_key,
        client_secret=secret,
        redirect_uri=REDIRECT,
        grant_type="authorization_code",
    )
    print("session", said.user_id, back["state"][0])
    return said.access_token


def listed(sim):
    rows = json.loads(gzip.decompress(sim.get("/market-quote/instruments/exchange/NSE.json.gz").data))
    (row,) = [one for one in rows if (one["segment"], one["trading_symbol"]) == ("NSE_EQ", "SBIN")]
    print("listed", row["instrument_type"], row["tick_size"])
    return row["instrument_key"]


def user(client):
    profile = up.UserApi(client).get_profile(VERSION).data
    funds = up.UserApi(client).get_user_fund_margin(VERSION).data
    holdings = up.PortfolioApi(client).get_holdings(VERSION).data
    print("user", profile.user_id, profile.broker, sorted(funds), holdings)


def market(client, sim, key):
    sim.price(800)
    (full,) = up.MarketQuoteApi(client).get_full_market_quote(key, VERSION).data.values()
    (last,) = up.MarketQuoteV3Api(client).get_ltp(instrument_key=key).data.values()
    print("quote", full.last_price, full.depth.buy[0].price, last.last_price)


def an_order(key, **changes):
    words = {
        "quantity": 10,
        "product": "I",
        "validity": "DAY",
        "price": 800,
        "tag": "entry1",
        "slice": False,
        "instrument_token": key,
        "order_type": "LIMIT",
        "transaction_type": "BUY",
        "disclosed_quantity": 0,
        "trigger_price": 0,
        "is_amo": False,
    }
    return up.PlaceOrderV3Request(**(words | changes))


def orders(client, sim, key):
    api, books = up.OrderApiV3(client), up.OrderApi(client)
    api.place_order(an_order(key))
    stop = an_order(key, transaction_type="SELL", order_type="SL", price=788, trigger_price=790, tag="stop1")
    (order_id,) = api.place_order(stop).data.order_ids
    resting = found(books, order_id)
    change = up.ModifyOrderRequest(
        quantity=10,
        validity="DAY",
        price=820,
        order_id=order_id,
        order_type="LIMIT",
        disclosed_quantity=0,
        trigger_price=0,
    )
    assert api.modify_order(change).data.order_id == order_id
    sim.price(821)
    done = found(books, order_id)
    trades = books.get_trade_history(VERSION).data
    (position,) = up.PortfolioApi(client).get_positions(VERSION).data
    (waits,) = api.place_order(an_order(key, price=790)).data.order_ids
    assert api.cancel_order(waits).data.order_id == waits
    print("orders", resting.status, done.status, done.average_price, len(trades), position.quantity)


def found(books, order_id):
    (row,) = [one for one in books.get_order_book(VERSION).data if one.order_id == order_id]
    return row


def refusals(client, key):
    api = up.OrderApiV3(client)
    calls = [
        lambda: api.place_order(an_order(key, price=800.03)),
        lambda: api.place_order(an_order("NSE_EQ|NOSUCH")),
        lambda: api.place_order(an_order(key, order_type="MARKET", price=0)),
        lambda: api.cancel_order("1"),
        lambda: api.place_gtt_order(a_gtt(key, ("TARGET", 820))),
    ]
    print("refusals", [refused(call) for call in calls])


def refused(call):
    try:
        call()
    except ApiException as exc:
        return json.loads(exc.body)["errors"][0]["errorCode"]
    raise AssertionError("it was taken")


def a_gtt(key, *levels):
    rules = [
        up.GttRule(strategy=name, trigger_type="IMMEDIATE", trigger_price=level) for name, level in levels
    ]
    return up.GttPlaceOrderRequest(
        type="MULTIPLE",
        quantity=10,
        product="D",
        rules=rules,
        instrument_token=key,
        transaction_type="BUY",
    )


def brackets(client, sim, key):
    time.sleep(1.1)  # the simulator's limit of a second: what is refused now would be a bug here
    sim.price(800)
    api, books = up.OrderApiV3(client), up.OrderApi(client)
    levels = (("ENTRY", 800), ("TARGET", 820), ("STOPLOSS", 790))
    (gtt_id,) = api.place_gtt_order(a_gtt(key, *levels)).data.gtt_order_ids
    (held,) = api.get_gtt_order_details(gtt_order_id=gtt_id).data
    change = a_gtt(key, ("ENTRY", 800), ("TARGET", 820), ("STOPLOSS", 795))
    api.modify_gtt_order(
        up.GttModifyOrderRequest(type="MULTIPLE", quantity=10, gtt_order_id=gtt_id, rules=change.rules)
    )
    sim.price(794)
    sim.price(800)
    left = api.get_gtt_order_details().data
    family = [one for one in books.get_order_book(VERSION).data if one.order_ref_id == gtt_id]
    (other,) = api.place_gtt_order(a_gtt(key, *levels)).data.gtt_order_ids
    api.cancel_gtt_order(up.GttCancelOrderRequest(gtt_order_id=other))
    rules = {rule.strategy: rule.status for rule in held.rules}
    print("brackets", rules)
    print("family", [(one.transaction_type, one.status) for one in family], left)


def unacknowledged(client, sim, key):
    sim.post("faults", at="network", fault="502 after acceptance", method="POST", path="gtt/place$")
    api = up.OrderApiV3(client)
    try:
        api.place_gtt_order(a_gtt(key, ("ENTRY", 790), ("TARGET", 820), ("STOPLOSS", 780)))
    except ApiException as exc:
        (row,) = api.get_gtt_order_details().data
        print("unacknowledged", exc.status, row.rules[0].status)


def log_out(client):
    assert up.LoginApi(client).logout(VERSION).data is True
    try:
        up.UserApi(client).get_profile(VERSION)
    except ApiException as exc:
        print("log out", exc.status, json.loads(exc.body)["errors"][0]["error_code"])


# What the client sends


class Listener(BaseHTTPRequestHandler):
    """Remembers each request, and says that all is well."""

    def answer(self):
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.heard.append((self.command, self.path, json.loads(text or "{}")))
        said = b'{"status":"success","data":{}}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *words):
        pass


def requests(recorded):
    with open(recorded) as file:
        wanted = json.load(file)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    server.heard = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = client_at(f"http://127.0.0.1:{server.server_port}", "TOK")
    for one in wanted.values():
        again(up.OrderApiV3(client), one)
    server.shutdown()
    server.server_close()
    said = [(one["method"], one["path"], one["body"]) for one in wanted.values()]
    assert server.heard == said, server.heard
    print("requests", len(said))


def again(api, one):
    """Make a recorded request by the client's own method and model for it."""
    body, path = one["body"], urlsplit(one["path"])
    match one["method"], path.path:
        case "POST", "/v3/order/place":
            api.place_order(up.PlaceOrderV3Request(**body))
        case "PUT", "/v3/order/modify":
            api.modify_order(up.ModifyOrderRequest(**body))
        case "DELETE", "/v3/order/cancel":
            api.cancel_order(parse_qs(path.query)["order_id"][0])
        case "POST", "/v3/order/gtt/place":
            api.place_gtt_order(up.GttPlaceOrderRequest(**body | {"rules": rules_of(body)}))
        case "PUT", "/v3/order/gtt/modify":
            api.modify_gtt_order(up.GttModifyOrderRequest(**body | {"rules": rules_of(body)}))
        case "DELETE", "/v3/order/gtt/cancel":
            api.cancel_gtt_order(up.GttCancelOrderRequest(**body))


def rules_of(body):
    return [up.GttRule(**rule) for rule in body["rules"]]


if __name__ == "__main__":
    main(*sys.argv[1:])
