"""The day in one message: what closed and how, what is open, what is not protected."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal

from database.bracket_db import load_open, load_watch
from database.session import Database
from services.bracket.model import Bracket, Mode
from services.telegram_words import instrument_name, protection_words, short_id
from utils.constants import EXCHANGE_ZONE

_MOST_LISTED = 20
_SATURDAY = 5


def daily_summary(db: Database, account_id: str, *, account_name: str, day: date) -> str | None:
    """Return an account's summary of a day at the exchange; None for a weekend without anything to say."""
    midnight = datetime.combine(day, time(), tzinfo=EXCHANGE_ZONE).astimezone(UTC)
    closed = load_watch(db, account_id, midnight)
    still_open = load_open(db, [account_id])
    if day.weekday() >= _SATURDAY and not closed and not still_open:
        return None
    return summary_words(account_name, day, closed=closed, still_open=still_open)


def summary_words(
    account_name: str, day: date, *, closed: Sequence[Bracket], still_open: Sequence[Bracket]
) -> str:
    """Return the summary of what closed on a day and what is open."""
    live = [bracket for bracket in closed if bracket.plan.mode is Mode.LIVE]
    paper = [bracket for bracket in closed if bracket.plan.mode is Mode.ANALYZE]
    lines = [f"DAY {day:%d %b} of {account_name}", _closed_words(live)]
    if paper:  # never one sum: that money is not there
        lines.append(f"In paper mode: {_closed_words(paper)}")
    lines.append(f"Open: {len(still_open)}.")
    for bracket in still_open[:_MOST_LISTED]:
        mode = ", paper mode" if bracket.plan.mode is Mode.ANALYZE else ""
        lines.append(f"{short_id(bracket.id)} {instrument_name(bracket)} {bracket.state}{mode}")
        lines.append(f"  {protection_words(bracket)}")
    if len(still_open) > _MOST_LISTED:
        lines.append(f"... and {len(still_open) - _MOST_LISTED} more: /brackets")
    return "\n".join(lines)


def _closed_words(closed: Sequence[Bracket]) -> str:
    if not closed:
        return "Closed: 0."
    kinds = Counter((bracket.outcome or bracket.state).replace("_", " ").lower() for bracket in closed)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    profit = sum((one.profit for one in closed if one.profit is not None), Decimal(0))
    unknown = sum(one.outcome is not None and one.profit is None for one in closed)
    partly = f" (without {unknown} that somebody else closed in part)" if unknown else ""
    return f"Closed: {len(closed)} ({counts}), profit before charges {profit}{partly}."
