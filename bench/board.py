"""The dashboard's board under load: from a stored change of a stop to a frame that shows it.

When a change happened is read from the store afterwards, when it was painted is told by the browser: both
are this machine's clock.
"""

import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from bench.load import LoadRequest, LoadResult, Target, generate, percentile
from bench.processes import cpu_seconds
from bench.report import Figure, Section
from bench.seeding import Seeder
from bench.setting import Setting
from bench.stage import ORDER, Stage, hasty_database
from bench.stub_client import StubProcess
from bench.viewer import Paint, Viewer, Work
from database.bracket_db import events_of, load_open
from database.session import Database
from scripts.chromium import CHROMIUM
from services.bracket.events import BracketModified
from services.event_codec import decode_event

ACCOUNTS = 20
BRACKETS = 500
PER_SECOND = 20
_TICK = Decimal("0.05")
_CLIENTS = 8
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One move of a stop."""

    bracket_id: str
    account_id: str
    stop: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A move of a stop as the store has it; the text is what its row is to show."""

    bracket_id: str
    text: str
    at: float  # milliseconds since the epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One change on its way to the eye, milliseconds since the epoch; None: never came there."""

    stored: float
    heard: float | None
    paint: Paint | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    ways: Sequence[Way]
    asked: int
    load: LoadResult
    service_share: float
    page: tuple[Work, Work]
    clock_off: float


def measure_board(setting: Setting) -> Section:
    """Return how late the board shows what happened."""
    name, browser = f"Board of {BRACKETS} open brackets", CHROMIUM["executable_path"]
    if not Path(browser).exists():
        return Section(name=name, figures=[], notes=[f"NOT MEASURED: there is no {browser}"])
    with StubProcess(setting.folder, latency_milliseconds=setting.latency) as stub:
        stage = Stage(setting.folder / "board", stub_url=stub.url, count=ACCOUNTS)
        _seed(stage, stub)
        code = stage.service.command("user", "setup-code", "--name", "bench")
        stub.set_market(still=False)
        with stage.service, Viewer(stage.service.url) as viewer:
            stage.service.start()
            viewer.log_in(code)
            viewer.watch(BRACKETS)
            time.sleep(setting.settle_seconds)
            run = _run(setting, stage, viewer)
    return Section(name=name, figures=_figures(run), notes=_notes(run))


def planned(brackets: Sequence[tuple[str, str]], count: int) -> list[Change]:
    """Return `count` changes of (bracket, account) in turn, each a tick above the bracket's one before."""
    first = Decimal(ORDER["sl_price"])
    return [
        Change(
            bracket_id=brackets[number % len(brackets)][0],
            account_id=brackets[number % len(brackets)][1],
            stop=first + _TICK * (number // len(brackets) + 1),
        )
        for number in range(count)
    ]


def ways(stored: Iterable[Stored], heard: Iterable[tuple[str, float]], paints: Iterable[Paint]) -> list[Way]:
    """Return the way of each change that was stored; the n-th heard of a bracket is its n-th stored."""
    painted = {(one.bracket_id, one.text): one for one in paints}
    heard_at: defaultdict[str, deque[float]] = defaultdict(deque)
    for bracket_id, at in heard:
        heard_at[bracket_id].append(at)
    return [
        Way(
            stored=one.at,
            heard=heard_at[one.bracket_id].popleft() if heard_at[one.bracket_id] else None,
            paint=painted.get((one.bracket_id, one.text)),
        )
        for one in stored
    ]


def _seed(stage: Stage, stub: StubProcess) -> None:
    db = hasty_database(stage.database_url)
    try:
        Seeder(db, stub).seed(stage.accounts, protected=BRACKETS // ACCOUNTS - 1)
    finally:
        db.close()


def _run(setting: Setting, stage: Stage, viewer: Viewer) -> _Run:
    changes = planned(_one_of_each_account_in_turn(stage), round(PER_SECOND * setting.board_seconds))
    began, used, before = time.monotonic(), cpu_seconds(stage.pid), viewer.work()
    load = generate(_load(setting, stage, changes))
    share = 100 * (cpu_seconds(stage.pid) - used) / (time.monotonic() - began)
    after = viewer.work()
    viewer.let_paint(len(changes), seconds=_PATIENCE_SECONDS)
    return _Run(
        ways=ways(_stored(stage, changes), viewer.heard(), viewer.painted()),
        asked=len(changes),
        load=load,
        service_share=share,
        page=(before, after),
        clock_off=viewer.clock_off,
    )


def _one_of_each_account_in_turn(stage: Stage) -> list[tuple[str, str]]:
    """Return (bracket, account), the newest and so topmost first.

    In turn, so that no account gets more than its share of a second's changes.
    """
    db = Database(stage.database_url)
    try:
        columns = [load_open(db, [account.id]) for account in stage.accounts]
    finally:
        db.close()
    return [(one.id, one.plan.account_id) for row in zip(*map(reversed, columns), strict=True) for one in row]


def _load(setting: Setting, stage: Stage, changes: Sequence[Change]) -> LoadRequest:
    keys = {account.id: account.key for account in stage.accounts}
    return LoadRequest(
        port=stage.service.port,
        targets=[
            Target(
                path="/api/v1/modifybracketorder/",
                body={
                    "apikey": keys[one.account_id],
                    "bracket_id": one.bracket_id,
                    "sl_price": str(one.stop),
                },
            )
            for one in changes
        ],
        clients=_CLIENTS,
        seconds=setting.board_seconds,
        per_second=PER_SECOND,
    )


def _stored(stage: Stage, changes: Sequence[Change]) -> list[Stored]:
    """Return each change that the store has, the oldest of a bracket first."""
    db = Database(stage.database_url)
    try:
        touched = {one.bracket_id for one in changes}
        events = [one for bracket_id in touched for one in events_of(db, bracket_id)]
    finally:
        db.close()
    return [
        Stored(bracket_id=one.bracket_id, text=f"{change.stop.value:.2f}", at=one.at.timestamp() * 1000)
        for one in events
        for change in [decode_event(one.kind, one.payload)]
        if isinstance(change, BracketModified) and change.stop is not None
    ]


def _figures(run: _Run) -> list[Figure]:
    seen = [(one, one.paint) for one in run.ways if one.paint is not None]
    painted = [paint.painted - way.stored for way, paint in seen]
    in_sight = [paint.painted - way.stored for way, paint in seen if paint.is_in_sight]
    heard = [one.heard - one.stored for one in run.ways if one.heard is not None]
    shown = [paint.shown - way.heard for way, paint in seen if way.heard is not None]
    frames = [paint.painted - paint.shown for _, paint in seen]
    before, after = run.page
    return [
        Figure(name="event to paint: p50", value=percentile(painted, 50), unit="ms"),
        Figure(name="event to paint: p95", value=percentile(painted, 95), unit="ms"),
        Figure(name="event to paint: longest", value=max(painted, default=float("nan")), unit="ms"),
        Figure(
            name=f"  of the {len(in_sight)} in rows in sight: longest",
            value=max(in_sight, default=float("nan")),
            unit="ms",
        ),
        Figure(name="changes never painted", value=run.asked - len(painted), unit="", limit=0),
        *_spread("  event to the page's socket", heard),
        *_spread("  socket to the row", shown),
        *_spread("  row to the frame", frames),
        *_spread("answer of modifybracketorder", run.load.latencies),
        Figure(name="CPU of the service", value=run.service_share, unit="%"),
        Figure(name="page's main thread, busy", value=after.share_since(before, "task"), unit="%"),
        Figure(name="  scripts", value=after.share_since(before, "script"), unit="%"),
        Figure(name="  styles and layout", value=after.share_since(before, "layout"), unit="%"),
    ]


def _spread(name: str, values: list[float]) -> list[Figure]:
    return [
        Figure(name=f"{name}: p{percent}", value=percentile(values, percent), unit="ms")
        for percent in (50, 95)
    ]


def _notes(run: _Run) -> list[str]:
    notes = [
        f"{run.asked} moves of a stop by REST, {PER_SECOND} a second, on {ACCOUNTS} accounts; all prices move"
        " each second",
        "one browser, headless; the service, the stub, the browser and the load share this machine",
        "limited by: the service gathers what was stored for 50 ms, the page what it was told for 60 ms, then"
        " asks for the rows; painted is told up to two frames late",
        f"the page's clock is off by {run.clock_off:.1f} ms",
    ]
    return notes + ([f"not taken: {run.load.strange}"] if run.load.strange else [])
