"""The load generator: keep-alive clients on raw sockets, in a process of their own.

    python -m bench.load < request.json > result.json

Closed: every client sends, waits for the answer, sends again. Open (per_second given): requests are
due at fixed times whoever is free, and latency counts from when a request was due, so that a slow
server cannot slow its own measurement down.
"""

import itertools
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from scripts.service_process import PROJECT

_ANSWER_SECONDS = 15.0


class Target(msgspec.Struct, kw_only=True):
    """Where one of the requests goes, and its JSON."""

    path: str
    body: dict[str, Any]


class LoadRequest(msgspec.Struct, kw_only=True):
    """Targets are used in turn; `unique` names a field that gets a new text in every request."""

    port: int
    targets: list[Target]
    clients: int
    seconds: float
    per_second: float | None = None
    unique: str | None = None
    mark: str = "load"  # the beginning of those texts


class LoadResult(msgspec.Struct, kw_only=True):
    """latencies are milliseconds, of all answers; cpu_share is the generator's own, of one core."""

    latencies: list[float]
    statuses: dict[str, int]
    seconds: float
    cpu_share: float
    strange: str = ""  # the first answer that was not a 200

    @property
    def throughput(self) -> float:
        return self.statuses.get("200", 0) / self.seconds

    def percentile(self, percent: float) -> float:
        return percentile(self.latencies, percent)


def percentile(values: list[float], percent: float) -> float:
    """Return the value that `percent` of the values do not exceed; nan of none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def generate(request: LoadRequest) -> LoadResult:
    """Run a load in a process of its own and return what it measured."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        cwd=PROJECT,
        input=msgspec.json.encode(request),
        capture_output=True,
        check=False,
        timeout=request.seconds + 60,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the load generator failed: {done.stderr.decode()[-2000:]}")
    return msgspec.json.decode(done.stdout, type=LoadResult)


class _Client:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host = f"127.0.0.1:{port}"

    def post(self, path: str, body: bytes) -> tuple[str, bytes]:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + body)
        return self._answer()

    def _answer(self) -> tuple[str, bytes]:
        buffer = b""
        while b"\r\n\r\n" not in buffer:
            buffer += self._received()
        head, _, body = buffer.partition(b"\r\n\r\n")
        lowered = head.lower()
        at = lowered.index(b"content-length:") + 15
        length = int(lowered[at:].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += self._received()
        return head[9:12].decode(), body

    def _received(self) -> bytes:
        got = self._socket.recv(65536)
        if not got:
            raise ConnectionError("the server closed the connection")
        return got


class _Run:
    """One load, shared by its clients' threads."""

    def __init__(self, request: LoadRequest) -> None:
        self._request = request
        self._numbers = itertools.count()
        self._bodies = [msgspec.json.encode(target.body) for target in request.targets]
        self._lock = threading.Lock()
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.strange = ""

    def result(self) -> LoadResult:
        threads = [threading.Thread(target=self._client) for _ in range(self._request.clients)]
        used, self._began = time.process_time(), time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - self._began
        return LoadResult(
            latencies=self.latencies,
            statuses=dict(self.statuses),
            seconds=seconds,
            cpu_share=(time.process_time() - used) / seconds,
            strange=self.strange,
        )

    def _client(self) -> None:
        client = _Client(self._request.port)
        for number, due in self._schedule():
            path, body = self._made(number)
            try:
                status, answer = client.post(path, body)
            except OSError as exc:
                status, answer = type(exc).__name__, str(exc).encode()
                client = _Client(self._request.port)
            self._note(status, answer, (time.perf_counter() - due) * 1000)

    def _schedule(self) -> Iterator[tuple[int, float]]:
        request = self._request
        ends = self._began + request.seconds
        for number in self._numbers:
            now = time.perf_counter()
            due = now if request.per_second is None else self._began + number / request.per_second
            if due >= ends:
                return
            if due > now:
                time.sleep(due - now)
            yield number, due

    def _made(self, number: int) -> tuple[str, bytes]:
        request = self._request
        turn = number % len(request.targets)
        target = request.targets[turn]
        if request.unique is None:
            return target.path, self._bodies[turn]
        return target.path, msgspec.json.encode(target.body | {request.unique: f"{request.mark}-{number}"})

    def _note(self, status: str, answer: bytes, milliseconds: float) -> None:
        with self._lock:
            self.latencies.append(milliseconds)
            self.statuses[status] += 1
            if status != "200" and not self.strange:
                self.strange = f"{status}: {answer[:300].decode(errors='replace')}"


if __name__ == "__main__":
    wanted = msgspec.json.decode(sys.stdin.buffer.read(), type=LoadRequest)
    sys.stdout.buffer.write(msgspec.json.encode(_Run(wanted).result()))
