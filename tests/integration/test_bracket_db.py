"""What the bracket store keeps, refuses and notices."""

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from database import bracket_db
from database.account_news import BracketNews, news_after
from database.bracket_db import (
    BracketChange,
    EventRecord,
    ExistingClaim,
    IdempotencyClaim,
    Listed,
    StaleWriter,
)
from database.session import Database, NotStored, utc_text
from services.bracket.model import (
    Bracket,
    EntryTerms,
    LegStatus,
    Naked,
    OrderType,
    Overlay,
    State,
)
from tests.builders import a_bracket, a_leg, a_moment, a_plan


def events(count: int, *, kind: str = "SomethingHappened") -> list[EventRecord]:
    return [EventRecord(kind=kind, at=a_moment(n), payload=b'{"n":%d}' % n) for n in range(count)]


def stored(db: Database, bracket: Bracket | None = None) -> Bracket:
    bracket = replace(bracket or a_bracket(), version=1)
    bracket_db.insert_bracket(db, bracket, events(1), claim=None)
    return bracket


def after(bracket: Bracket, count: int = 1, **fields: object) -> BracketChange:
    changed = replace(bracket, version=bracket.version + count, **fields)  # type: ignore[arg-type]  # test shorthand
    return BracketChange(bracket=changed, events=events(count), expected_version=bracket.version)


def column(db: Database, query: str) -> list[object]:
    with db.read() as connection:
        return list(connection.scalars(text(query)).all())


def test_a_bracket_comes_back_as_it_was_stored(db: Database) -> None:
    entry = EntryTerms(
        order_type=OrderType.LIMIT, price=Decimal("1450.50"), expires_in=timedelta(seconds=90, microseconds=1)
    )
    bracket = a_bracket(
        plan=a_plan(entry=entry),
        version=1,
        state=State.EMERGENCY,
        legs=(a_leg(average_price=Decimal("1450.3333333333333333"), status=LegStatus.FILLED, filled=100),),
        overlays=frozenset({Overlay.KILLED, Overlay.WATCH}),
        naked=Naked(since=a_moment(1), noticed=a_moment(2), cause="stop refused", quantity=100),
        naked_seconds=0.1,
        exit_at=a_moment(3600).wall,
    )

    bracket_db.insert_bracket(db, bracket, events(1), claim=None)

    assert bracket_db.load(db, bracket.id) == bracket


def test_the_average_price_of_a_leg_is_stored_digit_for_digit(db: Database) -> None:
    stored(db, a_bracket(legs=(a_leg(average_price=Decimal("100.10")),)))

    assert column(db, "SELECT average_price FROM legs") == ["100.10"]


def test_nothing_is_found_under_an_unknown_id(db: Database) -> None:
    assert bracket_db.load(db, "nobody") is None
    assert bracket_db.find_by_tag(db, "nobody") is None
    assert bracket_db.events_of(db, "nobody") == ()


def test_a_bracket_is_found_by_the_tag_of_any_of_its_legs(db: Database) -> None:
    stored(db)
    bracket = stored(db, a_bracket(legs=(a_leg(tag="T1"), a_leg(seq=2, tag="T2"))))

    assert bracket_db.find_by_tag(db, "T2") == bracket


def test_a_save_from_an_old_version_is_stale_and_writes_nothing(db: Database) -> None:
    first = stored(db)
    second = stored(db)
    bracket_db.save(db, [after(second)])

    with pytest.raises(StaleWriter, match=second.id):
        bracket_db.save(
            db, [after(first, legs=(a_leg(),)), after(second, legs=(a_leg(),), state=State.CLOSED)]
        )

    assert bracket_db.load(db, first.id) == first
    assert column(db, "SELECT count(*) FROM legs") == [0]
    assert len(bracket_db.events_of(db, first.id)) == 1
    assert len(bracket_db.events_of(db, second.id)) == 2


def test_of_many_writers_from_one_version_exactly_one_wins(db: Database) -> None:
    bracket = stored(db)
    outcomes: list[str] = []

    def write(n: int) -> None:
        try:
            bracket_db.save(db, [after(bracket, exit_detail=str(n))])
            outcomes.append("won")
        except StaleWriter:
            outcomes.append("stale")

    in_threads(8, write)

    assert sorted(outcomes) == ["stale"] * 7 + ["won"]
    assert len(bracket_db.events_of(db, bracket.id)) == 2


def test_several_brackets_change_together(db: Database) -> None:
    first, second = stored(db), stored(db)

    bracket_db.save(db, [after(first, state=State.PROTECTED), after(second, state=State.EXITING)])

    states = [found.state for found in bracket_db.load_open(db, ["acc1"])]
    assert states == [State.PROTECTED, State.EXITING]


def test_only_legs_that_changed_are_written(db: Database) -> None:
    legs = (a_leg(tag="T1"), a_leg(seq=2, tag="T2"))
    bracket = stored(db, a_bracket(legs=legs))
    changed = (legs[0], replace(legs[1], status=LegStatus.OPEN), a_leg(seq=3, tag="T3"))

    bracket_db.save(db, [after(bracket, legs=changed, updated=a_moment(60))])

    rows = column(
        db, "SELECT tag || ' ' || status || ' ' || substr(updated_at, 12, 8) FROM legs ORDER BY seq"
    )
    assert rows == ["T1 sent 04:00:00", "T2 open 04:01:00", "T3 sent 04:01:00"]


def test_a_leg_that_learns_its_average_price_is_written(db: Database) -> None:
    leg = a_leg(tag="T1")
    bracket = stored(db, a_bracket(legs=(leg,)))

    bracket_db.save(db, [after(bracket, legs=(replace(leg, average_price=Decimal("99.95")),))])

    assert column(db, "SELECT average_price FROM legs") == ["99.95"]


def test_events_that_do_not_lead_to_the_version_are_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="events lead to 2"):
        bracket_db.insert_bracket(db, a_bracket(version=1), events(2), claim=None)


def test_a_used_key_gives_the_bracket_that_used_it_and_stores_nothing(db: Database) -> None:
    first, second = a_bracket(version=1), a_bracket(version=1)
    bracket_db.insert_bracket(db, first, events(1), claim=IdempotencyClaim(key="k", body_hash="h1"))

    answer = bracket_db.insert_bracket(db, second, events(1), claim=IdempotencyClaim(key="k", body_hash="h2"))

    assert answer == ExistingClaim(bracket_id=first.id, body_hash="h1")
    assert bracket_db.load(db, second.id) is None


def test_the_same_key_of_another_account_is_another_key(db: Database) -> None:
    claim = IdempotencyClaim(key="k", body_hash="h")
    other = a_bracket(plan=a_plan(account_id="acc2"), version=1)
    bracket_db.insert_bracket(db, a_bracket(version=1), events(1), claim=claim)

    assert bracket_db.insert_bracket(db, other, events(1), claim=claim) == 1


def test_of_eight_requests_with_one_key_exactly_one_makes_a_bracket(db: Database) -> None:
    claim = IdempotencyClaim(key="k", body_hash="h")
    answers: list[int | ExistingClaim] = []

    def place(_: int) -> None:
        answers.append(bracket_db.insert_bracket(db, a_bracket(version=3), events(3), claim=claim))

    in_threads(8, place)

    brackets = bracket_db.load_open(db, ["acc1"])
    assert len(brackets) == 1
    assert [answer for answer in answers if isinstance(answer, int)] == [3]
    assert answers.count(ExistingClaim(bracket_id=brackets[0].id, body_hash="h")) == 7


def test_a_key_is_free_again_after_its_claim_is_forgotten(db: Database) -> None:
    claim = IdempotencyClaim(key="k", body_hash="h")
    bracket_db.insert_bracket(db, a_bracket(version=1), events(1), claim=claim)

    assert bracket_db.forget_claims(db, a_moment().wall) == 0
    assert bracket_db.forget_claims(db, a_moment(1).wall) == 1

    assert bracket_db.insert_bracket(db, a_bracket(version=1), events(1), claim=claim) == 2


def test_account_seq_rises_over_all_brackets_of_the_account(db: Database) -> None:
    first, second = stored(db), stored(db)
    stored(db, a_bracket(plan=a_plan(account_id="acc2")))
    bracket_db.save(db, [after(first, 2), after(second)])

    news = news_after(db, "acc1", 1, limit=10)
    seen = [(event.account_seq, event.bracket_id) for event in news if isinstance(event, BracketNews)]

    assert seen == [(2, second.id), (3, first.id), (4, first.id), (5, second.id)]
    assert [e.account_seq for e in news_after(db, "acc1", 1, limit=2)] == [2, 3]


def test_events_come_back_as_they_were_stored(db: Database) -> None:
    bracket = a_bracket(version=2)
    bracket_db.insert_bracket(db, bracket, events(2, kind="LegFilled"), claim=None)

    found = bracket_db.events_of(db, bracket.id)

    assert [(e.seq, e.kind, e.at, e.payload) for e in found] == [
        (1, "LegFilled", a_moment(0).wall, b'{"n":0}'),
        (2, "LegFilled", a_moment(1).wall, b'{"n":1}'),
    ]


@pytest.mark.parametrize(
    ("tampering", "first_broken"),
    [
        ("""UPDATE bracket_events SET payload = '{"n":9}' WHERE seq = 2""", 2),
        ("UPDATE bracket_events SET kind = 'Other' WHERE seq = 3", 3),
        ("UPDATE bracket_events SET at = '2026-11-23T05:00:00.000000+00:00' WHERE seq = 1", 1),
        ("UPDATE bracket_events SET hash = 'x' WHERE seq = 4", 4),
        ("DELETE FROM bracket_events WHERE seq = 2", 2),
        ("DELETE FROM bracket_events WHERE seq = 4", 4),
    ],
)
def test_a_change_of_the_past_shows_in_the_chain(db: Database, tampering: str, first_broken: int) -> None:
    bracket = stored(db)
    bracket_db.save(db, [after(bracket, 3)])
    assert bracket_db.verify_chain(db, bracket.id) is None

    with db.write() as connection:
        connection.exec_driver_sql(tampering)

    assert bracket_db.verify_chain(db, bracket.id) == first_broken


def test_an_event_forged_with_a_hash_that_fits_breaks_the_chain_at_the_next_one(db: Database) -> None:
    bracket = stored(db)
    bracket_db.save(db, [after(bracket, 3)])
    genuine = bracket_db.events_of(db, bracket.id)[1]
    forged = replace(genuine, payload=b'{"n":9}')
    digest = sha256(
        msgspec.json.encode(
            [
                forged.prev_hash,
                forged.bracket_id,
                forged.seq,
                forged.kind,
                utc_text(forged.at),
                forged.payload.decode(),
            ]
        )
    ).hexdigest()

    with db.write() as connection:
        forgery = text("UPDATE bracket_events SET payload = :payload, hash = :hash WHERE seq = 2")
        connection.execute(forgery, {"payload": forged.payload.decode(), "hash": digest})

    assert bracket_db.verify_chain(db, bracket.id) == 3


def test_open_brackets_of_the_wanted_accounts_are_loaded_oldest_first(db: Database) -> None:
    first = stored(db)
    stored(db, a_bracket(state=State.CLOSED))
    stored(db, a_bracket(plan=a_plan(account_id="acc2")))
    third = stored(db, a_bracket(plan=a_plan(account_id="acc3"), state=State.EMERGENCY))

    assert bracket_db.load_open(db, ["acc1", "acc3"]) == (first, third)
    assert bracket_db.load_open(db, []) == ()


def test_only_brackets_that_finished_lately_are_watched(db: Database) -> None:
    stored(db)
    stored(db, a_bracket(state=State.CLOSED, finished_at=a_moment(10)))
    late = stored(db, a_bracket(state=State.CLOSED, finished_at=a_moment(30)))

    assert bracket_db.load_watch(db, "acc1", a_moment(20).wall) == (late,)


def test_pages_show_every_bracket_once_newest_first(db: Database) -> None:
    brackets = [stored(db) for _ in range(5)]
    stored(db, a_bracket(plan=a_plan(account_id="acc2")))
    seen: list[Bracket] = []
    cursor = None
    sizes = []

    while True:
        page = bracket_db.list_brackets(db, "acc1", state=Listed.ALL, limit=2, cursor=cursor)
        seen += page.brackets
        sizes.append(len(page.brackets))
        if page.cursor is None:
            break
        cursor = page.cursor
        stored(db)  # a newer one must not shift the pages that follow

    assert seen == sorted(brackets, key=lambda bracket: bracket.id, reverse=True)
    assert sizes == [2, 2, 1]


def test_the_last_full_page_offers_no_other(db: Database) -> None:
    stored(db)

    assert bracket_db.list_brackets(db, "acc1", state=Listed.ALL, limit=1).cursor is None


@pytest.mark.parametrize(
    ("listed", "states"), [(Listed.OPEN, [State.PROTECTED]), (Listed.CLOSED, [State.CLOSED])]
)
def test_a_list_can_show_open_or_closed_brackets_only(
    db: Database, listed: Listed, states: list[State]
) -> None:
    stored(db, a_bracket(state=State.PROTECTED))
    stored(db, a_bracket(state=State.CLOSED))

    page = bracket_db.list_brackets(db, "acc1", state=listed, limit=10)

    assert [bracket.state for bracket in page.brackets] == states


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_a_read_only_database_stores_nothing_and_says_so(db: Database) -> None:
    bracket = stored(db)
    db.close()
    with db.write() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")  # stays on for this pooled connection

    with pytest.raises(NotStored, match="readonly"):
        bracket_db.save(db, [after(bracket, state=State.CLOSED)])
    with pytest.raises(NotStored, match="readonly"):
        bracket_db.insert_bracket(db, a_bracket(version=1), events(1), claim=None)

    assert bracket_db.load_open(db, ["acc1"]) == (bracket,)


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_a_full_disk_in_the_middle_leaves_nothing_half_written(db: Database) -> None:
    bracket = stored(db)
    huge = replace(events(1)[0], payload=b'"' + b"x" * 4_000_000 + b'"')
    db.close()
    with db.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 20}")

    with pytest.raises(NotStored, match="full"):
        bracket_db.save(db, [replace(after(bracket, legs=(a_leg(),)), events=[huge])])

    assert bracket_db.load(db, bracket.id) == bracket
    assert column(db, "SELECT count(*) FROM legs") == [0]


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_another_process_holding_the_lock_is_not_stored(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("database.session.SQLITE_PRAGMAS", ("PRAGMA busy_timeout=20",))
    db.close()
    other = sqlite3.connect(tmp_path / "openbracket.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(NotStored, match="locked"):
        stored(db)

    other.close()


def in_threads(count: int, work: Callable[[int], None]) -> None:
    together = threading.Barrier(count)

    def run(number: int) -> None:
        together.wait(10)
        work(number)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
