"""History: closed brackets and what they earned, filtered, summed, and as CSV."""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum

from flask import Response, request

from blueprints.dashboard.guard import login, owned_account, owned_accounts
from blueprints.dashboard.office import word
from blueprints.dashboard.office_shapes import sums_shape
from blueprints.dashboard.page import Page
from blueprints.dashboard.shapes import account_shape
from database.history_db import ENDINGS, Place, traded_names
from restx_api.callers import desk
from restx_api.envelope import success
from restx_api.errors import RequestInvalid
from restx_api.shaping import Shape, bracket_shape
from services.announcements import utc_milliseconds
from services.bracket.model import Bracket
from services.consequences import is_paper
from services.history import (
    MOST_DAYS,
    Asked,
    ending_of,
    finished_at,
    history_csv,
    history_page,
    history_sums,
)
from services.safety_report_service import DATES, Days, today

PAGE = 50
_DAYS_AT_FIRST = 30
_SHOWN = (
    "bracket_id",
    "symbol",
    "exchange",
    "product",
    "action",
    "quantity",
    "strategy",
    "filled_quantity",
    "average_price",
    "naked_seconds",
    "profit",
)

page = Page("history", title="History", link="History", order=40)


@page.get("/history")
def show() -> Response:
    accounts = owned_accounts()
    symbols, strategies = traded_names(desk().db, [one.id for one in accounts])
    days = _days_at_first()
    return page.render(
        accounts=[account_shape(one) for one in accounts],
        symbols=symbols,
        strategies=strategies,
        endings=list(ENDINGS),
        first=days.since.date().isoformat(),
        last=days.last.isoformat(),
    )


@page.get("/api/history")
def read() -> Response:
    """Return a page of closed brackets, the last closed first."""
    found, after = history_page(desk().db, login().owner_id, _asked(), limit=PAGE, after=_place())
    names = {one.id: one.name for one in owned_accounts()}
    return success(
        {
            "brackets": [_shape(one, names) for one in found],
            "next": None if after is None else f"{after.finished_at.isoformat()}|{after.bracket_id}",
        }
    )


@page.get("/api/history/sums")
def read_sums() -> Response:
    """Return what all that is asked for came to, real money and paper apart."""
    sums = history_sums(desk().db, login().owner_id, _asked())
    return success({"sums": [sums_shape(one, is_paper=paper) for paper, one in sorted(sums.items())]})


@page.get("/api/history.csv")
def download() -> Response:
    """Return all that is asked for as CSV, sent as it is read."""
    lines: Iterable[str] = history_csv(desk().db, login().owner_id, _asked())
    answer = Response(lines, mimetype="text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="brackets.csv"'
    return answer


def _shape(bracket: Bracket, names: dict[str, str]) -> Shape:
    told = bracket_shape(bracket)
    return {
        **{name: told[name] for name in _SHOWN},
        "account": names[bracket.plan.account_id],
        "paper": is_paper(bracket),
        "ending": ending_of(bracket),
        "placed_at": told["created_at"],
        "closed_at": utc_milliseconds(finished_at(bracket)),
    }


# --- what is asked for


class _Money(StrEnum):
    LIVE = "live"
    PAPER = "paper"


def _asked() -> Asked:
    money, ending = request.args.get("money"), request.args.get("ending")
    if ending and ending not in ENDINGS:
        raise _wrong("ending", f"ending must be one of: {', '.join(ENDINGS)}")
    account_id = request.args.get("account")
    return Asked(
        days=_days(),
        symbol=_said("symbol", upper=True),
        strategy=_said("strategy"),
        is_paper=None if not money else word(_Money, "money", money) is _Money.PAPER,
        ending=ending or None,
        account_id=owned_account(account_id).id if account_id else None,
    )


def _said(field: str, *, upper: bool = False) -> str | None:
    text = request.args.get(field, "").strip()[:64]
    return (text.upper() if upper else text) or None


def _days() -> Days:
    usual = _days_at_first()
    first = _day("first") or usual.since.date()
    last = _day("last") or usual.last
    if first > last:
        raise _wrong("first", f"first {first} must not be after last {last}")
    count = (last - first).days + 1
    if count > MOST_DAYS:
        raise _wrong("first", f"first {first} must be at most {MOST_DAYS} days before last {last}")
    return Days(last, count)


def _days_at_first() -> Days:
    return Days(today(desk().clock.now()), _DAYS_AT_FIRST)


def _day(field: str) -> date | None:
    text = request.args.get(field)
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise _wrong(field, f"{field} must look like 2026-12-31") from None
    if not DATES[0] <= found <= DATES[1]:
        raise _wrong(field, f"{field} {found} must be between {DATES[0]} and {DATES[1]}")
    return found


def _place() -> Place | None:
    text = request.args.get("after")
    if not text:
        return None
    at, _, bracket_id = text.partition("|")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise _wrong("after", "after is no place in this list") from None
    if moment.tzinfo is None:
        raise _wrong("after", "after is no place in this list")
    return Place(finished_at=moment, bracket_id=bracket_id)


def _wrong(field: str, sentence: str) -> RequestInvalid:
    return RequestInvalid(sentence, {field: [sentence]})
