"""When each exchange trades, and until when a product may be held there: arithmetic over a parsed file.

Sessions are half-open: at `opens_at` trading has begun, at `closes_at` it has ended. Everything going
in and out is aware UTC; the file speaks exchange time.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import NotRequired, TypedDict, cast
from zoneinfo import ZoneInfo

from services.bracket.model import Product
from utils.constants import EXCHANGE_ZONE, zone_of

ALWAYS_OPEN_ID = "always-open"

# Longer than any run of closed days; not finding a session in it means the file is wrong.
_SEARCH_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """One day's trading hours in exchange time; `auction_from` ends continuous trading earlier."""

    opens: time
    closes: time
    square_off: timedelta  # before the close: when brokers square intraday positions off
    auction_from: time | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Exchanges that share hours, holidays and the zone in which both are told."""

    name: str
    exchanges: frozenset[str]
    zone: ZoneInfo
    hours: tuple[tuple[date, Hours], ...]  # from that day on; oldest first
    holidays: dict[date, str]
    special: dict[date, Hours]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The exchange calendar, as our file tells it."""

    version: str
    segments: tuple[Segment, ...]
    years: frozenset[int]
    provisional_years: frozenset[int]
    time_exit: timedelta  # this long before the square-off we leave ourselves
    last_entry: timedelta  # this long before the square-off no intraday entry is taken any more


CONTRACT_EXIT = timedelta(minutes=30)  # before the last close of a contract a position in it is left


@dataclass(frozen=True, slots=True)
class AlwaysOpen:
    """A market without hours: one session that never ends and has no cut-off."""


MarketHours = Calendar | AlwaysOpen


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One trading day of an exchange: running when `is_open`, else the next to come.

    `continuous_until` is when a stop can last fire: from then on stocks with derivatives are in the
    closing auction, which cancels untriggered stops. The three times of intraday products are None
    when there is no cut-off. `provisional` says the exchange had not published that year's holidays.
    """

    date_id: str
    opens_at: datetime
    closes_at: datetime
    is_open: bool
    continuous_until: datetime
    square_off_at: datetime | None = None
    time_exit_at: datetime | None = None
    last_entry_at: datetime | None = None
    provisional: bool = False
    name: str = ""
    zone: ZoneInfo = EXCHANGE_ZONE  # in which the exchange tells the time


class UnknownExchange(ValueError):
    """The calendar has no hours for this exchange."""


def parse_calendar(text: str) -> Calendar:
    """Return the calendar of a JSON file's text.

    Raises ValueError naming what is wrong: the file is ours, so that stops startup.
    """
    try:
        return _calendar(cast("_CalendarFile", json.loads(text)))
    except (KeyError, TypeError, ValueError) as exc:
        raise ValueError(f"exchange calendar cannot be read: {exc!r}") from exc


def session_at(calendar: MarketHours, exchange: str, *, now: datetime) -> Session:
    """Return the exchange's running session, else its next one.

    Raises UnknownExchange when the calendar does not know the exchange.
    """
    if isinstance(calendar, AlwaysOpen):
        return replace(_ALWAYS, zone=zone_of(exchange))
    segment = _segment(calendar, exchange)
    today = now.astimezone(segment.zone).date()
    days = (today + timedelta(days=ahead) for ahead in range(_SEARCH_DAYS))
    sessions = (_session(calendar, segment, day=day, now=now) for day in days)
    for session in sessions:
        if session is not None and now < session.closes_at:
            return session
    raise ValueError(f"exchange calendar {calendar.version} has no session of {exchange} after {now}")


def next_open(calendar: MarketHours, exchange: str, *, now: datetime) -> datetime:
    """Return when the exchange opens next, after now; a market without hours is open already: now."""
    session = session_at(calendar, exchange, now=now)
    if session.date_id == ALWAYS_OPEN_ID:
        return now
    if now < session.opens_at:
        return session.opens_at
    return session_at(calendar, exchange, now=session.closes_at).opens_at


def cutoff(session: Session, product: Product) -> datetime | None:
    """Return when a position of this product can last be left today; None without hours.

    Intraday: when the broker squares off. Others: the end of continuous trading.
    """
    if session.date_id == ALWAYS_OPEN_ID:
        return None
    return session.square_off_at if product is Product.MIS else session.continuous_until


def time_exit_at(session: Session, product: Product) -> datetime | None:
    """Return when an intraday position leaves by itself, ahead of the broker; None for other products."""
    return session.time_exit_at if product is Product.MIS else None


def contract_exit_at(date_id: str, trades_until: datetime | None, expiry: date | None) -> datetime | None:
    """Return when a contract is left that ends with this trading day; None when it does not.

    Some contracts are settled in shares after their last day: a position held into it may have to be
    paid for in full.
    """
    if expiry is None or trades_until is None or date_id != expiry.isoformat():
        return None
    return trades_until - CONTRACT_EXIT


def last_entry_at(session: Session, product: Product) -> datetime | None:
    """Return from when no entry of this product is taken any more; None when there is no such time."""
    return session.last_entry_at if product is Product.MIS else None


def _segment(calendar: Calendar, exchange: str) -> Segment:
    for segment in calendar.segments:
        if exchange in segment.exchanges:
            return segment
    raise UnknownExchange(f"exchange calendar {calendar.version} has no hours for {exchange}")


def _session(calendar: Calendar, segment: Segment, *, day: date, now: datetime) -> Session | None:
    hours = _hours(segment, day)
    if hours is None:
        return None
    zone = segment.zone
    opens_at, closes_at = _utc(day, hours.opens, zone), _utc(day, hours.closes, zone)
    square_off_at = closes_at - hours.square_off
    return Session(
        date_id=day.isoformat(),
        opens_at=opens_at,
        closes_at=closes_at,
        is_open=opens_at <= now < closes_at,
        continuous_until=_utc(day, hours.auction_from or hours.closes, zone),
        square_off_at=square_off_at,
        time_exit_at=square_off_at - calendar.time_exit,
        last_entry_at=square_off_at - calendar.last_entry,
        provisional=day.year not in calendar.years or day.year in calendar.provisional_years,
        name=hours.name,
        zone=zone,
    )


def _hours(segment: Segment, day: date) -> Hours | None:
    if day in segment.special:
        return segment.special[day]
    if day.weekday() >= 5 or day in segment.holidays:
        return None
    return _regular(segment, day)


def _regular(segment: Segment, day: date) -> Hours:
    # Before the oldest entry the oldest hours are the best guess we have.
    eras = [hours for start, hours in segment.hours if start <= day]
    return eras[-1] if eras else segment.hours[0][1]


def _utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


_ALWAYS = Session(
    date_id=ALWAYS_OPEN_ID,
    opens_at=datetime.min.replace(tzinfo=UTC),
    closes_at=datetime.max.replace(tzinfo=UTC),
    is_open=True,
    continuous_until=datetime.max.replace(tzinfo=UTC),
)


class _HoursFile(TypedDict):
    opens: str
    closes: str
    square_off_minutes: NotRequired[int]  # special sessions: the regular distance when not said
    auction_from: NotRequired[str]
    name: NotRequired[str]


# "from" is no Python name, so the entries of the list need the functional form.
_EraFile = TypedDict(
    "_EraFile",
    {
        "from": str,
        "opens": str,
        "closes": str,
        "square_off_minutes": int,
        "auction_from": NotRequired[str],
        "name": NotRequired[str],
    },
)


class _SegmentFile(TypedDict):
    exchanges: list[str]
    hours: list[_EraFile]
    holidays: dict[str, str]
    special: dict[str, _HoursFile]


class _CalendarFile(TypedDict):
    version: str
    provisional_years: list[int]
    time_exit_minutes: int
    last_entry_minutes: int
    segments: dict[str, _SegmentFile]


def _calendar(file: _CalendarFile) -> Calendar:
    segments = tuple(_parse_segment(name, entry) for name, entry in file["segments"].items())
    return Calendar(
        version=file["version"],
        segments=segments,
        years=frozenset(day.year for segment in segments for day in segment.holidays),
        provisional_years=frozenset(file["provisional_years"]),
        time_exit=timedelta(minutes=file["time_exit_minutes"]),
        last_entry=timedelta(minutes=file["last_entry_minutes"]),
    )


def _parse_segment(name: str, entry: _SegmentFile) -> Segment:
    eras = sorted(
        (
            (date.fromisoformat(era["from"]), _parse_hours(era, era["square_off_minutes"]))
            for era in entry["hours"]
        ),
        key=lambda pair: pair[0],
    )
    if not eras:
        raise ValueError(f"segment {name} has no hours")
    minutes = entry["hours"][-1]["square_off_minutes"]
    return Segment(
        name=name,
        exchanges=frozenset(entry["exchanges"]),
        zone=_zone(name, entry["exchanges"]),
        hours=tuple(eras),
        holidays={date.fromisoformat(day): why for day, why in entry["holidays"].items()},
        special={
            date.fromisoformat(day): _parse_hours(hours, minutes) for day, hours in entry["special"].items()
        },
    )


def _zone(name: str, exchanges: list[str]) -> ZoneInfo:
    zones = {zone_of(exchange) for exchange in exchanges}
    if len(zones) != 1:
        raise ValueError(f"segment {name} needs exchanges of one zone")
    return zones.pop()


def _parse_hours(hours: _HoursFile | _EraFile, square_off_minutes: int) -> Hours:
    opens, closes = time.fromisoformat(hours["opens"]), time.fromisoformat(hours["closes"])
    if closes <= opens:
        raise ValueError(f"closes {hours['closes']} must be after opens {hours['opens']}")
    auction_from = hours.get("auction_from")
    return Hours(
        opens=opens,
        closes=closes,
        square_off=timedelta(minutes=hours.get("square_off_minutes", square_off_minutes)),
        auction_from=None if auction_from is None else time.fromisoformat(auction_from),
        name=hours.get("name", ""),
    )
