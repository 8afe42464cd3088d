"""Closed brackets, filtered, paged, summed and downloaded."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from blueprints.dashboard import guard
from blueprints.dashboard.pages import history as page
from database.account_db import create_account, create_owner
from services import history
from services.history import defused
from services.safety_report_service import today
from tests.person import Person, a_dashboard, logged_in
from tests.serving import Json, Served, resting

FORMULA = "=HYPERLINK(1)"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch, a_dashboard(tmp_path_factory.mktemp("history")) as served:
        patch.setattr(guard, "_CALLS_LIMIT", "100000 per second")  # tests are faster than people
        yield served


@pytest.fixture(scope="module")
def owner(service: Served) -> Person:
    return logged_in(service)


@pytest.fixture(scope="module")
def closed(service: Served) -> dict[str, str]:
    """Five brackets, oldest first: two exited, one cancelled, one paper of analyzer mode, one formula."""
    infy = {"symbol": "INFY", "entry_price": 1510, "sl_price": 1400, "target_price": 1600}
    found = {
        "exited": exited(service, strategy="breakout"),
        "infy": exited(service, strategy="-1+1|cmd", **infy),
        "cancelled": cancelled(service, strategy="breakout"),
        "formula": exited(service, strategy=FORMULA),
    }
    service.post("analyzer/toggle", {"mode": True})
    found["analyzed"] = exited(service, strategy="breakout")
    service.post("analyzer/toggle", {"mode": False})
    service.place(strategy="still open")
    return found


def exited(service: Served, **overrides: Any) -> str:
    bracket_id = str(service.place(**overrides)["bracket_id"])
    service.until_state(bracket_id, "PROTECTED")
    service.post("exitbracketorder", {"bracket_id": bracket_id})
    service.until_state(bracket_id, "CLOSED")
    return bracket_id


def cancelled(service: Served, **overrides: Any) -> str:
    bracket_id = str(service.place(**resting(**overrides))["bracket_id"])
    service.until_state(bracket_id, "ENTRY_OPEN")
    service.post("cancelbracketorder", {"bracket_id": bracket_id})
    service.until_state(bracket_id, "CANCELLED")
    return bracket_id


def listed(owner: Person, asked: str = "") -> list[Json]:
    answer = owner.call(f"history?{asked}")
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.get_json()["brackets"]
    return found


def ids(owner: Person, asked: str = "") -> list[str]:
    return [str(one["bracket_id"]) for one in listed(owner, asked)]


def sums(owner: Person, asked: str = "") -> list[Json]:
    found: list[Json] = owner.call(f"history/sums?{asked}").get_json()["sums"]
    return found


def downloaded(owner: Person, asked: str = "") -> list[dict[str, str]]:
    answer = owner.get(f"/dashboard/api/history.csv?{asked}")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_what_is_closed_is_listed_the_last_one_first_and_what_is_open_is_not(
    owner: Person, closed: dict[str, str]
) -> None:
    rows = listed(owner)

    assert [one["bracket_id"] for one in rows] == list(reversed(closed.values()))
    exited, cancelled = rows[-1], rows[2]
    assert (exited["ending"], exited["filled_quantity"], exited["paper"]) == ("exited", 10, True)
    assert Decimal(exited["profit"]).is_finite()
    assert (cancelled["ending"], cancelled["profit"]) == ("cancelled", None)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("symbol=infy", ["infy"]),
        ("strategy=breakout", ["analyzed", "cancelled", "exited"]),
        (f"strategy={quote(FORMULA)}", ["formula"]),
        ("ending=cancelled", ["cancelled"]),
        ("ending=exited&strategy=breakout", ["analyzed", "exited"]),
        ("ending=target_hit", []),
        ("money=live", []),
        ("money=paper&symbol=INFY", ["infy"]),
        ("strategy=nobody", []),
        ("symbol='; drop table brackets; --", []),
    ],
)
def test_each_filter_leaves_what_fits(
    owner: Person, closed: dict[str, str], asked: str, names: list[str]
) -> None:
    assert ids(owner, asked) == [closed[name] for name in names]


def test_days_are_those_of_the_exchange(service: Served, owner: Person, closed: dict[str, str]) -> None:
    day = today(service.desk.clock.now())
    before = day - timedelta(days=1)

    # Around midnight IST the brackets may be of two days: both together have them all.
    assert len(ids(owner, f"first={before}&last={day}")) == len(closed)
    assert ids(owner, f"last={day - timedelta(days=2)}&first={day - timedelta(days=9)}") == []


def test_pages_follow_each_other_without_gap_or_repeat(
    owner: Person, closed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PAGE", 2)
    found: list[Any] = []
    place: str | None = ""
    while place is not None:
        answer = owner.call(f"history?after={quote(place)}").get_json()
        found.append([one["bracket_id"] for one in answer["brackets"]])
        place = answer["next"]

    assert [len(one) for one in found] == [2, 2, 1]
    assert [one for part in found for one in part] == list(reversed(closed.values()))


def test_sums_are_of_all_that_fits_and_not_of_one_page(
    owner: Person, closed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PAGE", 1)
    profits = [Decimal(one["profit"]) for one in _every(owner) if one["profit"] is not None]

    (paper,) = sums(owner)

    assert paper["paper"] is True
    assert (paper["total"]["brackets"], paper["total"]["traded"]) == (5, 4)
    assert Decimal(paper["total"]["profit"]) == sum(profits)
    assert paper["total"]["won"] + paper["total"]["lost"] == sum(one != 0 for one in profits)
    assert {one["name"] for one in paper["by_symbol"]} == {"NSE:INFY", "NSE:SBIN"}
    assert {one["name"]: one["brackets"] for one in paper["by_strategy"]}["breakout"] == 3
    assert sum(one["brackets"] for one in paper["by_day"]) == 5


def _every(owner: Person) -> list[Json]:
    found: list[Any] = []
    place: str | None = ""
    while place is not None:
        answer = owner.call(f"history?after={quote(place)}").get_json()
        found += answer["brackets"]
        place = answer["next"]
    return found


def test_real_money_and_paper_are_never_one_sum(
    service: Served, owner: Person, closed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "is_paper_account", lambda _: False)  # as if the broker were a real one

    live, paper = sums(owner)

    assert (live["paper"], live["total"]["brackets"]) == (False, 4)
    assert (paper["paper"], paper["total"]["brackets"]) == (True, 1)
    assert ids(owner, "money=paper") == [closed["analyzed"]]
    assert closed["analyzed"] not in ids(owner, "money=live")


def test_the_csv_has_all_that_fits_in_batches_and_no_formula(
    owner: Person, closed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_BATCH", 2)

    rows = downloaded(owner)
    breakout = downloaded(owner, "strategy=breakout")

    assert [one["bracket_id"] for one in rows] == list(reversed(closed.values()))
    assert len(breakout) == 3
    by_id = {one["bracket_id"]: one for one in rows}
    assert by_id[closed["formula"]]["strategy"] == f"'{FORMULA}"
    assert by_id[closed["infy"]]["strategy"] == "'-1+1|cmd"
    profit = by_id[closed["exited"]]["profit"]
    assert Decimal(profit) == Decimal(listed(owner)[-1]["profit"])  # a number still, also below zero
    assert (by_id[closed["cancelled"]]["profit"], by_id[closed["exited"]]["money"]) == ("", "PAPER")


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_text_that_could_be_a_formula_is_defused(text: str) -> None:
    assert defused(text) == f"'{text}"
    assert defused(f"a{text}") == f"a{text}"


def test_the_csv_is_sent_as_it_is_read(owner: Person, closed: dict[str, str]) -> None:
    answer = owner.get("/dashboard/api/history.csv")

    assert answer.is_streamed
    assert "Content-Length" not in answer.headers
    assert answer.headers["Content-Disposition"] == 'attachment; filename="brackets.csv"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("first=yesterday", "first"),
        ("first=2026-02-30", "first"),
        ("last=0001-01-01&first=0001-01-01", "first"),
        ("first=2026-03-02&last=2026-03-01", "first"),
        ("first=2020-01-01&last=2026-01-01", "first"),
        ("ending=won", "ending"),
        ("money=gold", "money"),
        ("after=nowhere", "after"),
        ("after=2026-01-01T00:00:00|x", "after"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(owner: Person, asked: str, field: str) -> None:
    for path in ("history", "history/sums", "history.csv"):
        if field == "after" and path != "history":
            continue
        answer = owner.call(f"{path}?{asked}")
        assert (answer.status_code, answer.get_json()["errors"].keys()) == (400, {field})


def test_another_owners_brackets_are_in_no_list_sum_or_file(
    service: Served, owner: Person, closed: dict[str, str]
) -> None:
    desk = service.desk
    stranger = create_owner(desk.db, "stranger", at=desk.clock.now())
    account = create_account(desk.db, "theirs", owner_id=stranger.id, broker="paper", at=desk.clock.now())
    key = service.a_key(account=account)
    order = resting(strategy="their secret")
    bracket_id = service.post("placebracketorder", order, key=key).get_json()["bracket_id"]
    service.post("cancelbracketorder", {"bracket_id": bracket_id}, key=key)

    assert bracket_id not in ids(owner)
    assert sums(owner)[0]["total"]["brackets"] == len(closed)
    assert bracket_id not in {one["bracket_id"] for one in downloaded(owner)}
    assert "their secret" not in owner.get("/dashboard/history").text
