"""Times: an open market, cut-offs ahead, ages that are durations."""

from collections.abc import Iterator
from datetime import UTC, datetime

from services.bracket.calendar import ALWAYS_OPEN_ID, Session, contract_exit_at, cutoff, last_entry_at
from services.bracket.rules.facts import Facts
from services.bracket.violations import Code, Violation, invalid

_TIME = "%H:%M"


def check_timing(facts: Facts) -> Iterator[Violation]:
    """Yield a closed market, cut-offs that have passed and ages that are no durations."""
    yield from _ages(facts)
    if facts.session is None:
        yield from _unknown_hours(facts)
        return
    yield from _open(facts, facts.session)
    yield from _intraday_entry(facts, facts.session)
    yield from _ending_contract(facts, facts.session)
    yield from _exit_at(facts, facts.session)


def exit_moment(exit_at: str, *, session: Session, now: datetime) -> datetime:
    """Return when HH:MM of the session's day in exchange time is, as aware UTC.

    Raises ValueError when it is not a time of day.
    """
    at = datetime.strptime(exit_at.strip(), _TIME).time()  # noqa: DTZ007 - only its time of day is used
    day = now if session.date_id == ALWAYS_OPEN_ID else session.opens_at
    return datetime.combine(day.astimezone(session.zone).date(), at, session.zone).astimezone(UTC)


def _ages(facts: Facts) -> Iterator[Violation]:
    request = facts.request
    ages = {
        "entry_expires_in_seconds": request.entry_expires_in_seconds,
        "entry_max_age_seconds": request.entry_max_age_seconds,
    }
    for field, seconds in ages.items():
        if seconds is not None and seconds <= 0:
            yield invalid(field, f"{field} {seconds} must be greater than 0")


def _unknown_hours(facts: Facts) -> Iterator[Violation]:
    # Without hours nothing can be scheduled before the close, so no position may begin there. The
    # rules on words already say so of an exchange that does not exist or is not served.
    if facts.exchange in facts.capabilities.exchanges:
        sentence = f"the trading hours of exchange {facts.exchange} are not known"
        yield Violation(field="exchange", code=Code.MARKET_CLOSED, sentence=sentence)


def _open(facts: Facts, session: Session) -> Iterator[Violation]:
    if session.is_open or facts.exchange is None:
        return
    opens = session.opens_at.astimezone(session.zone).strftime("%Y-%m-%d %H:%M")
    sentence = f"exchange {facts.exchange} is closed: it opens at {opens} exchange time"
    yield Violation(field="exchange", code=Code.MARKET_CLOSED, sentence=sentence)


def _intraday_entry(facts: Facts, session: Session) -> Iterator[Violation]:
    product = facts.product
    last = None if product is None else last_entry_at(session, product)
    if not session.is_open or product is None or last is None or facts.now < last:
        return
    sentence = f"product {product} takes no new entries on {facts.exchange} after {_clock(last, session)}"
    yield Violation(field="product", code=Code.PAST_CUTOFF, sentence=sentence)


def _ending_contract(facts: Facts, session: Session) -> Iterator[Violation]:
    expiry = None if facts.instrument is None else facts.instrument.expiry
    ends = contract_exit_at(session.date_id, session.continuous_until, expiry)
    if ends is not None and facts.now >= ends:
        left_at = _clock(ends, session)
        sentence = f"symbol {facts.request.symbol} expires today and is left at {left_at}: no new entries"
        yield Violation(field="symbol", code=Code.PAST_CUTOFF, sentence=sentence)


def _exit_at(facts: Facts, session: Session) -> Iterator[Violation]:
    text, product = facts.request.exit_at, facts.product
    if text is None:
        return
    try:
        leaves = exit_moment(text, session=session, now=facts.now)
    except ValueError:
        yield invalid("exit_at", f"exit_at {text} must be HH:MM exchange time")
        return
    last = None if product is None else cutoff(session, product)
    if leaves <= facts.now:
        yield _past(f"exit_at {text} must be after now ({_clock(facts.now, session)})")
    elif last is not None and leaves >= last:
        ends = _clock(last, session)
        yield _past(f"exit_at {text} must be before {ends}, the cut-off of {product} on {facts.exchange}")


def _past(sentence: str) -> Violation:
    return Violation(field="exit_at", code=Code.PAST_CUTOFF, sentence=sentence)


def _clock(moment: datetime, session: Session) -> str:
    return moment.astimezone(session.zone).strftime(_TIME)
