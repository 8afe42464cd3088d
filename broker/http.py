"""The wire to a broker: warm connections, a time-out on every call, requests' errors made ours.

It uses requests' transport adapter without its Session. What a Session adds (cookies, redirects, proxies
and .netrc from the environment) must not touch an order, and costs more than the rest of the call.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode

import msgspec
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError, SSLError
from urllib3.util.retry import Retry

from broker.base import NotSent, OutcomeUnknown, RateLimited, ReadFailed
from broker.limiter import AccountLimiter, BudgetUse, Lane, SlidingLimit
from utils.metrics import BROKER_ANSWERS
from utils.timed_http import TimedResponse

CONNECT_SECONDS = 2.0
POOLED_CONNECTIONS = 5  # four for the account's commands, one for its reads
MAX_ANSWER_BYTES = 16 * 1024 * 1024  # a book of 5,000 orders is about 5 MB
MAX_FILE_BYTES = 128 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
MAX_RETRY_AFTER_SECONDS = 60
DEFAULT_RETRY_AFTER = timedelta(seconds=1)
# A read of several books that gave up at the last of them would have spent its calls for nothing.
READ_PATIENCE = timedelta(seconds=2)

_FORM_TYPE = "application/x-www-form-urlencoded"
_JSON_TYPE = "application/json"
Fields = Mapping[str, str] | Sequence[tuple[str, str]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole HTTP answer, whatever its code; body after content decoding."""

    status: int
    body: bytes
    retry_after: timedelta | None = None

    def decoded(self, decoder: "msgspec.json.Decoder[T]") -> T | None:
        """Return the body as what it should be; None when it is anything else (a proxy's HTML, nothing)."""
        try:
            return decoder.decode(self.body)
        except (ValueError, RecursionError):
            return None


class BrokerSession:
    """One account's connections to one broker, and its rate limit. Thread-safe."""

    def __init__(
        self,
        root: str,
        headers: Mapping[str, str],
        *,
        limiter: AccountLimiter,
        timeout_seconds: float,
        stops_when_throttled: bool = False,
    ) -> None:
        """Open nothing yet. root is the base address; timeout_seconds bounds each whole answer.

        stops_when_throttled sends nothing more after a 429 until the broker's wait is over, exits neither:
        for a broker that locks out who goes on.
        Raises ValueError when root or a header cannot be sent: a wrong setting, or a damaged token.
        """
        self._root = root.rstrip("/")
        self._limiter = limiter
        self._stops_when_throttled = stops_when_throttled
        self._closed = threading.Event()
        self._timeout = (min(CONNECT_SECONDS, timeout_seconds), timeout_seconds)
        self._template = requests.Request("GET", self._root, headers=dict(headers)).prepare()
        self._template.headers.setdefault("User-Agent", "openbracket")
        self._template.headers.setdefault("Accept", "*/*")
        self._template.headers.setdefault("Accept-Encoding", "gzip, deflate")
        self._adapter = _Adapter(
            pool_connections=1, pool_maxsize=POOLED_CONNECTIONS, max_retries=_Once(0, read=False)
        )

    def write(
        self,
        method: Literal["POST", "PUT", "PATCH", "DELETE"],
        path: str,
        *,
        lane: Lane,
        form: Fields = (),
        json: bytes = b"",
    ) -> Answer:
        """Send one request that changes something, once; its body is a form, or JSON already encoded.

        Raises RateLimited or NotSent when no byte left, OutcomeUnknown when one may have.
        """
        self._limiter.acquire(lane)
        request = self._prepared(method, path, form=form, json=json)
        try:
            return self._exchange(request)
        except (OSError, HTTPError) as exc:
            if _never_left(exc):
                raise NotSent(f"{method} {_shown(path)} was not sent: {_words(exc)}") from exc
            raise OutcomeUnknown(f"{method} {_shown(path)} may have arrived: {_words(exc)}") from exc

    def read(
        self,
        path: str,
        *,
        lane: Lane = Lane.READ,
        params: Fields = (),
        own_limit: SlidingLimit | None = None,
    ) -> Answer:
        """Send one GET; waits a little for room in our own rate limits, but never for a quote.

        own_limit is a page's own, where a broker counts each page apart.
        Raises ReadFailed when there is no whole answer, or no room.
        """
        try:
            self._take_room(lane, own_limit)
            return self._exchange(self._prepared("GET", path, params=params))
        except (OSError, HTTPError, RateLimited) as exc:
            raise ReadFailed(f"GET {_shown(path)} failed: {_words(exc)}") from exc

    def ask(self, path: str, *, lane: Lane, json: bytes) -> Answer:
        """Send one POST that only asks; as `read` otherwise. Raises ReadFailed."""
        try:
            self._take_room(lane)
            return self._exchange(self._prepared("POST", path, json=json))
        except (OSError, HTTPError, RateLimited) as exc:
            raise ReadFailed(f"POST {_shown(path)} failed: {_words(exc)}") from exc

    def download(self, path: str, *, lane: Lane = Lane.READ) -> "Download":
        """Send one GET for a file that is too long to be held whole. Raises ReadFailed; to be closed."""
        try:
            self._take_room(lane)
            request = self._prepared("GET", path)
            return Download(path, self._adapter.send(request, stream=True, timeout=self._timeout))
        except (OSError, HTTPError, RateLimited) as exc:
            raise ReadFailed(f"GET {_shown(path)} failed: {_words(exc)}") from exc

    def authorize(self, authorization: str, *, header: str = "Authorization") -> None:
        """Send another token, in this header, from the next call on. Raises ValueError for a damaged one."""
        self.identify({header: authorization})

    def identify(self, headers: Mapping[str, str]) -> None:
        """Send these headers, all at once, from the next call on. Raises ValueError for damaged ones."""
        template = self._template.copy()
        template.headers.update(requests.Request("GET", self._root, headers=dict(headers)).prepare().headers)
        self._template = template  # one assignment: a call under way keeps the request it was made with

    def rate_use(self) -> tuple[BudgetUse, ...]:
        """Return what is used of the account's rate limits."""
        return self._limiter.use()

    def count_sent(self, ages: Sequence[timedelta]) -> None:
        """Count orders that went out so long ago against the account's rate limits."""
        self._limiter.count_sent(ages)

    def close(self) -> None:
        """Close the idle connections; nobody waits for room any more."""
        self._closed.set()
        self._adapter.close()

    def _take_room(self, lane: Lane, own_limit: SlidingLimit | None = None) -> None:
        left = timedelta(0) if lane is Lane.QUOTE else READ_PATIENCE
        while True:
            try:
                if own_limit is not None:
                    own_limit.acquire()
                self._limiter.acquire(lane)
            except RateLimited as exc:
                left -= exc.retry_after
                if left < timedelta(0) or self._closed.wait(exc.retry_after.total_seconds()):
                    raise
            else:
                return

    def _prepared(
        self, method: str, path: str, *, form: Fields = (), json: bytes = b"", params: Fields = ()
    ) -> requests.PreparedRequest:
        request = self._template.copy()
        request.method = method
        request.url = f"{self._root}{path}?{urlencode(params)}" if params else self._root + path
        if form:
            request.body = urlencode(form).encode("ascii")
            request.headers["Content-Type"] = _FORM_TYPE
        elif json:
            request.body, request.headers["Content-Type"] = json, _JSON_TYPE
        if method != "GET":
            request.headers["Content-Length"] = str(len(request.body or b""))
        return request

    def _exchange(self, request: requests.PreparedRequest) -> Answer:
        response = self._adapter.send(request, stream=True, timeout=self._timeout)
        try:
            body = response.raw.read(MAX_ANSWER_BYTES + 1, decode_content=True)
        finally:
            # After a whole answer the connection is back in the pool and this touches nothing. After
            # half of one it must not be used again: the next call would read this call's answer.
            response.raw.close()
        BROKER_ANSWERS.labels(_status_word(response.status_code)).inc()
        if len(body) > MAX_ANSWER_BYTES:
            raise HTTPError(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        answer = Answer(
            status=response.status_code,
            body=body,
            retry_after=_retry_after(response.headers),
        )
        if answer.status == 429 and self._stops_when_throttled:
            self._limiter.hold(answer.retry_after or DEFAULT_RETRY_AFTER)
        return answer


class Download:
    """A long answer, read as it comes; a context manager."""

    def __init__(self, path: str, response: requests.Response) -> None:
        self._path = path
        self._response = response
        self.status = response.status_code

    def __enter__(self) -> "Download":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._response.raw.close()

    def lines(self, progress: Callable[[int], None], *, end: bytes = b"\n") -> Iterator[bytes]:
        """Yield line after line, without their ends; progress hears how many bytes have come.

        end is what ends a line, for a file that is written as one long line.
        Raises ReadFailed when it breaks off, so that nobody takes half a file for all of it.
        """
        rest = b""
        for piece in self.pieces(progress):
            *whole, rest = (rest + piece).split(end)
            yield from whole
        if rest:
            yield rest

    def pieces(self, progress: Callable[[int], None]) -> Iterator[bytes]:
        """Yield the file as it comes, for one that has no lines; otherwise as `lines`."""
        count = 0
        for chunk in self._chunks():
            count += len(chunk)
            progress(count)
            yield chunk

    def short_answer(self) -> Answer:
        """Return the answer as one that is not the file: a refusal. Raises ReadFailed."""
        body = b"".join(islice(self._chunks(), 2))
        return Answer(status=self.status, body=body)

    def _chunks(self) -> Iterator[bytes]:
        total = 0
        try:
            for chunk in self._response.raw.stream(CHUNK_BYTES, decode_content=True):
                total += len(chunk)
                if total > MAX_FILE_BYTES:
                    raise HTTPError(f"the file is longer than {MAX_FILE_BYTES} bytes")
                yield chunk
        except (OSError, HTTPError) as exc:
            raise ReadFailed(f"GET {_shown(self._path)} broke off: {_words(exc)}") from exc


class Counted:
    """Tells the bytes of one file on top of those that came before."""

    def __init__(self, before: int, progress: Callable[[int], None]) -> None:
        self._before = self.total = before
        self._progress = progress

    def __call__(self, count: int) -> None:
        self.total = self._before + count
        self._progress(self.total)


def _never_left(exc: Exception) -> bool:
    # Only establishing a connection fails this way, by time-out, refusal, name or handshake.
    cause = exc.args[0] if isinstance(exc, requests.ConnectionError) and exc.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, ConnectTimeoutError)


def _shown(path: str) -> str:
    return path.partition("?")[0]  # a login's query holds secrets, and these words are logged and answered


def _status_word(status: int) -> str:
    return "429" if status == 429 else f"{status // 100}xx"


def _words(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}"[:300]


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    milliseconds = _digits(headers.get("X-Retry-After-Ms"))  # the finer of the two, where a broker has it
    seconds = _digits(headers.get("Retry-After")) if milliseconds is None else milliseconds / 1000
    return None if seconds is None else timedelta(seconds=min(seconds, MAX_RETRY_AFTER_SECONDS))


def _digits(header: str | None) -> int | None:
    if header is None or not header.isascii() or not header.isdigit():
        return None  # the form with a date is not worth a parser: the caller has a default
    return int(header[:9])


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class _Once(Retry):
    """No retry; and urllib3's words for the failure, which repeat the address, come without its query."""

    def increment(
        self, method: str | None = None, url: str | None = None, *args: Any, **kwargs: Any
    ) -> "_Once":
        return super().increment(method, None if url is None else _shown(url), *args, **kwargs)


class _Connection(HTTPConnection):
    response_class = TimedResponse


class _TlsConnection(HTTPSConnection):
    response_class = TimedResponse

    def connect(self) -> None:
        # requests reports a handshake that hangs as a read time-out and a bad certificate like a
        # broken stream. Both come before the first byte of the request: nothing was sent.
        try:
            super().connect()
        except (OSError, SSLError) as exc:
            raise NewConnectionError(self, f"TLS connection failed: {exc}") from exc


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection  # pyright: ignore[reportAssignmentType]  # urllib3's stub lacks a field


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection  # pyright: ignore[reportAssignmentType]  # the same
