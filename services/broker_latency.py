"""How late a broker answers and how old its books are, measured on our own orders. Pure.

They set Q, the quiet time before an order that no book shows may be called absent: twice the longest
acceptance and the longest staleness ever seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Protocol

from services.bracket import events as ev
from services.bracket.model import Bracket


class HappenedAt(Protocol):
    """An event with its time; read_started and boot are of the look that decided it."""

    @property
    def event(self) -> ev.Event: ...
    @property
    def at(self) -> datetime: ...
    @property
    def read_started(self) -> datetime | None: ...
    @property
    def boot(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Seconds, of `count` measurements; 0 when there are none."""

    count: int
    middle: float
    worst: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerLatency:
    """One broker. acceptance: from the intention to the answer, or to the read that found an order whose
    answer was lost. staleness: from the answer to the start of the first read that showed the order; at most
    that, for it includes waiting for the read.
    """

    broker: str
    acceptance: Spread
    staleness: Spread
    quiescence: float  # seconds, Q as it was set for the newest bracket there

    @property
    def needed_quiescence(self) -> float:
        return 2 * self.acceptance.worst + self.staleness.worst

    @property
    def quiescence_is_enough(self) -> bool:
        return self.needed_quiescence <= self.quiescence


@dataclass(slots=True)
class _Samples:
    acceptance: list[float] = field(default_factory=list)
    staleness: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Sent:
    at: datetime
    boot: str | None
    answered: datetime | None = None
    lost: bool = False
    sighted: bool = False


class LatencyTally:
    """Collects the measurements of many brackets by broker."""

    def __init__(self) -> None:
        self._of: dict[str, _Samples] = {}
        self._quiescence: dict[str, timedelta] = {}

    def add(
        self, bracket: Bracket, happened: Sequence[HappenedAt], *, since: datetime, until: datetime
    ) -> None:
        """Measure the orders that were sent from since to until."""
        samples = self._of.setdefault(bracket.plan.broker, _Samples())
        self._quiescence[bracket.plan.broker] = bracket.plan.capabilities.absence_quiescence
        sent: dict[int, _Sent] = {}
        read_started: datetime | None = None
        boot: str | None = None
        for one in happened:
            if one.boot is not None:
                read_started, boot = one.read_started, one.boot
            if isinstance(one.event, ev.LegIntended) and since <= one.at < until:
                sent[one.event.seq] = _Sent(one.at, boot)
            else:
                _measure(samples, sent, one, read_started=read_started, boot=boot)

    def results(self) -> list[BrokerLatency]:
        return [
            BrokerLatency(
                broker=broker,
                acceptance=_spread(one.acceptance),
                staleness=_spread(one.staleness),
                quiescence=self._quiescence[broker].total_seconds(),
            )
            for broker, one in sorted(self._of.items())
        ]


def _measure(
    samples: _Samples,
    sent: dict[int, _Sent],
    one: HappenedAt,
    *,
    read_started: datetime | None,
    boot: str | None,
) -> None:
    match one.event:
        case ev.LegAcknowledged(seq=seq) if seq in sent:
            sent[seq].answered = one.at
            samples.acceptance.append(_seconds(one.at - sent[seq].at))
        case ev.LegBecameUnknown(seq=seq) if seq in sent:
            sent[seq].lost = True
        case ev.LegSighted(seq=seq) if seq in sent and not sent[seq].sighted:
            sent[seq].sighted = True
            # After a restart the time in between is ours, not the broker's.
            if read_started is not None and boot == sent[seq].boot:
                _measure_sight(samples, sent[seq], read_started)
        case _:
            pass


def _measure_sight(samples: _Samples, order: _Sent, read_started: datetime) -> None:
    if order.answered is not None:
        samples.staleness.append(_seconds(read_started - order.answered))
    elif order.lost:
        samples.acceptance.append(_seconds(read_started - order.at))


def _seconds(passed: timedelta) -> float:
    return max(0.0, passed.total_seconds())


def _spread(values: list[float]) -> Spread:
    if not values:
        return Spread(count=0, middle=0.0, worst=0.0)
    return Spread(count=len(values), middle=median(values), worst=max(values))
