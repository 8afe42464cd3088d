"""Peers in one table: the floor, this service embedded, this service clustered; the same load, by turns."""

from bench.cluster import placed, placing_targets
from bench.cluster_stage import a_postgres
from bench.floor import FloorProcess
from bench.load import LoadRequest, LoadResult, Target, generate
from bench.report import Figure, Section
from bench.setting import Setting
from bench.stage import ORDER, SYMBOLS, Stage
from bench.stub_client import StubProcess
from scripts import servers

ACCOUNTS = 20
_CLIENTS = 8
_WORKERS = 2
_CLUSTERED = f"clustered, {_WORKERS} workers"


def measure_peers(setting: Setting) -> Section:
    """Return what eight clients get of each."""
    with StubProcess(setting.folder, latency_milliseconds=setting.latency) as stub:
        floor = _floor(setting, stub)
        embedded = _embedded(setting, stub)
        results = {"floor": floor, "embedded": embedded}
        if "postgresql" not in servers.missing_packages():
            with a_postgres() as postgres:
                results[_CLUSTERED] = placed(setting, postgres, stub, workers=_WORKERS)
    notes = [
        f"{ACCOUNTS} accounts, {_CLIENTS} clients placing without a pause, own account limits widened",
        "floor: one call of the broker and one commit a request; embedded: SQLite, one process;"
        " clustered: PostgreSQL, one web process that hands over to workers",
    ]
    if _CLUSTERED not in results:
        notes.append("clustered: NOT MEASURED, PostgreSQL is not installed")
    notes += [f"{name}: {one.statuses}; first {one.strange}" for name, one in results.items() if one.strange]
    return Section(
        name="Peers", figures=[row for each in results.items() for row in _rows(*each)], notes=notes
    )


def _rows(name: str, result: LoadResult) -> list[Figure]:
    return [
        Figure(name=f"{name}: placed", value=result.throughput, unit="/s"),
        Figure(name=f"{name}: p50", value=result.percentile(50), unit="ms"),
        Figure(name=f"{name}: p99", value=result.percentile(99), unit="ms"),
    ]


def _floor(setting: Setting, stub: StubProcess) -> LoadResult:
    targets = [
        Target(path="/place", body=ORDER | {"apikey": f"key{number}:token", "symbol": SYMBOLS[0]})
        for number in range(ACCOUNTS)
    ]
    with FloorProcess(setting.folder, stub_url=stub.url) as floor:
        return _loaded(setting, targets, port=floor.port)


def _embedded(setting: Setting, stub: StubProcess) -> LoadResult:
    stage = Stage(setting.folder / "peer-embedded", stub_url=stub.url, count=ACCOUNTS, wide_limits=True)
    with stage.service as service:
        service.start()
        return _loaded(setting, placing_targets(stage), port=service.port)


def _loaded(setting: Setting, targets: list[Target], *, port: int) -> LoadResult:
    request = LoadRequest(port=port, targets=targets, clients=_CLIENTS, seconds=1)
    generate(request)
    request.seconds = setting.turn_seconds
    return generate(request)
