"""How well the promise was kept: naked time, emergencies, unwinds, zombies, what is unresolved. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.bracket import events as ev
from services.bracket.model import Bracket, ExitReason, LegStatus, Overlay, State
from services.broker_latency import BrokerLatency, LatencyTally

ZOMBIE = "revived"  # the alarm of a closed bracket whose order came back to life


@dataclass(frozen=True, slots=True)
class Happened:
    """One stored event with its time, and what a look knew, of the first event of each look."""

    event: ev.Event
    at: datetime
    read_started: datetime | None = None
    boot: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """A bracket and all that happened to it."""

    bracket: Bracket
    events: Sequence[Happened]


@dataclass(slots=True)
class NakedTime:
    """How often and how long shares stood without a working stop, in seconds."""

    spells: int = 0
    seconds: float = 0.0
    longest: float = 0.0

    def add(self, seconds: float) -> None:
        self.spells += 1
        self.seconds += seconds
        self.longest = max(self.longest, seconds)


@dataclass(frozen=True, slots=True)
class NakedNow:
    bracket_id: str
    cause: str
    quantity: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A bracket that is open now and that nobody may call fine."""

    bracket_id: str
    why: tuple[str, ...]


@dataclass(slots=True)
class SafetyReport:
    """What happened from `since` to `until`; what is naked or unresolved is so now."""

    since: datetime
    until: datetime
    placed: int = 0
    open: int = 0
    states: Counter[str] = field(default_factory=Counter)
    naked: dict[str, NakedTime] = field(default_factory=lambda: defaultdict(NakedTime))
    naked_now: list[NakedNow] = field(default_factory=list)
    emergency_exits: list[str] = field(default_factory=list)
    unwinds: list[str] = field(default_factory=list)
    zombies: list[str] = field(default_factory=list)
    unknown_outcomes: int = 0
    alarms: Counter[str] = field(default_factory=Counter)
    unresolved: list[Unresolved] = field(default_factory=list)
    brokers: list[BrokerLatency] = field(default_factory=list)

    @property
    def naked_total(self) -> NakedTime:
        total = NakedTime()
        for one in self.naked.values():
            total.spells += one.spells
            total.seconds += one.seconds
            total.longest = max(total.longest, one.longest)
        return total


def report_on(stories: Iterable[Story], *, since: datetime, until: datetime, now: datetime) -> SafetyReport:
    """Return the report of the time from since (inclusive) to until."""
    report, latency = SafetyReport(since, until), LatencyTally()
    for story in stories:
        for one in story.events:
            if since <= one.at < until:
                _count(report, story.bracket, one.event)
        _count_present(report, story.bracket, now)
        latency.add(story.bracket, story.events, since=since, until=until)
    report.brokers = latency.results()
    return report


def _count(report: SafetyReport, bracket: Bracket, event: ev.Event) -> None:
    match event:
        case ev.BracketReceived():
            report.placed += 1
            report.states[bracket.state] += 1
        case ev.NakedEnded(seconds=seconds, cause=cause):
            report.naked[cause].add(seconds)
        case ev.ExitBegan(reason=ExitReason.EMERGENCY):
            report.emergency_exits.append(bracket.id)
        case ev.StateChanged(new=State.UNWINDING):
            report.unwinds.append(bracket.id)
        case ev.AlarmRaised(kind=kind, count=1):
            report.alarms[kind] += 1
            if kind == ZOMBIE:
                report.zombies.append(bracket.id)
        case ev.LegBecameUnknown() | ev.ChangeBecameUnknown():
            report.unknown_outcomes += 1
        case _:
            pass


def _count_present(report: SafetyReport, bracket: Bracket, now: datetime) -> None:
    if bracket.state.is_closed:
        return
    report.open += 1
    if bracket.naked is not None:
        clock = bracket.naked
        seconds = max(0.0, (now - clock.since.wall).total_seconds())
        report.naked_now.append(NakedNow(bracket.id, clock.cause, clock.quantity, seconds))
    why = tuple(_reasons(bracket))
    if why:
        report.unresolved.append(Unresolved(bracket.id, why))


def _reasons(bracket: Bracket) -> Iterable[str]:
    """What keeps an open bracket from being fine, in stable words."""
    if any(leg.status is LegStatus.UNKNOWN for leg in bracket.legs):
        yield "order_unknown"
    if any(leg.change is not None for leg in bracket.legs if leg.is_live):
        yield "change_unconfirmed"
    if Overlay.NEEDS_ATTENTION in bracket.overlays:
        yield "needs_attention"
    if bracket.naked is not None:
        yield "unprotected"
    if bracket.state in (State.EMERGENCY, State.UNWINDING):
        yield str(bracket.state).lower()
