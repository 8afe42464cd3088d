"""Where outbound webhooks may go: what is refused before a byte leaves, and what is connected to."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.outbound_http import AddressRefused, NotDelivered, OutboundHttp, is_public
from tests.receiver import Receiver, a_receiver
from tests.scripted_server import ANSWER_OK, Peer, ScriptedServer, serve
from utils.config import OutboundLeave

ALL = frozenset(OutboundLeave)
HERE = frozenset({OutboundLeave.PRIVATE, OutboundLeave.HTTP})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with a_receiver() as receiver:
        yield receiver


class Names:
    """Names that have other addresses at every question, as a rebinding attacker's do."""

    def __init__(self, *answers: list[str]) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self._answers.pop(0)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),  # where clouds keep their machines' credentials
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104  # an address to refuse
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::7f00:1", False),  # 127.0.0.1 through NAT64
        ("64:ff9b::5db8:d70e", True),
        ("2002:7f00:1::", False),  # 127.0.0.1 through 6to4
        ("not an address", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "ftp://example.com/hook",
        "file:///etc/passwd",
        "https:///hook",
        "https://user:word@example.com/hook",
        "https://example.com/hook#part",
        "https://example.com:0/hook",
        "https://example.com:99999/hook",
        "https://ex ample.com/hook",
        "https://example.com/h\u00f6ok",
        "https://example.com/hook\r\nX-Evil: 1",
        "example.com/hook",
        "https://10.0.0.1/hook",
        "https://[::1]/hook",
        "",
    ],
)
def test_an_address_that_is_not_plain_https_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        OutboundHttp().check(url)


def test_a_setting_allows_private_addresses() -> None:
    OutboundHttp(allow=frozenset({OutboundLeave.PRIVATE})).check("https://10.0.0.1/hook")


def test_a_setting_allows_http() -> None:
    OutboundHttp(allow=frozenset({OutboundLeave.HTTP})).check("http://example.com/hook")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]"])
def test_this_machine_is_refused_however_it_is_written(receiver: Receiver, host: str) -> None:
    http = OutboundHttp(allow=frozenset({OutboundLeave.HTTP}))

    with pytest.raises(AddressRefused):
        http.post(receiver.root.replace("127.0.0.1", host), b"{}", headers={})

    assert receiver.requests == []


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    names = Names(["93.184.215.14", "10.0.0.1"])

    with pytest.raises(AddressRefused, match="is at 10"):
        OutboundHttp(resolve=names).post("https://example.com/hook", b"{}", headers={})


def test_the_connection_goes_to_the_address_that_was_checked_and_the_name_is_asked_once(
    receiver: Receiver,
) -> None:
    port = receiver.root.rpartition(":")[2]
    names = Names(["127.0.0.1"], ["127.9.9.9"])

    reply = OutboundHttp(allow=HERE, resolve=names).post(
        f"http://rebind.test:{port}/hook?a=1", b"{}", headers={"X-Test": "yes"}
    )

    assert reply.status == 204
    assert names.asked == ["rebind.test"]
    came = receiver.requests[0]
    assert (came.path, came.headers["host"], came.headers["x-test"], came.body) == (
        "/hook?a=1",
        f"rebind.test:{port}",
        "yes",
        b"{}",
    )


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers.append((307, {"Location": f"{receiver.root}/elsewhere"}))

    reply = OutboundHttp(allow=HERE).post(f"{receiver.root}/hook", b"{}", headers={})

    assert reply.status == 307
    assert [came.path for came in receiver.requests] == ["/hook"]


def test_a_setting_allows_redirects_and_each_hop_is_checked(receiver: Receiver) -> None:
    port = receiver.root.rpartition(":")[2]
    receiver.answers.append((308, {"Location": "/elsewhere"}))
    receiver.answers.append((307, {"Location": f"http://second.test:{port}/last"}))
    names = Names(["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"])

    reply = OutboundHttp(allow=ALL, resolve=names).post(f"http://first.test:{port}/hook", b"1", headers={})

    assert reply.status == 204
    assert [(came.path, came.body) for came in receiver.requests] == [
        ("/hook", b"1"),
        ("/elsewhere", b"1"),
        ("/last", b"1"),
    ]
    assert names.asked == ["first.test", "first.test", "second.test"]


def test_a_redirect_that_would_lose_the_body_is_not_followed(receiver: Receiver) -> None:
    receiver.answers.append((302, {"Location": "/elsewhere"}))

    assert OutboundHttp(allow=ALL).post(f"{receiver.root}/hook", b"{}", headers={}).status == 302


def test_redirects_in_a_circle_end(receiver: Receiver) -> None:
    receiver.answers.extend([(307, {"Location": "/hook"})] * 9)

    with pytest.raises(NotDelivered, match="redirects"):
        OutboundHttp(allow=ALL).post(f"{receiver.root}/hook", b"{}", headers={})


@pytest.mark.parametrize(
    ("header", "wait"), [("7", 7), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", None)]
)
def test_the_wait_that_is_asked_for_is_told(receiver: Receiver, header: str, wait: int | None) -> None:
    receiver.answers.append((429, {"Retry-After": header}))

    reply = OutboundHttp(allow=HERE).post(f"{receiver.root}/hook", b"{}", headers={})

    assert reply.retry_after == (None if wait is None else timedelta(seconds=wait))


def drip(peer: Peer) -> None:
    peer.read_request()
    peer.drip(b"HTTP/1.1 200 OK\r\n" + b"X" * 1000, every=0.05)


def hang(peer: Peer) -> None:
    peer.read_request()
    peer.hang()


def leave(peer: Peer) -> None:
    peer.read_request()
    peer.reset()


@pytest.mark.parametrize("script", [drip, hang, leave])
def test_no_whole_answer_in_time_is_no_delivery(script: object) -> None:
    with ScriptedServer(script) as server:  # type: ignore[arg-type]  # the three above are scripts
        http = OutboundHttp(allow=HERE, answer_seconds=0.3)
        with pytest.raises(NotDelivered):
            http.post(f"{server.root}/hook", b"{}", headers={})


@pytest.mark.parametrize("host", ["nowhere.invalid", "x" * 70 + ".test"])
def test_a_name_without_an_address_is_no_delivery(host: str) -> None:
    def unknown(host: str, port: int) -> list[str]:
        host.encode("idna")
        raise OSError("no such name")

    with pytest.raises(NotDelivered, match="no address"):
        OutboundHttp(resolve=unknown).post(f"https://{host}/hook", b"{}", headers={})


def test_the_certificate_must_be_the_names_although_the_address_is_connected_to(tmp_path: Path) -> None:
    tls, ca_file = _certificate_of("hooks.test", tmp_path)
    with ScriptedServer(serve(ANSWER_OK), tls=tls) as server:
        port = server.address.rpartition(":")[2]
        http = OutboundHttp(
            allow=frozenset({OutboundLeave.PRIVATE}), resolve=lambda *_: ["127.0.0.1"], ca_file=ca_file
        )

        assert http.post(f"https://hooks.test:{port}/hook", b"{}", headers={}).status == 200
        with pytest.raises(NotDelivered, match="SSLError"):
            http.post(f"https://other.test:{port}/hook", b"{}", headers={})


def _certificate_of(host: str, folder: Path) -> tuple[ssl.SSLContext, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    pem = serialization.Encoding.PEM
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, str(file)
