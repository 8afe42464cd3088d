"""The exchange calendar: sessions, holidays, special days and cut-offs, in exchange time."""

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bracket.calendar import (
    ALWAYS_OPEN_ID,
    AlwaysOpen,
    Calendar,
    Session,
    UnknownExchange,
    cutoff,
    last_entry_at,
    next_open,
    parse_calendar,
    session_at,
    time_exit_at,
)
from services.bracket.model import Product
from services.bracket.rules.timing import exit_moment
from utils.constants import EXCHANGE_ZONE

FILE = Path(__file__).parents[2] / "services" / "data" / "exchange_calendar.json"
CALENDAR = parse_calendar(FILE.read_text(encoding="utf-8"))
EXCHANGES = ("NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX", "NCDEX", "US")


def ist(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=EXCHANGE_ZONE)


def clock(moment: datetime | None) -> str:
    assert moment is not None
    assert moment.tzinfo is UTC
    return moment.astimezone(EXCHANGE_ZONE).strftime("%Y-%m-%d %H:%M")


def at(text: str, exchange: str = "NSE", calendar: Calendar = CALENDAR) -> Session:
    return session_at(calendar, exchange, now=ist(text))


def test_a_running_session_is_open_and_named_after_its_day() -> None:
    session = at("2026-12-09 11:00")

    assert session.is_open
    assert session.date_id == "2026-12-09"
    assert clock(session.opens_at) == "2026-12-09 09:15"
    assert clock(session.closes_at) == "2026-12-09 15:30"
    assert not session.provisional


@pytest.mark.parametrize(
    ("moment", "is_open", "day"),
    [
        ("2026-12-09 09:14:59", False, "2026-12-09"),
        ("2026-12-09 09:15:00", True, "2026-12-09"),
        ("2026-12-09 15:29:59", True, "2026-12-09"),
        ("2026-12-09 15:30:00", False, "2026-12-10"),
        ("2026-12-09 23:59:59", False, "2026-12-10"),
        ("2026-12-10 00:00:00", False, "2026-12-10"),
    ],
)
def test_the_boundary_seconds_belong_to_the_session_that_begins(moment: str, is_open: bool, day: str) -> None:
    session = at(moment)

    assert (session.is_open, session.date_id) == (is_open, day)


def test_exchange_time_has_no_daylight_saving() -> None:
    for moment in ("2026-02-10 10:00", "2026-07-10 10:00"):
        assert at(moment).opens_at.time() == time(3, 45)


@pytest.mark.parametrize(
    ("moment", "exchange", "day"),
    [
        ("2026-11-24 11:00", "NSE", "2026-11-25"),  # Guru Nanak Jayanti
        ("2026-11-24 11:00", "NFO", "2026-11-25"),
        ("2026-12-25 11:00", "BSE", "2026-12-28"),  # Christmas is a Friday
        ("2026-01-15 11:00", "NSE", "2026-01-16"),  # municipal election, added after the first list
        ("2026-08-26 11:00", "CDS", "2026-08-27"),  # currency only
        ("2026-08-26 11:00", "NSE", "2026-08-26"),
        ("2026-10-02 18:00", "MCX", "2026-10-05"),  # both sessions closed, then a weekend
    ],
)
def test_a_holiday_or_weekend_leads_to_the_next_trading_day(moment: str, exchange: str, day: str) -> None:
    assert at(moment, exchange).date_id == day


def test_muhurat_on_a_sunday_is_a_session_with_its_own_cut_off() -> None:
    session = at("2026-11-08 18:15")

    assert session.is_open
    assert session.date_id == "2026-11-08"
    assert session.name == "Muhurat"
    assert clock(session.closes_at) == "2026-11-08 19:15"
    assert clock(cutoff(session, Product.MIS)) == "2026-11-08 19:05"
    assert clock(time_exit_at(session, Product.MIS)) == "2026-11-08 18:59"
    assert at("2026-11-08 19:15").date_id == "2026-11-09"


def test_the_budget_sunday_trades_regular_hours() -> None:
    assert at("2026-02-01 10:00").is_open
    assert not at("2026-02-01 10:00", "CDS").is_open


def test_on_an_evening_only_day_mcx_opens_at_five() -> None:
    session = at("2026-11-24 11:00", "MCX")

    assert not session.is_open
    assert clock(session.opens_at) == "2026-11-24 17:00"
    assert clock(session.closes_at) == "2026-11-24 23:55"
    assert at("2026-11-24 17:00", "MCX").is_open


def test_on_new_years_day_mcx_trades_the_morning_only() -> None:
    assert clock(at("2026-01-01 10:00", "MCX").closes_at) == "2026-01-01 17:00"


@pytest.mark.parametrize(
    ("day", "closes"),
    [
        ("2026-03-06", "23:55"),
        ("2026-03-09", "23:30"),
        ("2026-10-30", "23:30"),
        ("2026-11-02", "23:55"),
        ("2027-03-12", "23:55"),
        ("2027-03-15", "23:30"),
    ],
)
def test_mcx_closes_earlier_while_the_us_is_on_summer_time(day: str, closes: str) -> None:
    assert clock(at(f"{day} 12:00", "MCX").closes_at) == f"{day} {closes}"


@pytest.mark.parametrize(
    ("day", "exchange", "square_off", "time_exit", "last_entry"),
    [
        ("2026-07-31", "NSE", "15:20", "15:14", "14:50"),
        ("2026-07-31", "NFO", "15:25", "15:19", "14:55"),
        ("2026-11-23", "NSE", "15:00", "14:54", "14:30"),  # first form of the closing auction
        ("2026-11-23", "NFO", "15:25", "15:19", "14:55"),
        ("2026-12-07", "NSE", "15:20", "15:14", "14:50"),
        ("2026-12-07", "NFO", "15:25", "15:19", "14:55"),
        ("2026-11-23", "CDS", "16:45", "16:39", "16:15"),
        ("2026-11-23", "MCX", "23:30", "23:24", "23:00"),
        ("2026-10-23", "MCX", "23:05", "22:59", "22:35"),
    ],
)
def test_intraday_positions_leave_before_the_broker_squares_them_off(
    day: str, exchange: str, square_off: str, time_exit: str, last_entry: str
) -> None:
    session = at(f"{day} 10:30", exchange)

    assert clock(cutoff(session, Product.MIS)) == f"{day} {square_off}"
    assert clock(time_exit_at(session, Product.MIS)) == f"{day} {time_exit}"
    assert clock(last_entry_at(session, Product.MIS)) == f"{day} {last_entry}"


@pytest.mark.parametrize(
    ("day", "exchange", "closes", "continuous_until"),
    [
        ("2026-07-31", "NSE", "15:30", "15:30"),
        ("2026-08-03", "NSE", "15:30", "15:15"),
        ("2026-12-04", "BSE", "15:30", "15:15"),
        ("2026-12-07", "NSE", "15:30", "15:30"),
        ("2026-07-31", "NFO", "15:30", "15:30"),
        ("2026-08-03", "NFO", "15:40", "15:40"),
        ("2026-12-07", "BFO", "15:45", "15:45"),
    ],
)
def test_the_closing_auction_ends_continuous_trading_in_shares_and_extends_derivatives(
    day: str, exchange: str, closes: str, continuous_until: str
) -> None:
    session = at(f"{day} 10:00", exchange)

    assert clock(session.closes_at) == f"{day} {closes}"
    assert clock(cutoff(session, Product.CNC)) == f"{day} {continuous_until}"
    assert time_exit_at(session, Product.CNC) is None
    assert last_entry_at(session, Product.NRML) is None


def test_a_year_without_published_holidays_is_marked_provisional() -> None:
    estimated, unknown = at("2027-01-04 10:00"), at("2028-01-26 10:00")

    assert estimated.provisional
    assert not at("2027-01-26 10:00").is_open
    assert unknown.provisional
    assert unknown.is_open  # weekdays only: nobody told us about Republic Day 2028
    assert at("2028-01-29 10:00").date_id == "2028-01-31"


def test_the_next_open_is_strictly_ahead() -> None:
    assert clock(next_open(CALENDAR, "NSE", now=ist("2026-12-09 08:00"))) == "2026-12-09 09:15"
    assert clock(next_open(CALENDAR, "NSE", now=ist("2026-12-09 09:15"))) == "2026-12-10 09:15"
    assert clock(next_open(CALENDAR, "NSE", now=ist("2026-12-11 15:30"))) == "2026-12-14 09:15"


def test_an_exchange_without_hours_is_refused_by_name() -> None:
    with pytest.raises(UnknownExchange, match="has no hours for FOREX"):
        at("2026-12-09 11:00", "FOREX")


def test_a_market_that_ignores_hours_is_one_session_without_cut_offs() -> None:
    now = ist("2026-12-13 03:00")
    session = session_at(AlwaysOpen(), "FOREX", now=now)

    assert session.is_open
    assert session.date_id == ALWAYS_OPEN_ID
    assert cutoff(session, Product.MIS) is None
    assert cutoff(session, Product.CNC) is None
    assert time_exit_at(session, Product.MIS) is None
    assert last_entry_at(session, Product.MIS) is None
    assert next_open(AlwaysOpen(), "FOREX", now=now) == now


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        ("not json", "JSONDecodeError"),
        ("{}", "segments"),
    ],
)
def test_a_broken_file_stops_with_what_is_wrong(broken: str, word: str) -> None:
    with pytest.raises(ValueError, match=f"exchange calendar cannot be read: .*{word}"):
        parse_calendar(broken)


def test_hours_that_end_before_they_begin_are_refused() -> None:
    file = json.loads(FILE.read_text(encoding="utf-8"))
    file["segments"]["equity"]["hours"][0]["closes"] = "09:00"

    with pytest.raises(ValueError, match=r"closes 09:00 must be after opens 09:15"):
        parse_calendar(json.dumps(file))


def test_a_file_that_runs_out_of_sessions_says_so() -> None:
    closed = {(date(2026, 12, 1) + timedelta(days=n)).isoformat(): "closed" for n in range(40)}
    file = json.loads(FILE.read_text(encoding="utf-8"))
    file["segments"]["equity"]["holidays"] = closed

    with pytest.raises(ValueError, match="has no session of NSE after"):
        at("2026-12-01 10:00", calendar=parse_calendar(json.dumps(file)))


# New York


def us(text: str) -> Session:
    """Return the session of US shares at a moment of UTC."""
    return session_at(CALENDAR, "US", now=datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("moment", "opens", "closes"),
    [
        ("2026-03-06 12:00", "14:30", "21:00"),
        ("2026-03-09 12:00", "13:30", "20:00"),  # the first Monday of daylight saving
        ("2026-10-30 12:00", "13:30", "20:00"),
        ("2026-11-02 12:00", "14:30", "21:00"),
    ],
)
def test_new_york_keeps_daylight_saving(moment: str, opens: str, closes: str) -> None:
    session = us(moment)

    assert (f"{session.opens_at:%H:%M}", f"{session.closes_at:%H:%M}") == (opens, closes)


@pytest.mark.parametrize(
    ("moment", "is_open", "day"),
    [
        ("2026-12-08 20:00", True, "2026-12-08"),  # already the ninth in India
        ("2026-12-09 03:00", False, "2026-12-09"),  # still the eighth in New York
        ("2026-11-26 16:00", False, "2026-11-27"),  # Thanksgiving
        ("2026-12-24 17:59", True, "2026-12-24"),
        ("2026-12-24 18:00", False, "2026-12-28"),  # a half day, Christmas, a weekend
        ("2027-06-18 15:00", False, "2027-06-21"),  # Juneteenth on a Saturday
    ],
)
def test_days_and_half_days_are_new_yorks(moment: str, is_open: bool, day: str) -> None:
    session = us(moment)

    assert (session.is_open, session.date_id) == (is_open, day)


def test_a_time_of_day_to_leave_at_is_the_exchanges() -> None:
    session = us("2026-12-08 18:00")

    leaves = exit_moment("15:30", session=session, now=session.opens_at)

    assert leaves == datetime(2026, 12, 8, 20, 30, tzinfo=UTC)


def test_a_segment_of_two_zones_is_refused() -> None:
    file = json.loads(FILE.read_text(encoding="utf-8"))
    file["segments"]["US shares"]["exchanges"].append("NSE")

    with pytest.raises(ValueError, match="one zone"):
        parse_calendar(json.dumps(file))


def test_no_holiday_of_the_file_is_a_weekend_and_no_year_is_missing() -> None:
    for segment in CALENDAR.segments:
        weekends = [day for day in segment.holidays if day.weekday() >= 5]
        assert weekends == []
    assert CALENDAR.years == {2026, 2027}


moments = st.datetimes(
    min_value=datetime(2026, 1, 1),  # noqa: DTZ001 - the zone is given to the strategy
    max_value=datetime(2028, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(now=moments, exchange=st.sampled_from(EXCHANGES))
def test_any_moment_belongs_to_exactly_one_session_that_has_not_ended(now: datetime, exchange: str) -> None:
    session = session_at(CALENDAR, exchange, now=now)

    assert now < session.closes_at
    assert session.is_open == (session.opens_at <= now)
    assert session.opens_at < session.continuous_until <= session.closes_at
    assert session.time_exit_at is not None
    assert session.square_off_at is not None
    assert session.opens_at < session.time_exit_at < session.square_off_at <= session.continuous_until
    assert next_open(CALENDAR, exchange, now=now) > now
