"""What the wire does to a call, played by a real server: which failures prove that nothing was sent."""

import gzip
import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from broker.base import BrokerError, NotSent, OutcomeUnknown, RateLimited, ReadFailed
from broker.http import Answer, BrokerSession
from broker.limiter import AccountLimiter, Lane, Window
from tests.scripted_server import ANSWER_OK, Peer, ScriptedServer, answer, serve, serve_forever
from utils.clock import SystemClock, elapsed_timer

Open = Callable[..., BrokerSession]
WIDE = (Window(1000, timedelta(seconds=1)),)


@pytest.fixture
def open_session() -> Iterator[Open]:
    opened: list[BrokerSession] = []

    def open_one(
        root: str,
        *,
        timeout_seconds: float = 5.0,
        orders: tuple[Window, ...] = WIDE,
        reads: tuple[Window, ...] = WIDE,
        quotes: tuple[Window, ...] = WIDE,
    ) -> BrokerSession:
        limiter = AccountLimiter(SystemClock(), orders=orders, reads=reads, quotes=quotes)
        headers = {"Authorization": "token key:secretsecret"}
        opened.append(BrokerSession(root, headers, limiter=limiter, timeout_seconds=timeout_seconds))
        return opened[-1]

    yield open_one
    for session in opened:
        session.close()


def post(session: BrokerSession) -> Answer:
    return session.write("POST", "/orders", lane=Lane.ENTRY, form={"tag": "B1"})


def outcome(call: Callable[[], object]) -> type[BrokerError] | None:
    try:
        call()
    except BrokerError as exc:
        assert "secretsecret" not in str(exc)
        return type(exc)
    return None


def refusing_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def spoken(call: Callable[[], object]) -> str:
    """Return the whole traceback of a call that fails."""
    with pytest.raises(BrokerError) as failed:
        call()
    return "".join(traceback.format_exception(failed.value))


# Nothing left


PIN = "not4everybody"


def calls_with_a_secret_in_the_query(session: BrokerSession) -> list[Callable[[], object]]:
    path = f"/login?pin={PIN}"
    return [
        lambda: session.write("POST", path, lane=Lane.EXIT),
        lambda: session.read(path),
        lambda: session.read("/login", params=[("pin", PIN)]),
        lambda: session.ask(path, lane=Lane.READ, json=b"{}"),
        lambda: session.download(path),
    ]


def test_no_failure_repeats_the_query_of_its_address(open_session: Open) -> None:
    with ScriptedServer(close_after_request) as server:
        roots = (f"http://{refusing_address()}", server.root)
        told = [
            spoken(call) for root in roots for call in calls_with_a_secret_in_the_query(open_session(root))
        ]

    assert [words for words in told if PIN in words] == []
    assert all("/login" in words for words in told)


def test_a_refused_connection_proves_that_nothing_was_sent(open_session: Open) -> None:
    session = open_session(f"http://{refusing_address()}")

    assert outcome(lambda: post(session)) is NotSent
    assert outcome(lambda: session.read("/orders")) is ReadFailed


def test_a_name_that_does_not_resolve_proves_that_nothing_was_sent(
    open_session: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unresolved(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unresolved)

    assert outcome(lambda: post(open_session("http://broker.invalid"))) is NotSent


def test_a_connect_time_out_proves_that_nothing_was_sent(open_session: Open) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        fillers = [socket.socket() for _ in range(4)]  # a full queue drops the next SYN
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        session = open_session(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_seconds=0.2)

        assert outcome(lambda: post(session)) is NotSent

        for filler in fillers:
            filler.close()


def test_a_hanging_tls_handshake_proves_that_nothing_was_sent(open_session: Open) -> None:
    with ScriptedServer(Peer.hang) as server:
        session = open_session(f"https://{server.address}", timeout_seconds=0.2)

        assert outcome(lambda: post(session)) is NotSent


def test_a_failed_tls_handshake_proves_that_nothing_was_sent(open_session: Open) -> None:
    with ScriptedServer(lambda peer: peer.send(b"this is not TLS\r\n\r\n" * 9)) as server:
        session = open_session(f"https://{server.address}")

        assert outcome(lambda: post(session)) is NotSent


def test_a_full_rate_limit_keeps_the_request_from_the_wire(open_session: Open) -> None:
    with ScriptedServer(serve_forever(ANSWER_OK)) as server:
        session = open_session(server.root, orders=(Window(1, timedelta(hours=1)),))
        session.write("POST", "/orders", lane=Lane.EXIT)

        assert outcome(lambda: session.write("POST", "/orders", lane=Lane.EXIT)) is RateLimited
        assert len(server.requests) == 1


def test_a_read_waits_for_room_in_our_own_rate_limit(open_session: Open) -> None:
    with ScriptedServer(serve_forever(ANSWER_OK)) as server:
        session = open_session(server.root, reads=(Window(2, timedelta(milliseconds=200)),))

        assert [outcome(lambda: session.read("/orders")) for _ in range(5)] == [None] * 5


@pytest.mark.parametrize(
    ("lane", "window"),
    [(Lane.READ, timedelta(hours=1)), (Lane.QUOTE, timedelta(milliseconds=200))],
    ids=["a read that would wait too long", "a quote: what is known is good enough"],
)
def test_a_read_is_given_up_at_once_where_waiting_is_no_use(
    open_session: Open, lane: Lane, window: timedelta
) -> None:
    with ScriptedServer(serve_forever(ANSWER_OK)) as server:
        session = open_session(server.root, reads=(Window(1, window),), quotes=(Window(1, window),))
        session.read("/orders", lane=lane)

        assert outcome(lambda: session.read("/orders", lane=lane)) is ReadFailed
        assert len(server.requests) == 1


def test_a_session_that_is_closed_lets_nobody_wait_for_room(open_session: Open) -> None:
    with ScriptedServer(serve_forever(ANSWER_OK)) as server:
        session = open_session(server.root, reads=(Window(1, timedelta(seconds=1)),))
        session.read("/orders")
        session.close()

        assert outcome(lambda: session.read("/orders")) is ReadFailed


# It may have arrived


def reset_unread(peer: Peer) -> None:
    peer.await_a_byte()  # sooner, the reset may hit the connecting client: then nothing was sent
    peer.reset()


def reset_after_request(peer: Peer) -> None:
    peer.read_request()
    peer.reset()


def close_after_request(peer: Peer) -> None:
    peer.read_request()


def half_a_body(peer: Peer) -> None:
    peer.read_request()
    peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"status":')


def half_a_chunked_body(peer: Peer) -> None:
    peer.read_request()
    peer.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n{"status":\r\n')


def garbled_chunks(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot-a-size\r\nxx\r\n")


def garbled_status(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"\x16\x03\x01\x00\x00 nonsense\r\n\r\n")


def endless_header(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n")


def gzip_garbage(peer: Peer) -> None:
    peer.read_request()
    peer.send(answer(b"\x1f\x8b\x08 no gzip at all", headers="Content-Encoding: gzip\r\n"))


BROKEN = [
    reset_unread,
    reset_after_request,
    close_after_request,
    half_a_body,
    half_a_chunked_body,
    garbled_chunks,
    garbled_status,
    endless_header,
    gzip_garbage,
]


@pytest.mark.parametrize("script", BROKEN)
def test_a_write_that_breaks_after_connecting_is_unknown_and_never_resent(
    script: Callable[[Peer], None], open_session: Open
) -> None:
    with ScriptedServer(script, serve_forever(ANSWER_OK)) as server:
        assert outcome(lambda: post(open_session(server.root))) is OutcomeUnknown

    assert server.connections == 1


@pytest.mark.parametrize("script", BROKEN)
def test_a_read_that_breaks_is_no_read(script: Callable[[Peer], None], open_session: Open) -> None:
    with ScriptedServer(script, serve_forever(ANSWER_OK)) as server:
        assert outcome(lambda: open_session(server.root).read("/orders")) is ReadFailed


def silent(peer: Peer) -> None:
    peer.read_request()
    peer.hang()


def dripping_header(peer: Peer) -> None:
    peer.read_request()
    peer.drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000, every=0.02)


def dripping_body(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    peer.drip(b"x" * 1000, every=0.02)


def dripping_chunk_size(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    peer.drip(b"0" * 1000, every=0.02)


@pytest.mark.parametrize("script", [silent, dripping_header, dripping_body, dripping_chunk_size])
def test_the_whole_answer_has_one_deadline_however_it_drips(
    script: Callable[[Peer], None], open_session: Open
) -> None:
    with ScriptedServer(script) as server:
        session = open_session(server.root, timeout_seconds=0.3)
        started = elapsed_timer()

        assert outcome(lambda: post(session)) is OutcomeUnknown
        assert elapsed_timer() - started < 2.0


@pytest.mark.parametrize("body", [b"x" * 5000, gzip.compress(b"x" * 5000)], ids=["plain", "gzip"])
def test_an_answer_beyond_the_size_limit_is_not_read_to_its_end(
    body: bytes, open_session: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.http.MAX_ANSWER_BYTES", 1000)
    headers = "Content-Encoding: gzip\r\n" if body.startswith(b"\x1f\x8b") else ""
    with ScriptedServer(serve(answer(body, headers=headers), ANSWER_OK), serve(ANSWER_OK)) as server:
        session = open_session(server.root)

        assert outcome(lambda: session.read("/orders")) is ReadFailed
        assert session.read("/orders").body == b"ok"


def test_the_rest_of_an_answer_too_long_is_never_taken_for_the_next_answer(
    open_session: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.http.MAX_ANSWER_BYTES", 1000)

    def rest_comes_later(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer(b"x" * 5000)[:2000])
        peer.read_request()
        peer.send(answer(b"x" * 5000)[2000:])

    with ScriptedServer(rest_comes_later, serve(ANSWER_OK)) as server:
        session = open_session(server.root)

        assert outcome(lambda: session.read("/orders")) is ReadFailed
        assert session.read("/orders").body == b"ok"


# Over TLS, as in production


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(IPv4Address("127.0.0.1"))
    today = SystemClock().now()
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    unencrypted = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unencrypted) + signed.public_bytes(pem)
    )
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(certificate))


def test_an_untrusted_certificate_proves_that_nothing_was_sent(
    tls: ssl.SSLContext, open_session: Open
) -> None:
    with ScriptedServer(serve(ANSWER_OK), tls=tls) as server:
        assert outcome(lambda: post(open_session(server.root))) is NotSent

    assert server.requests == []


@pytest.mark.usefixtures("trusted")
def test_calls_share_one_warm_tls_connection(tls: ssl.SSLContext, open_session: Open) -> None:
    with ScriptedServer(serve_forever(ANSWER_OK), tls=tls) as server:
        session = open_session(server.root)

        assert [post(session).body for _ in range(3)] == [b"ok"] * 3
        session.close()

    assert server.connections == 1


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("script", [silent, dripping_header, dripping_body])
def test_the_deadline_holds_over_tls(
    script: Callable[[Peer], None], tls: ssl.SSLContext, open_session: Open
) -> None:
    with ScriptedServer(script, tls=tls) as server:
        session = open_session(server.root, timeout_seconds=0.3)
        started = elapsed_timer()

        assert outcome(lambda: post(session)) is OutcomeUnknown
        assert elapsed_timer() - started < 2.0


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("script", [reset_after_request, close_after_request, half_a_body])
def test_a_write_that_breaks_over_tls_is_unknown(
    script: Callable[[Peer], None], tls: ssl.SSLContext, open_session: Open
) -> None:
    with ScriptedServer(script, tls=tls) as server:
        assert outcome(lambda: post(open_session(server.root))) is OutcomeUnknown

    assert server.connections == 1


@pytest.mark.usefixtures("trusted")
def test_a_tls_connection_closed_while_idle_is_not_used_for_an_order(
    tls: ssl.SSLContext, open_session: Open
) -> None:
    closed = threading.Event()

    with ScriptedServer(answer_once_and_leave(closed), serve(ANSWER_OK), tls=tls) as server:
        session = open_session(server.root)
        session.read("/orders")
        assert closed.wait(5)

        assert post(session).body == b"ok"
        session.close()

    assert [request.split()[0] for request in server.requests] == [b"GET", b"POST"]


# Connections


def answer_once_and_leave(closed: threading.Event) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(ANSWER_OK)
        peer.close()
        closed.set()

    return script


def test_calls_share_one_warm_connection(open_session: Open) -> None:
    with ScriptedServer(serve_forever(ANSWER_OK)) as server:
        session = open_session(server.root)

        for _ in range(3):
            assert post(session).body == b"ok"
            session.read("/orders")
        session.close()

    assert server.connections == 1


@pytest.mark.parametrize(
    "whole",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        answer(gzip.compress(b"ok"), headers="Content-Encoding: gzip\r\n"),
    ],
    ids=["chunked", "gzip"],
)
def test_chunked_and_compressed_answers_keep_the_connection(whole: bytes, open_session: Open) -> None:
    with ScriptedServer(serve_forever(whole)) as server:
        session = open_session(server.root)

        assert [post(session).body for _ in range(3)] == [b"ok"] * 3
        session.close()

    assert server.connections == 1


def test_a_connection_the_server_closed_while_idle_is_not_used_for_an_order(open_session: Open) -> None:
    closed = threading.Event()

    with ScriptedServer(answer_once_and_leave(closed), serve(ANSWER_OK)) as server:
        session = open_session(server.root)
        session.read("/orders")
        assert closed.wait(5)

        assert post(session).body == b"ok"
        session.close()

    assert [request.split()[0] for request in server.requests] == [b"GET", b"POST"]


def test_a_connection_closed_on_receipt_of_an_order_leaves_it_unknown(open_session: Open) -> None:
    def answer_once_and_drop_the_second(peer: Peer) -> None:
        peer.read_request()
        peer.send(ANSWER_OK)
        peer.read_request()

    with ScriptedServer(answer_once_and_drop_the_second, serve(ANSWER_OK)) as server:
        session = open_session(server.root)
        session.read("/orders")

        assert outcome(lambda: post(session)) is OutcomeUnknown

    assert len(server.requests) == 2


def test_a_late_answer_is_never_taken_for_the_next_call(open_session: Open) -> None:
    timed_out = threading.Event()

    def answer_late(peer: Peer) -> None:
        peer.read_request()
        timed_out.wait(5)
        peer.send(answer(b"late"))
        peer.read_request()

    with ScriptedServer(answer_late, serve(ANSWER_OK)) as server:
        session = open_session(server.root, timeout_seconds=0.3)
        assert outcome(lambda: post(session)) is OutcomeUnknown
        timed_out.set()

        assert session.read("/orders").body == b"ok"


def test_bytes_after_the_answer_are_never_taken_for_the_next_answer(open_session: Open) -> None:
    mine = answer(b"mine")
    with ScriptedServer(serve(ANSWER_OK + answer(b"surplus"), mine), serve(mine)) as server:
        session = open_session(server.root)

        assert post(session).body == b"ok"
        assert session.read("/orders").body == b"mine"


def test_five_calls_at_once_do_not_wait_for_each_other(open_session: Open) -> None:
    together = threading.Barrier(5)

    def answer_when_all_are_there(peer: Peer) -> None:
        while peer.read_request():
            together.wait(5)
            peer.send(ANSWER_OK)

    with ScriptedServer(answer_when_all_are_there) as server:
        session = open_session(server.root)
        bodies: list[bytes] = []
        for _ in range(2):
            calls = [threading.Thread(target=lambda: bodies.append(post(session).body)) for _ in range(5)]
            for call in calls:
                call.start()
            for call in calls:
                call.join()

    assert bodies == [b"ok"] * 10
    assert server.connections == 5  # the second five found all of them warm


def test_a_redirect_is_an_answer_and_not_followed(open_session: Open) -> None:
    moved = answer(b"", status="307 Temporary Redirect", headers="Location: /elsewhere\r\n")
    with ScriptedServer(serve_forever(moved)) as server:
        assert post(open_session(server.root)).status == 307

    assert len(server.requests) == 1


def test_proxies_of_the_environment_do_not_see_our_calls(
    open_session: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://{refusing_address()}")
    with ScriptedServer(serve(ANSWER_OK)) as server:
        assert post(open_session(server.root)).body == b"ok"


def test_a_retry_after_in_seconds_is_passed_on_within_reason(open_session: Open) -> None:
    limited = [
        answer(b"", status="429 Too Many Requests", headers=f"Retry-After: {value}\r\n")
        for value in ("3", "86400", "Mon, 01 Jan 2035 00:00:00 GMT")
    ]
    with ScriptedServer(serve(*limited)) as server:
        session = open_session(server.root)

        assert [post(session).retry_after for _ in limited] == [
            timedelta(seconds=3),
            timedelta(seconds=60),
            None,
        ]
        session.close()


def test_a_wait_in_milliseconds_counts_before_the_one_in_seconds(open_session: Open) -> None:
    headers = "Retry-After: 1\r\nX-Retry-After-Ms: 350\r\n"
    with ScriptedServer(serve(answer(b"", status="429 Too Many Requests", headers=headers))) as server:
        assert post(open_session(server.root)).retry_after == timedelta(milliseconds=350)


def test_a_body_in_json_goes_out_as_it_is(open_session: Open) -> None:
    with ScriptedServer(serve(ANSWER_OK)) as server:
        open_session(server.root).write("PATCH", "/orders", lane=Lane.EXIT, json=b'{"id":"1"}')

    (request,) = server.requests
    assert request.startswith(b"PATCH /orders HTTP/1.1")
    assert b"Content-Type: application/json" in request
    assert request.endswith(b'\r\n\r\n{"id":"1"}')


def test_after_a_429_nothing_more_is_sent_where_the_broker_locks_out_who_goes_on() -> None:
    refused = answer(b"", status="429 Too Many Requests", headers="Retry-After: 30\r\n")
    limiter = AccountLimiter(SystemClock(), orders=WIDE, reads=WIDE, quotes=WIDE)
    with ScriptedServer(serve(refused, ANSWER_OK)) as server:
        session = BrokerSession(
            server.root, {}, limiter=limiter, timeout_seconds=5.0, stops_when_throttled=True
        )
        post(session)
        with pytest.raises(RateLimited):
            session.write("DELETE", "/orders/1", lane=Lane.EXIT)
        session.close()

    assert len(server.requests) == 1
