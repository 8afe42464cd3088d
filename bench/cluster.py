"""The cluster: what more worker processes bring, and what many accounts with many brackets cost them."""

import signal
import time
from collections.abc import Sequence

from bench.cluster_stage import ClusterStage, PostgresOfBench, a_cluster, a_postgres
from bench.fill_to_stop import wait_figures, waits_for_stops
from bench.load import LoadRequest, LoadResult, Target, generate, percentile
from bench.processes import cpu_seconds, rss_megabytes, thread_count
from bench.report import Figure, Section
from bench.seeding import Seeder, hasty_database
from bench.setting import Setting
from bench.stage import ORDER, SYMBOLS, Stage, StagedAccount
from bench.stub_client import StubProcess

ACCOUNTS = 20
WORKERS = (1, 2, 4)
CADENCE = (
    "cadence: an account with work reads its book every 0.5 s and when pushed, a calm one every 5 s;"
    " trades and positions every 60 s, quotes every 1.2 s"
)
_CLIENTS = 8
_TAKEOVER_GOAL = 8.0
_PATIENCE_SECONDS = 180.0


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


def measure_many_accounts(setting: Setting) -> Section:
    """Return memory, CPU and calls of two workers at rest, and how long a dead one's accounts wait."""
    accounts, brackets = setting.cluster_accounts, setting.cluster_brackets
    with a_postgres() as postgres, StubProcess(setting.folder, latency_milliseconds=setting.latency) as stub:
        stage = ClusterStage(
            setting.folder / "cluster-many",
            stub_url=stub.url,
            count=accounts,
            database_url=postgres.database(),
            wide_limits=False,
        )
        try:
            return _many(setting, stage, stub, brackets=brackets)
        finally:
            stage.close()


def _many(setting: Setting, stage: ClusterStage, stub: StubProcess, *, brackets: int) -> Section:
    accounts = len(stage.accounts)
    began = time.monotonic()
    resting = _seeded(stage, stub, protected=brackets // accounts)
    notes = [
        f"{brackets} protected brackets on {accounts} accounts, seeded in {time.monotonic() - began:.0f} s;"
        " two workers; real account limits",
        CADENCE,
    ]
    stage.service.start()
    stub.forget()
    began = time.monotonic()
    stage.start_workers(2)
    _await_reads(stub, stage.accounts)
    started = time.monotonic() - began
    time.sleep(setting.settle_seconds)
    figures = [Figure(name="two workers: start to all books read", value=started, unit="s")]
    figures += _calm_figures(setting, stage, stub)
    figures += _takeover_figures(stage, stub, resting)
    return Section(
        name=f"Cluster: {brackets:,} brackets on {accounts:,} accounts", figures=figures, notes=notes
    )


def _seeded(stage: ClusterStage, stub: StubProcess, *, protected: int) -> Sequence[str]:
    db = hasty_database(stage.database_url)
    try:
        return Seeder(db, stub).seed(stage.accounts, protected=protected)
    finally:
        db.close()


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
        waits, lost = waits_for_stops(setting, stage, stub)
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


def _await_reads(stub: StubProcess, accounts: Sequence[StagedAccount]) -> dict[str, float]:
    """Return when each account's book was read first, once all were; or what there is after a while."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        reads: dict[str, float] = stub.seen()["first_reads"]
        if len(reads) >= len(accounts) or time.monotonic() > deadline:
            return reads
        time.sleep(0.2)


def _calm_figures(setting: Setting, stage: ClusterStage, stub: StubProcess) -> list[Figure]:
    pids = [one.pid for one in stage.workers]
    stub.forget()
    began, used = time.monotonic(), [cpu_seconds(pid) for pid in pids]
    time.sleep(setting.calm_seconds)
    seconds = time.monotonic() - began
    figures = []
    for number, pid in enumerate(pids, start=1):
        share = 100 * (cpu_seconds(pid) - used[number - 1]) / seconds
        figures += [
            Figure(name=f"worker {number}: CPU at rest", value=share, unit="%"),
            Figure(name=f"worker {number}: RSS", value=rss_megabytes(pid), unit="MB"),
            Figure(name=f"worker {number}: threads", value=thread_count(pid), unit=""),
        ]
    calls = stub.seen()["calls"]
    return figures + [
        Figure(name=f"  {call}, both workers", value=count / seconds, unit="/s")
        for call, count in sorted(calls.items())
    ]


def _takeover_figures(stage: ClusterStage, stub: StubProcess, resting: Sequence[str]) -> list[Figure]:
    """Kill a worker, fill one resting entry of each account, and see when the last stop is there."""
    stub.forget()
    killed = time.monotonic()
    stage.workers[0].send_signal(signal.SIGKILL)
    for order_id in resting:
        stub.fill(order_id)
    stage.await_owners(1)
    owned = time.monotonic() - killed
    deadline = killed + _PATIENCE_SECONDS
    arrived: dict[str, float] = {}
    while len(arrived) < len(stage.accounts) and time.monotonic() < deadline:
        time.sleep(0.2)
        for order in stub.seen()["placed"]:
            if order["transaction_type"] == "SELL":
                arrived.setdefault(str(order["token"]), float(order["at"]))
    last = max(arrived.values(), default=float("nan")) - killed
    return [
        Figure(name="kill to all shards at the other", value=owned, unit="s", limit=_TAKEOVER_GOAL),
        Figure(name="kill to the last account's fill protected", value=last, unit="s"),
        Figure(
            name="accounts whose fill was protected",
            value=len(arrived),
            unit="",
            limit=len(stage.accounts),
            at_least=True,
        ),
    ]


def _workers(count: int) -> str:
    return f"{count} worker{'s' if count > 1 else ''}"
