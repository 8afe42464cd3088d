"""The cluster: what more worker processes bring."""

import time
from dataclasses import replace

from bench.cluster_stage import PostgresOfBench, a_cluster, a_postgres
from bench.fill_to_stop import wait_figures, waits_for_stops
from bench.load import LoadRequest, LoadResult, Target, generate, percentile
from bench.report import Figure, Section
from bench.setting import Setting
from bench.stage import ORDER, SYMBOLS, Stage
from bench.stub_client import StubProcess

ACCOUNTS = 20
WORKERS = (1, 2, 4)
CADENCE = (
    "cadence: an account with work reads its book every 0.5 s and when pushed, a calm one every 5 s;"
    " trades and positions every 60 s, quotes every 1.2 s"
)
_CLIENTS = 8
_MOST_FILLS = 60  # one after the other, three times: more would say no more


def measure_workers(setting: Setting) -> Section:
    """Return placements a second and fill-to-stop for 1, 2 and 4 workers behind one web process."""
    figures, notes = [], [f"{ACCOUNTS} accounts, one web process; all on this machine", CADENCE]
    with a_postgres() as postgres, StubProcess(setting.folder, latency_milliseconds=setting.latency) as stub:
        trip = percentile(stub.round_trips(200), 50)
        for count in WORKERS:
            result = placed(setting, postgres, stub, workers=count)
            figures += _placing_figures(count, result)
            if result.strange:
                notes.append(
                    f"{count} workers: answers that were no 200: {result.statuses}; {result.strange}"
                )
            figures += _fill_figures(setting, postgres, stub, workers=count, trip=trip)
    return Section(name="Cluster: worker processes", figures=figures, notes=notes)


def placed(setting: Setting, postgres: PostgresOfBench, stub: StubProcess, *, workers: int) -> LoadResult:
    """Place as fast as eight clients get answers, with account limits that never bind."""
    folder = setting.folder / f"cluster-placing-{workers}-{time.monotonic_ns()}"
    with a_cluster(
        folder, postgres, stub_url=stub.url, accounts=ACCOUNTS, workers=workers, wide_limits=True
    ) as stage:
        request = LoadRequest(
            port=stage.service.port, targets=placing_targets(stage), clients=_CLIENTS, seconds=1
        )
        generate(request)
        request.seconds = setting.turn_seconds
        return generate(request)


def placing_targets(stage: Stage) -> list[Target]:
    return [
        Target(path="/api/v1/placebracketorder/", body=ORDER | {"apikey": account.key, "symbol": symbol})
        for symbol in SYMBOLS
        for account in stage.accounts
    ]


def _placing_figures(count: int, result: LoadResult) -> list[Figure]:
    who = _workers(count)
    return [
        Figure(name=f"{who}: placed", value=result.throughput, unit="/s"),
        Figure(name=f"{who}: p50", value=result.percentile(50), unit="ms"),
        Figure(name=f"{who}: p99", value=result.percentile(99), unit="ms"),
    ]


def _fill_figures(
    setting: Setting, postgres: PostgresOfBench, stub: StubProcess, *, workers: int, trip: float
) -> list[Figure]:
    folder = setting.folder / f"cluster-fills-{workers}"
    with a_cluster(folder, postgres, stub_url=stub.url, accounts=ACCOUNTS, workers=workers) as stage:
        few = replace(setting, fills=min(setting.fills, _MOST_FILLS))
        waits, lost = waits_for_stops(few, stage, stub)
    found = wait_figures(waits, lost, trip=trip)
    return [
        Figure(
            name=f"{_workers(workers)}: {one.name}",
            value=one.value,
            unit=one.unit,
            limit=one.limit,
            why="the push comes to the web process and is told to the worker by NOTIFY",
        )
        for one in found
    ]


def _workers(count: int) -> str:
    return f"{count} worker{'s' if count > 1 else ''}"
