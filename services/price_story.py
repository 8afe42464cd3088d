"""The prices a bracket's events tell: fills, where the stop was, and what the market said. Pure.

Nothing is interpolated: each point is one stored event. Between them nobody noted a price.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from services.bracket import events as ev
from services.bracket.model import Bracket, LegStatus, Role


@dataclass(frozen=True, slots=True)
class PricePoint:
    """A price at a time."""

    at: datetime
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """Shares that a book showed filled since it showed the order last; price is theirs alone."""

    at: datetime
    role: Role
    side: str
    quantity: int
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStory:
    """All of it, oldest first. stops: the triggers that exits were asked to have."""

    fills: tuple[Fill, ...]
    stops: tuple[PricePoint, ...]
    market: tuple[PricePoint, ...]


def price_story(bracket: Bracket, events: Sequence[tuple[datetime, ev.Event]]) -> PriceStory:
    """Return the prices in a bracket's events; `bracket` is any later self of the one they happened to."""
    return PriceStory(
        fills=tuple(_fills(bracket, events)),
        stops=tuple(_stops(bracket, events)),
        market=tuple(_market(events)),
    )


def _fills(bracket: Bracket, events: Sequence[tuple[datetime, ev.Event]]) -> Iterator[Fill]:
    known: dict[int, tuple[int, Decimal]] = {}  # by leg: shares and what they were worth together
    for at, event in events:
        if not isinstance(event, ev.LegSighted) or event.average_price is None:
            continue
        before, worth_before = known.get(event.seq, (0, Decimal(0)))
        worth, shares = event.filled * event.average_price, event.filled - before
        known[event.seq] = (event.filled, worth)
        if shares > 0:
            leg, price = bracket.leg(event.seq), (worth - worth_before) / shares
            rounded = price.quantize(Decimal("0.0001"))
            yield Fill(at=at, role=leg.role, side=leg.side, quantity=shares, price=rounded)


def _stops(bracket: Bracket, events: Sequence[tuple[datetime, ev.Event]]) -> Iterator[PricePoint]:
    last: Decimal | None = None
    for at, event in events:
        if not isinstance(event, ev.LegIntended | ev.ChangeIntended) or event.terms is None:
            continue
        trigger, role = event.terms.trigger_price, bracket.leg(event.seq).role
        if role is Role.EXIT and trigger is not None and trigger != last:
            last = trigger
            yield PricePoint(at, trigger)


def _market(events: Sequence[tuple[datetime, ev.Event]]) -> Iterator[PricePoint]:
    for at, event in events:
        match event:
            case ev.TrailMoved(price=price) | ev.StopPassed(price=price) | ev.StopRegained(price=price):
                yield PricePoint(at, price)
            case ev.LegSighted(status=LegStatus.FILLED, average_price=Decimal() as price):
                yield PricePoint(at, price)
