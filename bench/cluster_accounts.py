"""Many accounts with many brackets: what they cost two workers at rest, and how long a dead one's wait."""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.cluster_stage import ClusterStage, a_postgres
from bench.copies import Copier, Mould
from bench.processes import cpu_seconds, rss_megabytes, thread_count
from bench.report import Figure, Section
from bench.seeding import Seeder
from bench.setting import Setting
from bench.stage import hasty_database, quiet_account
from bench.stub_client import StubProcess

POLLED = (200, 2_000)  # accounts and brackets that are read every few seconds
_WITH_RESTING = 20  # every so many accounts have an entry at work as well: such a one is read twice a second
_WORKERS = 2
_TAKEOVER_GOAL = 8.0
_PATIENCE_SECONDS = 200.0
_STANDSTILL_SECONDS = 40.0
_MOST_CALM_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Load:
    """How much there is, and how often workers look."""

    accounts: int
    brackets: int
    module: str
    cadence: str


def measure_polled_accounts(setting: Setting) -> Section:
    """Return what accounts cost where no push stream tells of news."""
    accounts, brackets = (min(one, most) for one, most in zip(POLLED, _most(setting), strict=True))
    cadence = "no push stream: a calm account's book every 5 s, its quotes every 1.2 s, all of it every 60 s"
    return _measured(setting, _Load(accounts=accounts, brackets=brackets, module="worker", cadence=cadence))


def measure_many_accounts(setting: Setting) -> Section:
    """Return what accounts cost that are read as seldom as where a push stream tells of news."""
    accounts, brackets = _most(setting)
    cadence = "as with a push stream (the stub has none): a calm account's book every 60 s, quotes every 30 s"
    module = "bench.covered_worker"
    return _measured(setting, _Load(accounts=accounts, brackets=brackets, module=module, cadence=cadence))


def _most(setting: Setting) -> tuple[int, int]:
    return setting.cluster_accounts, setting.cluster_brackets


def _measured(setting: Setting, load: _Load) -> Section:
    folder = setting.folder / f"cluster-{load.module}-{load.accounts}"
    with a_postgres() as postgres, StubProcess(setting.folder, latency_milliseconds=setting.latency) as stub:
        began = time.monotonic()
        stage = ClusterStage(
            folder,
            stub_url=stub.url,
            count=load.accounts,
            database_url=postgres.database(),
            wide_limits=False,
            module=load.module,
            make_account=quiet_account,
        )
        try:
            resting = _seeded(stage, stub, protected=load.brackets // load.accounts)
            return _section(setting, load, stage, stub, resting=resting, seeded=time.monotonic() - began)
        finally:
            stage.close()


def _section(
    setting: Setting,
    load: _Load,
    stage: ClusterStage,
    stub: StubProcess,
    *,
    resting: Sequence[str],
    seeded: float,
) -> Section:
    notes = [
        f"{load.brackets:,} protected brackets, and {len(resting)} entries at work; made in {seeded:.0f} s",
        f"{_WORKERS} workers, no web process; real account limits; all on this machine",
        f"cadence: {load.cadence}; an account with an entry at work every 0.5 s",
    ]
    stub.forget()
    title = f"Cluster: {load.brackets:,} brackets on {load.accounts:,} accounts"
    began = time.monotonic()
    try:
        stage.start_workers(_WORKERS)
    except TimeoutError as exc:
        return Section(name=title, figures=[], notes=[*notes, f"MORE THAN THIS MACHINE CAN: {exc}"])
    read = _await_reads(stub, load.accounts)
    name = f"books read first, after {time.monotonic() - began:.0f} s"
    figures = [Figure(name=name, value=read, unit="", limit=load.accounts, at_least=True)]
    time.sleep(setting.settle_seconds)
    figures += _calm_figures(setting, stage, stub)
    figures += _takeover_figures(stage, stub, resting)
    return Section(name=title, figures=figures, notes=notes)


def _seeded(stage: ClusterStage, stub: StubProcess, *, protected: int) -> Sequence[str]:
    """Let the core make two accounts' brackets, copy them to all others, and return the resting entries."""
    calm, busy = stage.accounts[0], stage.accounts[1]
    db = hasty_database(stage.database_url)
    try:
        seeder = Seeder(db, stub)
        seeder.seed([calm], protected=protected, resting=0)
        entries = seeder.seed([busy], protected=protected, resting=1)
    finally:
        db.close()
    others = stage.accounts[2:]
    for account, copies in (
        (calm, [one for number, one in enumerate(others) if number % _WITH_RESTING]),
        (busy, others[::_WITH_RESTING]),
    ):
        brackets = seeder.brackets[account.id]
        mould = Mould(account=account, brackets=brackets, orders=seeder.orders[account.token])
        copier = Copier(stage.database_url, stub, mould)
        renamed = copier.copy_to(copies)
        copier.close()
    last = brackets[-1].id
    return [*entries, *(entries[0].replace(last, names[last]) for names in renamed)]


def _await_reads(stub: StubProcess, accounts: int) -> int:
    """Return how many accounts' books were read, once all were or no more came for a while."""
    return _counted(lambda: len(stub.seen()["first_reads"]), until=accounts)


def _seconds_until_owned(stage: ClusterStage, *, since: float) -> float:
    """Return how long the killed worker's shards had no other owner; NaN when that had no end."""
    try:
        stage.await_owners(1)
    except TimeoutError:
        return float("nan")
    return time.monotonic() - since


def _counted(count: Callable[[], int], *, until: int) -> int:
    """Return what is counted when it is enough or has not grown for a while; there is an end to it too."""
    ends_at, found, grown = time.monotonic() + _PATIENCE_SECONDS, 0, time.monotonic()
    while time.monotonic() < min(ends_at, grown + _STANDSTILL_SECONDS):
        more = count()
        found, grown = (more, time.monotonic()) if more > found else (found, grown)
        if found >= until:
            break
        time.sleep(0.2)
    return found


def _calm_figures(setting: Setting, stage: ClusterStage, stub: StubProcess) -> list[Figure]:
    pids = [one.pid for one in stage.workers]
    stub.forget()
    began, used = time.monotonic(), [cpu_seconds(pid) for pid in pids]
    time.sleep(min(setting.calm_seconds, _MOST_CALM_SECONDS))
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
    """Kill a worker, fill what rests at all accounts, and see when the last stop is there."""
    stub.forget()
    killed = time.monotonic()
    stage.workers[0].send_signal(signal.SIGKILL)
    stub.fill(*resting)
    owned = _seconds_until_owned(stage, since=killed)
    arrived: dict[str, float] = {}

    def protected() -> int:
        for order in stub.seen()["placed"]:
            if order["transaction_type"] == "SELL":
                arrived.setdefault(str(order["token"]), float(order["at"]))
        return len(arrived)

    _counted(protected, until=len(resting))
    last = max(arrived.values(), default=float("nan")) - killed
    return [
        Figure(name="kill to all shards at the other", value=owned, unit="s", limit=_TAKEOVER_GOAL),
        Figure(name="kill to the last account's fill protected", value=last, unit="s"),
        Figure(
            name="accounts whose fill was protected",
            value=len(arrived),
            unit="",
            limit=len(resting),
            at_least=True,
        ),
    ]
