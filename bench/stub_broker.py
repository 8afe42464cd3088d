"""A stub of Kite's order API that is much faster than what is measured against it.

    python -m bench.stub_broker PORT LATENCY_MS

One asyncio thread, HTTP/1.1 keep-alive without a framework, books per account by the Authorization
header, every broker call answered LATENCY_MS after it came. It has no rate limit and no session:
correctness is tested against `simulator`, this is only for timing. Routes below /bench/ are for the
measurer and have no latency.
"""

import asyncio
import gc
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from bench.push import push_body, send_push
from bench.stub_books import Books, NoSuchOrder, exchange_time, success

_encode = msgspec.json.Encoder().encode
_EMPTY = success(b"[]")
_MISSING = b'{"status":"error","error_type":"GeneralException","message":"no such order"}'


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: str
    token: str
    body: bytes

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass(slots=True)
class Seen:
    """What the measurer asks about; times are CLOCK_MONOTONIC, the same in every process."""

    calls: Counter[str] = field(default_factory=Counter)
    placed: list[dict[str, Any]] = field(default_factory=list)
    pushes: dict[str, float] = field(default_factory=dict)  # order id -> when its push left
    push_answers: dict[str, str] = field(default_factory=dict)  # order id -> what became of its push
    first_reads: dict[str, float] = field(default_factory=dict)  # token -> its first book read


class StubBroker:
    """Routes requests to the books."""

    def __init__(self, latency_seconds: float) -> None:
        self.latency = latency_seconds
        self.books = Books()
        self.seen = Seen()
        self._still = True
        self._tasks: set[asyncio.Task[None]] = set()

    def answer(self, request: Request) -> tuple[bytes, float]:
        """Return the whole HTTP answer and after how many seconds to give it."""
        try:
            if request.path.startswith("/bench/"):
                return _http(200, self._measurer(request)), 0.0
            return _http(200, self._kite(request)), self.latency
        except NoSuchOrder:
            return _http(400, _MISSING), self.latency

    def _kite(self, request: Request) -> bytes:
        first = request.path.split("/", 2)[1]
        self.seen.calls[f"{request.method} /{first}"] += 1
        match first:
            case "orders":
                return self._orders(request)
            case "trades":
                return self.books.of(request.token).trades.answer()
            case "portfolio" if request.path.endswith("positions"):
                return self.books.of(request.token).positions_answer()
            case "quote":
                return self._quotes(request)
            case "gtt":
                return self._gtts(request)
            case "user":
                return success(_encode({"user_id": request.token}))
        return _EMPTY

    def _orders(self, request: Request) -> bytes:
        book = self.books.of(request.token)
        order_id = request.path.rpartition("/")[2]
        match request.method:
            case "GET":
                self.seen.first_reads.setdefault(request.token, time.monotonic())
                return book.orders.answer()
            case "POST":
                order_id = self._placed(request)
            case "PUT":
                book.modify(order_id, request.form())
            case "DELETE":
                book.cancel(order_id)
        return success(b'{"order_id":"' + order_id.encode() + b'"}')

    def _placed(self, request: Request) -> str:
        arrived = time.monotonic()
        row = self.books.place(request.token, request.form())
        told = {name: row[name] for name in ("order_id", "tag", "transaction_type", "tradingsymbol")}
        self.seen.placed.append(told | {"at": arrived, "token": request.token})
        order_id: str = row["order_id"]
        return order_id

    def _gtts(self, request: Request) -> bytes:
        book = self.books.of(request.token)
        trigger_id = request.path.rpartition("/")[2]
        match request.method:
            case "GET":
                return book.gtts.answer()
            case "POST":
                trigger_id = self.books.place_gtt(request.token, request.form())
            case "PUT":
                book.put_gtt(trigger_id, request.form())
            case "DELETE":
                book.delete_gtt(trigger_id)
        return success(b'{"trigger_id":' + trigger_id.encode() + b"}")

    def _quotes(self, request: Request) -> bytes:
        price, at = self._price(), exchange_time()
        quote = {
            "last_price": price,
            "timestamp": at,
            "depth": {"buy": [{"price": price - 0.05}], "sell": [{"price": price + 0.05}]},
            "lower_circuit_limit": 450,
            "upper_circuit_limit": 550,
        }
        encoded = _encode(quote)
        names = [value for name, value in parse_qsl(request.query) if name == "i"]
        return success(b"{" + b",".join(b'"%s":%s' % (name.encode(), encoded) for name in names) + b"}")

    def _price(self) -> float:
        if self._still:
            return 500.0
        return 500.0 + (int(time.time()) % 20) * 0.05  # moves every second, never near a stop or target

    def _measurer(self, request: Request) -> bytes:
        wish = msgspec.json.decode(request.body) if request.body else {}
        match request.path:
            case "/bench/seen":
                return _encode(self.seen)
            case "/bench/forget":
                self.seen = Seen()
            case "/bench/place":
                for order in wish:
                    self._seed(**order)
            case "/bench/fill":
                for order_id in wish["order_ids"]:
                    self.books.holder(order_id).fill(order_id)
            case "/bench/fill_and_push":
                self._fill_and_push(**wish)
            case "/bench/market":
                self._still = wish["still"]
        return b"{}"

    def _seed(self, order_id: str, token: str, form: Mapping[str, str], *, filled: bool) -> None:
        self.books.place(token, form, order_id=order_id)
        if filled:
            self.books.holder(order_id).fill(order_id)

    def _fill_and_push(self, order_id: str, url: str, api_secret: str) -> None:
        row = self.books.holder(order_id).fill(order_id)
        body = push_body(row, api_secret=api_secret)
        self.seen.pushes[order_id] = time.monotonic()
        task = asyncio.get_running_loop().create_task(self._push(order_id, url, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _push(self, order_id: str, url: str, body: bytes) -> None:
        self.seen.push_answers[order_id] = await send_push(url, body)


class Connection(asyncio.Protocol):
    """One keep-alive connection; one request at a time, as our clients do."""

    def __init__(self, answer: Callable[[Request], tuple[bytes, float]]) -> None:
        self._answer = answer
        self._buffer = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # narrows: TCP always is one
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        headers = _headers(head)
        length = int(headers.get(b"content-length", b"0"))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        answer, wait = self._answer(_request(head, headers, rest[:length]))
        if wait:
            self._loop.call_later(wait, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


def _headers(head: bytes) -> dict[bytes, bytes]:
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in lines}


def _request(head: bytes, headers: Mapping[bytes, bytes], body: bytes) -> Request:
    method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
    parts = urlsplit(target)
    token = headers.get(b"authorization", b"").decode()
    return Request(method, parts.path, parts.query, token, body)


def _http(status: int, body: bytes) -> bytes:
    return (
        b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % (status, len(body))
        + body
    )


async def serve(port: int, latency_seconds: float) -> None:
    """Serve until the process is ended."""
    broker = StubBroker(latency_seconds)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(broker.answer), "127.0.0.1", port, backlog=512)
    gc.freeze()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
