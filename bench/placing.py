"""Placing: latency and throughput of POST placebracketorder, beside the floor in the same run.

Service and floor take turns (ABAB), the other one at rest, so that the machine's noise hits both.
Each turn has a new service with an empty book: brackets left open would be polled in the floor's turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.floor import FloorProcess
from bench.load import LoadRequest, LoadResult, Target, generate, percentile
from bench.processes import cpu_seconds
from bench.report import Figure, Section
from bench.setting import Setting
from bench.stage import ORDER, SYMBOLS, Stage
from bench.stub_client import StubProcess

ACCOUNTS = 20
_WARM_UP_SECONDS = 1.0
_CLIENTS = (1, 8, 32)
_LATENCY_GOAL = 1.5  # times the floor, at one client
_THROUGHPUT_GOAL = 0.7  # of the floor, at eight clients


@dataclass(slots=True)
class _Turns:
    """All turns of one server at one number of clients."""

    results: list[LoadResult] = field(default_factory=list)
    server_cpu: float = 0.0

    def percentile(self, percent: float) -> float:
        return percentile([one for result in self.results for one in result.latencies], percent)

    @property
    def throughput(self) -> float:
        return sum(result.throughput for result in self.results) / len(self.results)

    @property
    def refused(self) -> int:
        return sum(len(one.latencies) - one.statuses.get("200", 0) for one in self.results)

    @property
    def cpu_per_request(self) -> float:
        """Milliseconds of CPU time the server used for each request."""
        return self.server_cpu * 1000 / max(1, sum(len(one.latencies) for one in self.results))


def measure_placing(setting: Setting) -> Section:
    """Return latency and throughput of ours and of the floor."""
    figures: list[Figure] = []
    notes = [f"{ACCOUNTS} accounts, entries rest unfilled, own account limits widened; floor: see floor_app"]
    with StubProcess(setting.folder, latency_milliseconds=setting.latency) as stub:
        trip = percentile(stub.round_trips(200), 50)
        notes.append(f"stub broker answers after {setting.latency:g} ms; a round trip takes {trip:.2f} ms")
        with FloorProcess(setting.folder, stub_url=stub.url) as floor:
            for clients in _CLIENTS:
                ours, theirs = _Turns(), _Turns()
                for turn in range(setting.turns):
                    place = setting.folder / f"placing-{clients}-{turn}"
                    _our_turn(setting, stub, place, clients=clients, into=ours)
                    _floor_turn(setting, floor, clients=clients, into=theirs)
                figures += _figures(clients, ours, theirs)
                notes += _remarks(clients, ours, theirs)
    return Section(name="Placing", figures=figures, notes=notes)


def _our_turn(setting: Setting, stub: StubProcess, folder: Path, *, clients: int, into: _Turns) -> None:
    stage = Stage(folder, stub_url=stub.url, count=ACCOUNTS, wide_limits=True)
    path = "/api/v1/placebracketorder/"
    targets = [
        Target(path=path, body=ORDER | {"apikey": account.key, "symbol": symbol})
        for symbol in SYMBOLS
        for account in stage.accounts
    ]
    with stage.service as service:
        service.start()
        _run(setting, targets, port=service.port, pid=stage.pid, clients=clients, into=into)


def _floor_turn(setting: Setting, floor: FloorProcess, *, clients: int, into: _Turns) -> None:
    targets = [
        Target(path="/place", body=ORDER | {"apikey": f"key{number}:token", "symbol": SYMBOLS[0]})
        for number in range(ACCOUNTS)
    ]
    _run(setting, targets, port=floor.port, pid=floor.worker_pid, clients=clients, into=into)


def _run(
    setting: Setting, targets: Sequence[Target], *, port: int, pid: int, clients: int, into: _Turns
) -> None:
    request = LoadRequest(port=port, targets=list(targets), clients=clients, seconds=_WARM_UP_SECONDS)
    generate(request)
    used = cpu_seconds(pid)
    request.seconds = setting.turn_seconds
    into.results.append(generate(request))
    into.server_cpu += cpu_seconds(pid) - used


def _figures(clients: int, ours: _Turns, floor: _Turns) -> list[Figure]:
    p50, floor_p50 = ours.percentile(50), floor.percentile(50)
    who = f"{clients} client{'s' if clients > 1 else ''}"
    ratio, share = p50 / floor_p50, 100 * ours.throughput / floor.throughput
    return [
        Figure(name=f"{who}: p50", value=p50, unit="ms"),
        Figure(name=f"{who}: p99", value=ours.percentile(99), unit="ms"),
        Figure(name=f"{who}: placed", value=ours.throughput, unit="/s"),
        Figure(name=f"{who}: floor p50", value=floor_p50, unit="ms"),
        Figure(name=f"{who}: floor p99", value=floor.percentile(99), unit="ms"),
        Figure(name=f"{who}: floor placed", value=floor.throughput, unit="/s"),
        Figure(
            name=f"{who}: p50 to the floor's",
            value=ratio,
            unit="x",
            limit=_LATENCY_GOAL if clients == 1 else None,
            why=_why(ours, floor),
        ),
        Figure(
            name=f"{who}: throughput to the floor's",
            value=share,
            unit="%",
            limit=100 * _THROUGHPUT_GOAL if clients == 8 else None,
            at_least=True,
            why=_why(ours, floor),
        ),
    ]


def _why(ours: _Turns, floor: _Turns) -> str:
    return (
        f"one interpreter's CPU: {ours.cpu_per_request:.2f} ms of it per placement,"
        f" the floor {floor.cpu_per_request:.2f} ms"
    )


def _remarks(clients: int, ours: _Turns, floor: _Turns) -> list[str]:
    share = max(one.cpu_share for one in (*ours.results, *floor.results))
    remarks = [
        f"{clients} client(s): CPU per request {ours.cpu_per_request:.2f} ms, floor"
        f" {floor.cpu_per_request:.2f} ms; load generator at most {100 * share:.0f} % of a core"
    ]
    for name, turns in (("ours", ours), ("floor", floor)):
        if turns.refused:
            strange = next(one.strange for one in turns.results if one.strange)
            remarks.append(f"{clients} client(s), {name}: {turns.refused} NOT placed; first {strange}")
    return remarks
