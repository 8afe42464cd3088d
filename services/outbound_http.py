"""POST to an address somebody gave us, without becoming their way into our network.

The name is resolved once, every address it has is checked, and the connection goes to a checked one: a
name that answers differently a moment later (DNS rebinding) changes nothing. Cookies, proxies, .netrc and
redirects play no part.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import SplitResult, urljoin, urlsplit

import certifi
from urllib3 import Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from utils.config import OutboundLeave
from utils.timed_http import TimedResponse

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0

_MOST_REDIRECTS = 3
_KEEPS_METHOD = (307, 308)  # the others would make a GET of it
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Resolve = Callable[[str, int], Sequence[str]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(Exception):
    """We do not send there; the sentence says why and which setting would allow it."""


class NotDelivered(Exception):
    """There was no whole answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer's status, and how long it asks us to wait. Its body is not read."""

    status: int
    retry_after: timedelta | None


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses a name has now. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundHttp:
    """Posts to https addresses on the public internet, and to what `allow` adds."""

    allow: frozenset[OutboundLeave] = frozenset()
    resolve: Resolve = resolve
    ca_file: str = field(default_factory=certifi.where)
    answer_seconds: float = ANSWER_SECONDS

    def check(self, url: str) -> None:
        """Look at an address without asking for the name. Raises AddressRefused."""
        host = str(self._parts(url).hostname)
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return  # a name: what it stands for is looked at with each attempt
        self._refuse_private(host, [host])

    def post(self, url: str, body: bytes, *, headers: Mapping[str, str]) -> Reply:
        """Post once. Raises AddressRefused when nothing was sent, NotDelivered without a whole answer."""
        for _ in range(_MOST_REDIRECTS + 1):
            reply, location = self._post(url, body, headers)
            if location is None or OutboundLeave.REDIRECTS not in self.allow:
                return reply
            url = urljoin(url, location)
        raise NotDelivered(f"more than {_MOST_REDIRECTS} redirects")

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[Reply, str | None]:
        parts = self._parts(url)
        host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
        pool = self._pool(parts, self._checked_address(host, port), port)
        sent = {**headers, "Host": parts.netloc}
        try:
            answer = pool.urlopen(
                "POST",
                f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}",
                body=body,
                headers=sent,
                retries=False,
                redirect=False,
                preload_content=False,
                assert_same_host=False,
            )
            answer.close()
        except (HTTPError, OSError) as exc:
            raise NotDelivered(f"{type(exc).__name__}: {exc}"[:300]) from exc
        finally:
            pool.close()
        location = answer.headers.get("Location") if answer.status in _KEEPS_METHOD else None
        return Reply(status=answer.status, retry_after=_seconds(answer.headers.get("Retry-After"))), location

    def _parts(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as exc:
            raise AddressRefused(f"{url} is not an address: {exc}") from exc
        is_plain = re.fullmatch("[!-~]+", url) is not None
        if not is_plain or parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
            raise AddressRefused(f"{url} is not an address such as https://example.com/hook")
        if parts.username is not None or parts.fragment:
            raise AddressRefused("the address must not hold a user, a password or a fragment")
        if parts.scheme == "http" and OutboundLeave.HTTP not in self.allow:
            words = "is not asked over https: OUTBOUND_WEBHOOKS_ALLOW=http would allow it"
            raise AddressRefused(f"{parts.hostname} {words}")
        return parts

    def _checked_address(self, host: str, port: int) -> str:
        try:
            found = self.resolve(host, port)
        except (OSError, UnicodeError) as exc:  # UnicodeError: a label that is too long
            raise NotDelivered(f"{host} has no address: {exc}") from exc
        if not found:
            raise NotDelivered(f"{host} has no address")
        self._refuse_private(host, found)
        return found[0]

    def _refuse_private(self, host: str, found: Sequence[str]) -> None:
        if OutboundLeave.PRIVATE in self.allow:
            return
        for text in found:
            if not is_public(text):
                raise AddressRefused(
                    f"{host} is at {text}, which is not public:"
                    " OUTBOUND_WEBHOOKS_ALLOW=private would allow it"
                )

    def _pool(self, parts: SplitResult, address: str, port: int) -> HTTPConnectionPool:
        timeout = Timeout(connect=CONNECT_SECONDS, read=self.answer_seconds)
        if parts.scheme == "http":
            return _Pool(address, port, timeout=timeout)
        # The certificate must be the name's, though the connection goes to the address.
        return _TlsPool(
            address,
            port,
            timeout=timeout,
            cert_reqs="CERT_REQUIRED",
            ca_certs=self.ca_file,
            server_hostname=parts.hostname,
            assert_hostname=parts.hostname,
        )


def is_public(text: str) -> bool:
    """Return whether an IP address is one of the public internet, also when it wraps another one."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(one.is_global and not one.is_multicast for one in (address, *_wrapped(address)))


def _wrapped(address: Address) -> list[ipaddress.IPv4Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return []
    teredo = address.teredo or ()
    nat64 = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
    return [one for one in (address.ipv4_mapped, address.sixtofour, nat64, *teredo) if one is not None]


def _seconds(header: str | None) -> timedelta | None:
    if header is None or not header.isascii() or not header.isdigit():
        return None  # the form with a date is not worth a parser: there is a pause anyway
    return timedelta(seconds=int(header[:6]))


class _Connection(HTTPConnection):
    response_class = TimedResponse


class _TlsConnection(HTTPSConnection):
    response_class = TimedResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection  # pyright: ignore[reportAssignmentType]  # urllib3's stub lacks a field


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection  # pyright: ignore[reportAssignmentType]  # the same
