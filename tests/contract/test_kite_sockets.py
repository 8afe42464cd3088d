"""The simulated Kite's socket: its packets byte by byte, its messages, who is let in or thrown out."""

import hashlib
import json
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests
import simple_websocket

from simulator.kite.history import DayPrices
from simulator.kite.segments import index_token, token, units
from simulator.kite.sessions import next_death
from simulator.kite.ticks import HEARTBEAT, Picture, TickMode, message, packet
from tests.kite_served import KEY, SBIN, SECRET, TOKEN, USER, ServedKite, wait_until

AT = datetime(2026, 12, 7, 4, 30, tzinfo=UTC)
DAY = DayPrices(open=Decimal(1), high=Decimal(4), low=Decimal("0.5"), close=Decimal(2))
SHARE = Picture(
    token=token(5, "NSE"),
    last=Decimal("3.05"),
    day=DAY,
    at=AT,
    bid=Decimal(3),
    ask=Decimal("3.10"),
    bid_quantity=7,
    ask_quantity=9,
)


class Client:
    """A socket's other end, which remembers what it was sent."""

    def __init__(self, kite: ServedKite, *, key: str = KEY, access_token: str = TOKEN) -> None:
        address = f"{kite.kite.socket_url}/?api_key={key}&access_token={access_token}"
        self.socket = simple_websocket.Client.connect(address)
        self.binary: list[bytes] = []
        self.texts: list[dict[str, Any]] = []

    def send(self, action: str, value: object) -> None:
        self.socket.send(json.dumps({"a": action, "v": value}))

    def until(self, fulfilled: Callable[[], object]) -> None:
        """Read until something is so."""

        def read() -> bool:
            self._read()
            return bool(fulfilled())

        wait_until(read, what=self.texts)

    def prices(self) -> list[tuple[int, int]]:
        """Return length and last price of every packet so far, in the order they came."""
        return [(len(one), struct.unpack(">I", one[4:8])[0]) for each in self.binary for one in packets(each)]

    def is_closed(self) -> bool:
        self._read()
        return not self.socket.connected

    def _read(self) -> None:
        try:
            content = self.socket.receive(timeout=0.05)
        except simple_websocket.ConnectionClosed:
            return
        if isinstance(content, bytes):
            self.binary.append(content)
        elif content is not None:
            self.texts.append(json.loads(content))


def packets(content: bytes) -> list[bytes]:
    if len(content) < 2:
        return []
    found, at = [], 2
    for _ in range(struct.unpack(">H", content[:2])[0]):
        (length,) = struct.unpack(">H", content[at : at + 2])
        found.append(content[at + 2 : at + 2 + length])
        at += 2 + length
    assert at == len(content)
    return found


@pytest.fixture
def kite() -> Iterator[ServedKite]:
    with ServedKite() as served:
        yield served


@pytest.fixture
def client(kite: ServedKite) -> Client:
    return Client(kite)


def sbin(kite: ServedKite) -> int:
    return kite.kite.desk.token_of(SBIN)


def test_a_packet_of_last_prices_has_8_bytes() -> None:
    assert packet(SHARE, TickMode.LTP) == struct.pack(">II", 5 << 8 | 1, 305)


def test_a_packet_of_a_quote_has_44_bytes() -> None:
    written = packet(SHARE, TickMode.QUOTE)

    assert struct.unpack(">11I", written) == (5 << 8 | 1, 305, 0, 305, 0, 7, 9, 100, 400, 50, 200)


def test_a_full_packet_has_184_bytes_with_five_levels_on_each_side() -> None:
    written = packet(SHARE, TickMode.FULL)
    at = int(AT.timestamp())

    assert len(written) == 184
    assert struct.unpack(">5I", written[44:64]) == (at, 0, 0, 0, at)
    assert struct.unpack(">IIHH", written[64:76]) == (7, 300, 1, 0)
    assert struct.unpack(">IIHH", written[124:136]) == (9, 310, 1, 0)
    assert written[76:124] == bytes(48)


def test_an_index_has_28_bytes_and_32_with_its_time() -> None:
    index = Picture(token=index_token(1), last=Decimal("1.5"), day=DAY, at=AT)
    quote, full = packet(index, TickMode.QUOTE), packet(index, TickMode.FULL)

    assert struct.unpack(">6Ii", quote) == (1 << 8 | 9, 150, 400, 50, 100, 200, -50)
    assert (len(full), full[:28], struct.unpack(">I", full[28:])) == (32, quote, (int(AT.timestamp()),))


def test_currencies_are_written_in_smaller_units() -> None:
    price = Decimal("83.0525")

    assert units(token(1, "CDS"), price) == 830525000
    assert units(token(1, "BCD"), price) == 830525
    assert units(token(1, "NFO"), price) == 8305


def test_a_message_is_its_packets_behind_their_lengths() -> None:
    assert message([b"ab", b"c"]) == b"\x00\x02\x00\x02ab\x00\x01c"


def test_a_subscriber_gets_a_quote_at_once_and_a_tick_at_every_move(kite: ServedKite, client: Client) -> None:
    client.send("subscribe", [sbin(kite)])
    client.until(lambda: (44, 80000) in client.prices())
    kite.price(801)
    client.until(lambda: (44, 80100) in client.prices())


@pytest.mark.parametrize(("mode", "length"), [("ltp", 8), ("quote", 44), ("full", 184)])
def test_a_mode_is_kept_until_another_one_is_asked_for(
    kite: ServedKite, client: Client, mode: str, length: int
) -> None:
    client.send("mode", [mode, [sbin(kite)]])
    client.send("subscribe", [sbin(kite)])
    client.until(client.prices)
    kite.price(802)
    client.until(lambda: (length, 80200) in client.prices())

    assert {size for size, _ in client.prices()} == {length}


def test_what_is_unsubscribed_is_silent(kite: ServedKite, client: Client) -> None:
    infy = kite.kite.desk.token_of(("NSE", "INFY"))
    client.send("mode", ["ltp", [sbin(kite), infy]])
    client.until(lambda: len(client.prices()) == 2)
    client.send("unsubscribe", [sbin(kite)])
    client.send("mode", ["quote", [infy]])  # its answer tells that both were heard
    client.until(lambda: 44 in dict(client.prices()))
    kite.price(803)
    kite.exchange.set_price("NSE", "INFY", last=Decimal(1500))
    client.until(lambda: (44, 150000) in client.prices())

    assert 80300 not in [last for _, last in client.prices()]


def test_an_index_moves_with_its_nearest_future(kite: ServedKite, client: Client) -> None:
    desk = kite.kite.desk
    future = desk.indices["NSE", "NIFTY 50"]
    client.send("mode", ["full", [desk.token_of(("NSE", "NIFTY 50"))]])
    client.until(client.prices)
    kite.exchange.set_price(*future, last=Decimal(25000))
    client.until(lambda: (32, 2500000) in client.prices())


def test_a_heartbeat_of_one_byte_comes_every_second(client: Client) -> None:
    client.until(lambda: client.binary.count(HEARTBEAT) >= 2)


def test_orders_are_told_without_a_subscription_to_every_socket_of_the_user(
    kite: ServedKite, client: Client
) -> None:
    other = Client(kite)
    order_id = kite.ordered(price="790", tag="T1")
    kite.call("PUT", f"/orders/regular/{order_id}", price="791")
    kite.call("DELETE", f"/orders/regular/{order_id}")

    client.until(lambda: len(client.texts) == 3)
    other.until(lambda: len(other.texts) == 3)
    for one in (client, other):
        assert [text["type"] for text in one.texts] == ["order"] * 3
        assert [text["data"]["status"] for text in one.texts] == ["OPEN", "UPDATE", "CANCELLED"]
        assert {text["data"]["order_id"] for text in one.texts} == {order_id}
    first = client.texts[0]["data"]
    assert (first["user_id"], first["tag"], first["price"], first["app_id"]) == (USER, "T1", 790, 1)


def test_a_fill_in_parts_is_an_update_and_then_complete(kite: ServedKite, client: Client) -> None:
    kite.price(800, depth=4)
    kite.ordered()
    kite.price(799, depth=20)
    client.until(lambda: len(client.texts) == 3)

    told = [(text["data"]["status"], text["data"]["filled_quantity"]) for text in client.texts]
    assert told == [("OPEN", 0), ("UPDATE", 4), ("COMPLETE", 10)]
    assert client.texts[1]["data"]["unfilled_quantity"] == 6


def test_a_rejection_is_told(kite: ServedKite, client: Client) -> None:
    kite.ordered(quantity=1_000_000, product="CNC")
    client.until(lambda: client.texts)

    assert client.texts[0]["data"]["status"] == "REJECTED"
    assert client.texts[0]["data"]["status_message"].startswith("Insufficient funds")


def test_an_order_of_another_terminal_is_told(kite: ServedKite, client: Client) -> None:
    act = {"act": "place", "exchange": "NSE", "symbol": "SBIN", "product": "MIS", "side": "BUY"}
    kite.sim("command", **act, account_id=USER, order_type="LIMIT", quantity=1, price="790")
    client.until(lambda: client.texts)

    assert (client.texts[0]["data"]["tag"], client.texts[0]["data"]["app_id"]) == (None, 0)


@pytest.mark.parametrize(("key", "access_token"), [(KEY, "wrong"), ("nobody", TOKEN), (KEY, "")])
def test_a_wrong_token_is_refused_with_403(kite: ServedKite, key: str, access_token: str) -> None:
    answer = shake_hands(kite, key=key, access_token=access_token)

    assert (answer.status_code, answer.json()["error_type"]) == (403, "TokenException")


def test_a_fourth_socket_of_an_app_is_refused_until_one_is_gone(kite: ServedKite, client: Client) -> None:
    more = [Client(kite) for _ in range(2)]
    refused = shake_hands(kite)
    client.socket.close()

    assert refused.status_code == 429
    wait_until(lambda: shake_hands(kite).status_code == 101, what="a free place")
    assert not any(one.is_closed() for one in more)


def test_a_socket_is_closed_when_its_token_dies(kite: ServedKite, client: Client) -> None:
    kite.sim("token", api_key=KEY, alive=False)
    wait_until(client.is_closed, what="the end of the socket")

    assert shake_hands(kite).status_code == 403


def test_a_socket_is_closed_at_six_in_the_morning(kite: ServedKite) -> None:
    request_token = kite.sim("login", api_key=KEY)["request_token"]
    checksum = hashlib.sha256(f"{KEY}{request_token}{SECRET}".encode()).hexdigest()
    session = kite.data("POST", "/session/token", api_key=KEY, request_token=request_token, checksum=checksum)
    client = Client(kite, access_token=session["access_token"])
    client.until(lambda: HEARTBEAT in client.binary)
    kite.clock.advance(next_death(kite.clock.now()) - kite.clock.now())

    wait_until(client.is_closed, what="the end of the socket")


def shake_hands(kite: ServedKite, *, key: str = KEY, access_token: str = TOKEN) -> requests.Response:
    """Return what the server says to a client that wants a socket."""
    wish = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    query = {"api_key": key, "access_token": access_token}
    with requests.get(kite.kite.url, params=query, headers=wish, timeout=5, stream=True) as answer:
        if answer.status_code != 101:
            assert answer.content
        return answer


def test_a_socket_that_is_cut_may_come_back(kite: ServedKite, client: Client) -> None:
    assert kite.sim("sockets/cut", api_key=KEY) == {"closed": 1}
    wait_until(client.is_closed, what="the end of the socket")
    again = Client(kite)
    order_id = kite.ordered(price="790")
    again.until(lambda: again.texts)

    assert again.texts[0]["data"]["order_id"] == order_id


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        '{"a": "fly", "v": []}',
        '{"a": "mode", "v": ["whole", [1]]}',
        '{"a": "subscribe", "v": ["x"]}',
    ],
)
def test_a_message_nobody_understands_is_answered_with_an_error(client: Client, text: str) -> None:
    client.socket.send(text)
    client.until(lambda: client.texts)

    assert client.texts[0]["type"] == "error"
    assert client.socket.connected


def test_the_free_plan_gets_order_updates_and_no_ticks() -> None:
    with ServedKite(gives_quotes=False) as kite:
        client = Client(kite)
        client.send("subscribe", [sbin(kite)])
        client.until(lambda: client.texts)
        kite.ordered(price="790")
        client.until(lambda: len(client.texts) == 2)

    assert [text["type"] for text in client.texts] == ["error", "order"]
    assert client.prices() == []


def test_a_lost_message_is_lost_and_the_next_one_comes(kite: ServedKite, client: Client) -> None:
    kite.sim("faults", at="network", fault="lost push", method="SOCKET", path="order")
    lost = kite.ordered(price="790")
    wait_until(lambda: bool(kite.sim("faults", "GET")["happened"]), what="the loss")
    told = kite.ordered(price="791")
    client.until(lambda: client.texts)

    assert [text["data"]["order_id"] for text in client.texts] == [told]
    assert lost != told
