"""When to try again and what to send next, as tables of examples."""

from datetime import timedelta

import pytest

from database.outbox_db import Health, Message
from services.delivery import (
    arrived,
    chat_pause_after,
    failed_health,
    is_long_dead,
    is_refused_for_good,
    next_parcel,
    pause_after,
)
from tests.builders import NINE_THIRTY

NOW = NINE_THIRTY


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def a_message(
    number: int, *, urgent: bool = False, wait: float = 0, body: str | None = None, attempts: int = 0
) -> Message:
    return Message(
        id=number,
        destination_id="chat",
        key=f"seq-{number}",
        seq=number,
        urgent=urgent,
        body=body or f"text {number}",
        attempts=attempts,
        next_at=NOW + seconds(wait),
        created_at=NOW,
    )


@pytest.mark.parametrize(
    ("attempts", "pause"), [(1, 5), (2, 15), (3, 45), (4, 120), (5, 300), (6, 900), (7, 900), (1000, 900)]
)
def test_a_webhook_is_tried_again_after_growing_pauses(attempts: int, pause: int) -> None:
    assert pause_after(attempts) == seconds(pause)


@pytest.mark.parametrize(("failures", "pause"), [(1, 1), (2, 2), (3, 5), (4, 10), (5, 20), (6, 30), (99, 30)])
def test_a_chat_is_never_left_alone_for_long(failures: int, pause: int) -> None:
    assert chat_pause_after(failures) == seconds(pause)


@pytest.mark.parametrize(
    ("status", "taken"),
    [
        (200, True),
        (204, True),
        (299, True),
        (199, False),
        (301, False),
        (307, False),
        (404, False),
        (500, False),
    ],
)
def test_only_a_success_says_that_a_webhook_was_taken(status: int, taken: bool) -> None:
    assert arrived(status) is taken


@pytest.mark.parametrize(
    ("asked", "waits"),
    [(None, 45), (seconds(10), 45), (seconds(300), 300), (seconds(86400), 3600)],
)
def test_a_destination_gets_the_wait_it_asks_for_up_to_an_hour(asked: timedelta | None, waits: int) -> None:
    before = Health(failures=2, failing_since=NOW - seconds(60), next_at=None)

    after = failed_health(before, NOW, pause=seconds(45), asked=asked)

    assert after == Health(failures=3, failing_since=NOW - seconds(60), next_at=NOW + seconds(waits))


def test_the_first_failure_is_since_when_it_fails() -> None:
    after = failed_health(Health(), NOW, pause=seconds(5), asked=None)

    assert (after.failures, after.failing_since) == (1, NOW)


@pytest.mark.parametrize(("since", "dead"), [(None, False), (seconds(86399), False), (seconds(86400), True)])
def test_a_day_without_success_is_long_dead(since: timedelta | None, dead: bool) -> None:
    health = Health(failing_since=None if since is None else NOW - since)

    assert is_long_dead(health, NOW) is dead


@pytest.mark.parametrize(
    ("attempts", "others_fail_too", "for_good"),
    [(14, False, False), (15, False, True), (15, True, False), (500, True, False)],
)
def test_a_message_is_given_up_only_where_others_arrive(
    attempts: int, others_fail_too: bool, for_good: bool
) -> None:
    health = Health(failing_since=NOW if others_fail_too else None)

    assert is_refused_for_good(attempts, health) is for_good


CHOICES: list[tuple[str, list[Message], tuple[int, ...]]] = [
    ("nothing waits", [], ()),
    ("nothing is due", [a_message(1, wait=1)], ()),
    ("one by one while there are few", [a_message(1), a_message(2), a_message(3)], (1,)),
    ("failure first", [a_message(1), a_message(2, urgent=True)], (2,)),
    ("the first of few failures", [a_message(1), a_message(2, urgent=True), a_message(3, urgent=True)], (2,)),
    ("many are told together", [a_message(n) for n in range(1, 6)], (1, 2, 3, 4, 5)),
    (
        "many failures together, the rest later",
        [a_message(n, urgent=n > 2) for n in range(1, 7)],
        (3, 4, 5, 6),
    ),
    ("what is not due is left out", [a_message(n, wait=n % 2) for n in range(1, 11)], (2, 4, 6, 8, 10)),
    (
        "one that was refused waits behind those that were not",
        [a_message(1, urgent=True, attempts=3), a_message(2, urgent=True)],
        (2,),
    ),
    ("no more than a message holds", [a_message(n, body="x" * 1000) for n in range(1, 9)], (1, 2, 3)),
    ("one that is too long by itself", [a_message(n, body="x" * 4000) for n in range(1, 6)], (1,)),
]


@pytest.mark.parametrize(("what", "waiting", "sent"), CHOICES, ids=[one[0] for one in CHOICES])
def test_what_a_chat_is_told_next(what: str, waiting: list[Message], sent: tuple[int, ...]) -> None:
    parcel = next_parcel(waiting, NOW)

    assert (() if parcel is None else parcel.ids) == sent


def test_a_parcel_holds_every_text_and_fits_one_message() -> None:
    parcel = next_parcel([a_message(n, urgent=True) for n in range(1, 5)], NOW)

    assert parcel is not None
    assert parcel.text == "text 1\n\ntext 2\n\ntext 3\n\ntext 4"
    assert parcel.urgent
