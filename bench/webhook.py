"""The webhook: alerts at a fixed rate; how soon each is answered, and whether each became one bracket."""

import sqlite3
import time

from bench.load import LoadRequest, Target, generate
from bench.report import Figure, Section
from bench.setting import Setting
from bench.stage import ORDER, SYMBOLS, Stage
from bench.stub_client import StubProcess

ACCOUNTS = 20
_ALERTS_PER_SECOND = 50.0
_SENDERS = 16
_WARM_UP_SECONDS = 1.0
_PATIENCE_SECONDS = 15.0


def measure_webhook(setting: Setting) -> Section:
    """Return how long an alert waits for its answer, and what became of all of them."""
    with StubProcess(setting.folder, latency_milliseconds=setting.latency) as stub:
        stage = Stage(setting.folder / "webhook", stub_url=stub.url, count=ACCOUNTS)
        with stage.service:
            stage.service.start()
            return _measured(setting, stage, stub)


def _measured(setting: Setting, stage: Stage, stub: StubProcess) -> Section:
    request = LoadRequest(
        port=stage.service.port,
        targets=_targets(stage),
        clients=_SENDERS,
        seconds=_WARM_UP_SECONDS,
        per_second=_ALERTS_PER_SECOND,
        unique="client_order_id",
        mark="warm",
    )
    warm = generate(request)
    request.seconds, request.mark = setting.alert_seconds, "alert"
    result = generate(request)
    sent = len(warm.latencies) + len(result.latencies)
    stored, entries, distinct = _settled(stage, stub, sent)
    late = sum(milliseconds > 3000 for milliseconds in result.latencies)
    notes = [
        f"{len(result.latencies)} alerts, {_ALERTS_PER_SECOND:g} a second, to {ACCOUNTS} webhooks;"
        f" real account limits; load generator {100 * result.cpu_share:.0f} % of a core"
    ]
    if result.strange:
        notes.append(f"answers that were no 200: {result.statuses}; first {result.strange}")
    figures = [
        Figure(name="p50", value=result.percentile(50), unit="ms", limit=100, why="one interpreter's CPU"),
        Figure(name="p99", value=result.percentile(99), unit="ms"),
        Figure(name="answered after TradingView's 3 s", value=late, unit="", limit=0),
        Figure(name="lost: sent but not stored", value=sent - stored, unit="", limit=0),
        Figure(name="stored but no entry at the broker", value=stored - distinct, unit="", limit=0),
        Figure(name="entries sent twice", value=entries - distinct, unit="", limit=0),
    ]
    return Section(name="Webhook", figures=figures, notes=notes)


def _targets(stage: Stage) -> list[Target]:
    return [
        Target(path=f"/tradingview/webhook/bracket/{account.webhook}", body=ORDER | {"symbol": symbol})
        for symbol in SYMBOLS
        for account in stage.accounts
    ]


def _settled(stage: Stage, stub: StubProcess, sent: int) -> tuple[int, int, int]:
    """Wait until every alert has its entry; return brackets stored, entries seen, distinct tags of those."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        tags = [order["tag"] for order in stub.seen()["placed"]]
        if len(tags) >= sent or time.monotonic() > deadline:
            return _stored(stage), len(tags), len(set(tags))
        time.sleep(0.2)


def _stored(stage: Stage) -> int:
    database = sqlite3.connect(stage.database_file)
    try:
        count: int = database.execute("SELECT count(DISTINCT client_order_id) FROM brackets").fetchone()[0]
        return count
    finally:
        database.close()
