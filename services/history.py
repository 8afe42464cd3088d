"""Closed brackets with what they earned: a page of them, sums by day, strategy and symbol, and a CSV."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from database.account_db import Account, list_accounts
from database.history_db import ENDINGS, Ended, Place, Wanted, closed_page, endings_of
from database.session import Database
from services.announcements import utc_milliseconds
from services.bracket.model import Bracket, Mode, Role
from services.bracket.quantities import average_entry_price, filled_of
from services.bracket_supervisor import PAPER
from services.safety_report_service import Days
from utils.constants import EXCHANGE_ZONE

MOST_DAYS = 366
_BATCH = 200  # brackets of a CSV read at once: a slow reader holds no transaction open

# What a spreadsheet takes for the beginning of a formula, or strips before it looks.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person wants to see; days are the exchange's, and None is any."""

    days: Days
    symbol: str | None = None
    strategy: str | None = None
    is_paper: bool | None = None
    ending: str | None = None
    account_id: str | None = None


@dataclass(slots=True)
class Sum:
    """What some brackets came to. unknown had shares and no profit: somebody else closed a part."""

    brackets: int = 0
    traded: int = 0
    won: int = 0
    lost: int = 0
    unknown: int = 0
    profit: Decimal = Decimal(0)

    def add(self, one: Ended) -> None:
        self.brackets += 1
        self.traded += one.held_shares
        if one.profit is None:
            self.unknown += one.held_shares
            return
        self.won += one.profit > 0
        self.lost += one.profit < 0
        self.profit += one.profit


@dataclass(slots=True, kw_only=True)
class Sums:
    """All brackets of one kind of money, together and by day, strategy and symbol."""

    total: Sum
    by_day: dict[date, Sum]
    by_strategy: dict[str, Sum]
    by_symbol: dict[str, Sum]

    @staticmethod
    def empty() -> "Sums":
        return Sums(total=Sum(), by_day={}, by_strategy={}, by_symbol={})

    def add(self, one: Ended) -> None:
        self.total.add(one)
        day = one.finished_at.astimezone(EXCHANGE_ZONE).date()
        self.by_day.setdefault(day, Sum()).add(one)
        self.by_strategy.setdefault(one.strategy, Sum()).add(one)
        self.by_symbol.setdefault(f"{one.exchange}:{one.symbol}", Sum()).add(one)


def history_page(
    db: Database, owner_id: str, asked: Asked, *, limit: int, after: Place | None
) -> tuple[tuple[Bracket, ...], Place | None]:
    """Return closed brackets of the owner, the last closed first, and where the next page begins."""
    found = closed_page(db, _wanted(db, owner_id, asked), limit=limit + 1, after=after)
    page = found[:limit]
    return page, place_of(page[-1]) if len(found) > limit else None


def history_sums(db: Database, owner_id: str, asked: Asked) -> dict[bool, Sums]:
    """Return the sums of real money (False) and of paper (True), never one of both; only those there are."""
    sums: dict[bool, Sums] = {}
    for one in endings_of(db, _wanted(db, owner_id, asked)):
        sums.setdefault(one.is_paper, Sums.empty()).add(one)
    return sums


def history_csv(db: Database, owner_id: str, asked: Asked) -> Iterator[str]:
    """Return all that is asked for as CSV, a batch of lines at a time."""
    names = {one.id: one.name for one in list_accounts(db, owner_id=owner_id)}
    yield _lines([list(_COLUMNS)])
    after: Place | None = None
    while True:
        found = closed_page(db, _wanted(db, owner_id, asked), limit=_BATCH, after=after)
        if found:
            yield _lines([_cells(one, names) for one in found])
        if len(found) < _BATCH:
            return
        after = place_of(found[-1])


def place_of(bracket: Bracket) -> Place:
    """Return where a list that ends with this bracket goes on."""
    return Place(finished_at=finished_at(bracket), bracket_id=bracket.id)


def finished_at(bracket: Bracket) -> datetime:
    """Return when a closed bracket was closed."""
    if bracket.finished_at is None:
        raise AssertionError(f"bracket {bracket.id} is not closed")
    return bracket.finished_at.wall


def ending_of(bracket: Bracket) -> str:
    """Return how a closed bracket ended, in a word of ENDINGS."""
    return str(bracket.outcome) if bracket.outcome is not None else bracket.state.lower()


def is_paper_account(one: Account) -> bool:
    return one.broker == PAPER


def defused(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _wanted(db: Database, owner_id: str, asked: Asked) -> Wanted:
    accounts = list_accounts(db, owner_id=owner_id)
    chosen = tuple(one.id for one in accounts if asked.account_id in (None, one.id))
    if asked.ending is not None and asked.ending not in ENDINGS:
        raise AssertionError(f"no bracket ends as {asked.ending}")
    return Wanted(
        account_ids=chosen,
        paper_account_ids=frozenset(one.id for one in accounts if is_paper_account(one)),
        since=asked.days.since.astimezone(UTC),
        until=asked.days.until.astimezone(UTC),
        symbol=asked.symbol,
        strategy=asked.strategy,
        is_paper=asked.is_paper,
        ending=asked.ending,
    )


_COLUMNS = (
    "closed_at",
    "closed_at_ist",
    "account",
    "money",
    "exchange",
    "symbol",
    "product",
    "action",
    "quantity",
    "filled",
    "average_entry",
    "outcome",
    "profit",
    "naked_seconds",
    "strategy",
    "client_order_id",
    "bracket_id",
    "placed_at",
)


def _cells(bracket: Bracket, names: dict[str, str]) -> list[str | int | Decimal]:
    plan, closed = bracket.plan, finished_at(bracket)
    average = average_entry_price(bracket)
    cells: list[str | int | Decimal] = [
        utc_milliseconds(closed),
        f"{closed.astimezone(EXCHANGE_ZONE):%Y-%m-%d %H:%M:%S}",
        names[plan.account_id],
        "PAPER" if plan.broker == PAPER or plan.mode is Mode.ANALYZE else "LIVE",
        plan.instrument.exchange,
        plan.instrument.symbol,
        str(plan.product),
        str(plan.side),
        plan.quantity,
        filled_of(bracket, Role.ENTRY),
        "" if average is None else round(average, 4),
        ending_of(bracket),
        "" if bracket.profit is None else bracket.profit,
        f"{bracket.naked_seconds:.3f}",
        plan.strategy,
        plan.client_order_id or "",
        bracket.id,
        utc_milliseconds(bracket.received.wall),
    ]
    # Texts only: a number of ours is a number, and a loss must stay one that can be added up.
    return [defused(one) if isinstance(one, str) else one for one in cells]


def _lines(rows: list[list[str | int | Decimal]] | list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
