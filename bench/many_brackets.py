"""10,000 open, protected brackets in one process: memory, CPU at rest, and how fast a restart is.

A restart counts as over when every account has proved that it looked at all of its brackets: while the
service is down one resting entry of each account fills, the account's newest bracket, and the stop for it
goes out only after the book was read and every older bracket was looked at.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.processes import cpu_seconds, rss_megabytes, thread_count
from bench.report import Figure, Section
from bench.seeding import Seeder
from bench.setting import Setting
from bench.stage import Stage, StagedAccount, hasty_database
from bench.stub_client import StubProcess

ACCOUNTS = 100
_PATIENCE_SECONDS = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Restart:
    """Seconds from the start of the process."""

    serving: float
    read: float  # the last account's first book read
    reconciled: float  # the last account's proof
    proofs: int


def measure_many_brackets(setting: Setting) -> Section:
    """Return memory, CPU and restart time."""
    with StubProcess(setting.folder, latency_milliseconds=setting.latency) as stub:
        stage = Stage(setting.folder / "many", stub_url=stub.url, count=ACCOUNTS)
        began = time.monotonic()
        resting = _seed(setting, stage, stub)
        notes = [
            f"{setting.brackets} protected MIS brackets on {ACCOUNTS} accounts, seeded in"
            f" {time.monotonic() - began:.0f} s; real account limits",
            "cadence of calm accounts: book every 5 s, trades and positions every 60 s, quotes every 1.2 s"
            " (targets are virtual); one read per account",
        ]
        with stage.service:
            restart = _restart(stage, stub, resting)
            time.sleep(setting.settle_seconds)
            figures = _restart_figures(restart)
            figures += _calm(setting, stage, stub, still=True)
            figures += _calm(setting, stage, stub, still=False)
            notes.append(f"{thread_count(stage.pid)} threads; log: {_logged(stage)}")
    return Section(name=f"{setting.brackets:,} open brackets", figures=figures, notes=notes)


def _seed(setting: Setting, stage: Stage, stub: StubProcess) -> Sequence[str]:
    db = hasty_database(stage.database_url)
    try:
        return Seeder(db, stub).seed(stage.accounts, protected=setting.brackets // ACCOUNTS)
    finally:
        db.close()


def _restart(stage: Stage, stub: StubProcess, resting: Sequence[str]) -> _Restart:
    for order_id in resting:
        stub.fill(order_id)
    stub.forget()
    began = time.monotonic()
    stage.service.start()
    serving = time.monotonic() - began
    deadline = began + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.1)
        seen = stub.seen()
        proofs = _proofs(seen["placed"], stage.accounts)
        if len(proofs) == len(stage.accounts):
            break
    return _Restart(
        serving=serving,
        read=max(seen["first_reads"].values(), default=float("nan")) - began,
        reconciled=max(proofs.values(), default=float("nan")) - began,
        proofs=len(proofs),
    )


def _proofs(placed: Sequence[dict[str, object]], accounts: Sequence[StagedAccount]) -> dict[str, float]:
    """Return account token -> when its first stop arrived."""
    ours = {account.token for account in accounts}
    found: dict[str, float] = {}
    for order in placed:
        token, at = str(order["token"]), order["at"]
        if token in ours and order["transaction_type"] == "SELL" and isinstance(at, float):
            found.setdefault(token, at)
    return found


def _restart_figures(restart: _Restart) -> list[Figure]:
    return [
        Figure(name="start to serving", value=restart.serving, unit="s"),
        Figure(name="start to all books read", value=restart.read, unit="s"),
        Figure(
            name="start to reconciled",
            value=restart.reconciled,
            unit="s",
            limit=10,
            why="CPU: loading and looking at every bracket",
        ),
        Figure(name="accounts reconciled", value=restart.proofs, unit="", limit=ACCOUNTS, at_least=True),
    ]


def _calm(setting: Setting, stage: Stage, stub: StubProcess, *, still: bool) -> list[Figure]:
    stub.set_market(still=still)
    time.sleep(2)
    stub.forget()
    pid, began, used = stage.pid, time.monotonic(), cpu_seconds(stage.pid)
    time.sleep(setting.calm_seconds)
    seconds = time.monotonic() - began
    share = 100 * (cpu_seconds(pid) - used) / seconds
    calls = stub.seen()["calls"]
    market = "prices still" if still else "all prices moving each second"
    figures = [
        Figure(
            name=f"CPU at rest, {market}",
            value=share,
            unit="%",
            limit=15 if still else None,
            why="see the calls a second below",
        ),
        Figure(name=f"RSS, {market}", value=rss_megabytes(pid), unit="MB", limit=250, why="see threads"),
    ]
    return figures + [
        Figure(name=f"  {call}, {market}", value=count / seconds, unit="/s")
        for call, count in sorted(calls.items())
    ]


def _logged(stage: Stage) -> str:
    lines = stage.service.log_file.read_text(encoding="utf-8").splitlines()
    loud = [line for line in lines if "WARNING" in line or "ERROR" in line or "CRITICAL" in line]
    return f"{len(loud)} warnings or worse" + (f", such as {loud[-1][:160]}" if loud else "")
