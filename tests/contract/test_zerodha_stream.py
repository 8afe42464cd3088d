"""Kite's WebSocket against a server that says exactly what a script says."""

import logging
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

import pytest

from broker.base import Quote, Symbol
from broker.zerodha import stream as module
from broker.zerodha.stream import KiteStream, Pauses
from tests.scripted_socket import ScriptedSocket, Speech, Talk, leaving, refusing, speaking
from tests.serving import until
from tests.unit.test_zerodha_ticks import frame, packet
from utils.clock import SystemClock

SBIN, INFY = ("NSE", "SBIN"), ("NSE", "INFY")
NUMBERS = {SBIN: "779521", INFY: "408065"}
TOKEN = "apikey:acc/tok=n"
HEARTBEAT = b"\x00"
ORDER = {"type": "order", "data": {"order_id": "1", "status": "COMPLETE", "checksum": "a lie"}}


class Heard:
    """A listener that writes down what it hears."""

    def __init__(self, *wanted: Symbol) -> None:
        self.symbols = frozenset(wanted)
        self.looks = 0
        self.quotes: dict[Symbol, Quote] = {}
        self.health: list[bool] = []

    def on_orders(self) -> None:
        self.looks += 1

    def on_quotes(self, quotes: Mapping[Symbol, Quote]) -> None:
        self.quotes |= quotes

    def on_health(self, *, is_up: bool) -> None:
        self.health.append(is_up)

    def wanted(self) -> frozenset[Symbol]:
        return self.symbols


class NoPauses(Pauses):
    """The real count of failures, without the waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []
        self.resets = 0

    def next(self) -> float:
        self.asked.append(super().next())
        return 0.0 if len(self.asked) < 20 else 0.05

    def reset(self) -> None:
        self.resets += 1
        super().reset()


@contextmanager
def connected(
    listener: Heard, *speeches: Speech, silence: float = 60.0, pauses: Pauses | None = None
) -> Iterator[ScriptedSocket]:
    stop = threading.Event()
    with ScriptedSocket(*speeches) as kite:
        stream = KiteStream(
            kite.root,
            TOKEN,
            number_of=lambda exchange, symbol: NUMBERS.get((exchange, symbol)),
            clock=SystemClock(),
            silence_seconds=silence,
            pauses=pauses or NoPauses(),
        )
        thread = threading.Thread(target=stream.run, args=(stop, listener))
        thread.start()
        try:
            yield kite
        finally:
            stop.set()
            thread.join(timeout=10)
            assert not thread.is_alive()


def full(number: int, last: int) -> bytes:
    return frame(packet(number, last, length=184, depth={0: (1, last - 5), 5: (1, last + 5)}))


def test_the_token_is_asked_for_in_the_address_and_nowhere_else() -> None:
    heard = Heard()
    with connected(heard, speaking(HEARTBEAT)) as kite:
        until(lambda: kite.targets, what="a connection")

    assert kite.targets == ["/?api_key=apikey&access_token=acc%2Ftok%3Dn"]


def test_the_symbols_wanted_are_subscribed_in_full_and_left_when_they_are_not_wanted_any_more() -> None:
    heard = Heard(SBIN)
    with connected(heard, speaking(HEARTBEAT)) as kite:
        first = [kite.next_word(), kite.next_word()]
        heard.symbols = frozenset({INFY})
        then = [kite.next_word(), kite.next_word(), kite.next_word()]

    assert first == [{"a": "subscribe", "v": [779521]}, {"a": "mode", "v": ["full", [779521]]}]
    assert then == [
        {"a": "unsubscribe", "v": [779521]},
        {"a": "subscribe", "v": [408065]},
        {"a": "mode", "v": ["full", [408065]]},
    ]


def test_a_symbol_without_a_number_costs_the_others_nothing() -> None:
    heard = Heard(SBIN, ("NSE", "NEWLYLISTED"))
    with connected(heard, speaking(HEARTBEAT)) as kite:
        assert kite.next_word() == {"a": "subscribe", "v": [779521]}


def test_ticks_become_quotes_of_their_symbols() -> None:
    def speech(talk: Talk) -> None:
        talk.accept()
        talk.say(HEARTBEAT)
        talk.say(full(1, 99))  # of a symbol nobody asked for
        talk.say(full(779521, 80255))
        talk.listen()

    heard = Heard(SBIN)
    with connected(heard, speech):
        quote = until(lambda: heard.quotes.get(SBIN), what="a quote")

    assert (quote.last, quote.bid, quote.ask) == (Decimal("802.55"), Decimal("802.50"), Decimal("802.60"))
    assert heard.quotes.keys() == {SBIN}


def test_a_last_price_of_zero_is_no_quote() -> None:
    heard = Heard(SBIN, INFY)
    with connected(heard, speaking(full(779521, 0), full(408065, 150000))):
        until(lambda: heard.quotes, what="a quote")

    assert heard.quotes.keys() == {INFY}


@pytest.mark.parametrize("news", [ORDER, "{not json", '{"no": "type"}', "[" * 2000], ids=str)
def test_an_order_update_or_a_text_nobody_can_read_makes_us_look_and_no_more(news: dict[str, object]) -> None:
    heard = Heard()
    with connected(heard, speaking(HEARTBEAT, news)):
        until(lambda: heard.looks == 2, what="a second look")  # the first is for connecting


def test_other_texts_are_no_news() -> None:
    texts = ({"type": "instruments_meta", "data": {}}, {"type": "message", "data": "maintenance"})
    heard = Heard(SBIN)
    with connected(heard, speaking(*texts, {"type": "error", "data": "too many"}, full(779521, 100))):
        until(lambda: heard.quotes, what="what came after them")

    assert heard.looks == 1


def test_a_garbled_frame_of_ticks_is_left_and_the_connection_kept() -> None:
    heard = Heard(SBIN)
    with connected(heard, speaking(full(779521, 100)[:-3], b"\x00\x05\x00", full(779521, 80255))) as kite:
        until(lambda: heard.quotes, what="the good frame")

    assert (heard.quotes[SBIN].last, kite.connections) == (Decimal("802.55"), 1)


def test_a_frame_that_arrives_in_two_parts_is_read_as_one() -> None:
    def speech(talk: Talk) -> None:
        talk.accept()
        whole = talk.frame(full(779521, 80255))
        talk.say_raw(whole[:40])
        talk.listen(words=4)  # the last two come after a wait for the rest, in vain
        talk.say_raw(whole[40:])
        talk.listen()

    heard = Heard(SBIN)
    with connected(heard, speech) as kite:
        kite.next_word()
        kite.next_word()
        heard.symbols = frozenset({SBIN, INFY})
        until(lambda: heard.quotes, what="a quote")

    assert (heard.quotes[SBIN].last, kite.connections) == (Decimal("802.55"), 1)


def test_a_connection_is_healthy_once_it_speaks_and_what_was_missed_is_looked_for() -> None:
    heard = Heard()
    with connected(heard, speaking()) as kite:
        until(lambda: kite.connections, what="a connection")
        assert (heard.health, heard.looks) == ([], 0)
    with connected(heard, speaking(HEARTBEAT)):
        until(lambda: True in heard.health, what="health")
        until(lambda: heard.looks == 1, what="a look")

    assert heard.health[-2:] == [True, False]  # down again with the end


def test_a_broken_connection_is_made_again_and_subscribes_again() -> None:
    def breaking(talk: Talk) -> None:
        talk.accept()
        talk.say(HEARTBEAT)
        talk.listen(words=2)
        talk.close()

    heard = Heard(SBIN)
    with connected(heard, breaking, speaking(HEARTBEAT, full(779521, 80255))) as kite:
        until(lambda: heard.quotes, what="a quote over the second connection")

    assert kite.connections == 2
    assert heard.health == [True, False, True, False]
    assert heard.looks == 2


def test_a_connection_without_a_heartbeat_is_given_up() -> None:
    heard = Heard()
    with connected(heard, speaking(HEARTBEAT), silence=0.1) as kite:
        until(lambda: kite.connections >= 2, what="a second connection")

    assert heard.health[:2] == [True, False]


@pytest.mark.parametrize("status", [403, 429, 500, 502, 301])
def test_a_refused_connection_is_tried_again_with_growing_pauses(status: int) -> None:
    heard, pauses = Heard(), NoPauses()
    with connected(heard, *([refusing(status)] * 6), speaking(HEARTBEAT), pauses=pauses) as kite:
        until(lambda: True in heard.health, what="the connection that works")

    assert kite.connections == 7
    assert [2**n / 2 <= pause <= 2**n for n, pause in enumerate(pauses.asked)] == [True] * 6


def test_connecting_alone_does_not_shorten_the_pauses_a_word_does() -> None:
    heard, pauses = Heard(), NoPauses()
    with connected(heard, leaving(), leaving(), leaving(HEARTBEAT), speaking(HEARTBEAT), pauses=pauses):
        until(lambda: pauses.resets == 2, what="the fourth connection")

    assert pauses.asked[1] >= 1.0  # the second failure in a row
    assert pauses.asked[2] <= 1.0  # the first after a good connection


def test_no_pause_is_longer_than_a_minute_and_no_two_clients_keep_step() -> None:
    pauses = Pauses()
    long_ones = [pauses.next() for _ in range(50)][10:]

    assert all(30 <= pause <= 60 for pause in long_ones)
    assert len(set(long_ones)) > 30


def test_the_token_is_in_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard()
    with caplog.at_level(logging.DEBUG), connected(heard, refusing(403), leaving(), speaking(HEARTBEAT)):
        until(lambda: True in heard.health, what="the connection that works")

    assert caplog.records
    assert not any("acc/tok" in line or "acc%2Ftok" in line for line in caplog.messages)


def test_a_listener_that_fails_hears_that_the_stream_is_down() -> None:
    class Failing(Heard):
        def wanted(self) -> frozenset[Symbol]:
            raise RuntimeError("a bug of ours")

    heard, stop = Failing(), threading.Event()
    with ScriptedSocket(speaking(HEARTBEAT)) as kite:
        stream = KiteStream(kite.root, TOKEN, number_of=lambda *_: None, clock=SystemClock())
        with pytest.raises(RuntimeError):
            stream.run(stop, heard)

    assert heard.health == [False]


@pytest.mark.parametrize("token", ["apikey", "apikey:", ":acc", "a b:c"])
def test_a_damaged_token_is_refused_before_any_connection(token: str) -> None:
    with pytest.raises(ValueError, match="api_key:access_token"):
        KiteStream("ws://127.0.0.1:1", token, number_of=lambda *_: None, clock=SystemClock())


def test_the_default_address_is_kites() -> None:
    assert module.WS_ROOT == "wss://ws.kite.trade"
    assert struct.calcsize(">H") == 2
