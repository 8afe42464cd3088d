"""What is told of a plain order's way to the broker, to clients, webhooks and in a chat."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from database.account_news import PlainNews
from database.plain_order_db import PlainKind, PlainStatus
from services.bracket.model import Mode
from services.outbox import PlainHappened
from services.plain_announcements import plain_announcement
from services.telegram_words import alert_of
from services.webhook_messages import webhook_message
from tests.builders import NINE_THIRTY, a_plain_order

# Kind of event, status that clients hear, how the alert begins ("" for none; ! is with a sound).
TOLD = [
    ("accepted", "order_placed", "PLACED"),
    ("rejected", "order_rejected", "! REFUSED"),
    ("not_sent", "order_not_sent", "! NOT SENT"),
    ("unknown", "order_unknown", "! NOT CONFIRMED"),
    ("absent", "order_absent", "! NOT PLACED"),
    ("unresolved", "order_unresolved", "! NEVER FOUND"),
    ("modify_acknowledged", "order_modified", ""),
    ("modify_refused", "order_change_refused", "! CHANGE REFUSED"),
    ("modify_unknown", "order_change_unknown", "! CHANGE NOT CONFIRMED"),
    ("cancel_acknowledged", "order_cancelled", ""),
    ("cancel_refused", "order_change_refused", "! CHANGE REFUSED"),
    ("cancel_unknown", "order_change_unknown", "! CHANGE NOT CONFIRMED"),
]
# What has only begun, and what never left: whoever asked for it is answered so.
SILENT = ["sent", "modify_sent", "cancel_sent", "modify_not_sent", "cancel_not_sent"]


def happened(kind: str, /, **order: Any) -> PlainHappened:
    news = PlainNews(
        account_seq=7,
        at=NINE_THIRTY,
        order_id="ORDER",
        order_seq=2,
        kind=kind,
        broker_order_id=None,
        reason="no margin",
    )
    told = a_plain_order(broker_order_id="2511230001", **order)
    return PlainHappened(news=news, order=told, account_name="main")


def alert(told: PlainHappened) -> str:
    message = alert_of(told)
    return "" if message is None else ("! " if message.urgent else "") + message.body


@pytest.mark.parametrize(("kind", "status", "begins"), TOLD)
def test_what_became_of_an_order_is_told_to_clients_and_webhooks(kind: str, status: str, begins: str) -> None:
    one = happened(kind)

    said, message = plain_announcement(one.news, one.order), webhook_message(one)

    assert said is not None
    assert message is not None
    body = msgspec.json.decode(message.body)
    assert (said.status, body["type"]) == (status, f"plain_order.{status}")
    assert body["data"] == {**said.payload(), "account": "main"}
    assert {"plain_order_id", "seq", "mode", "symbol", "message", "timestamp"} <= set(said.payload())
    assert alert(one).startswith(f"{begins} BUY 5 NSE:SBIN\n" if begins else "")
    assert bool(alert(one)) == bool(begins)


@pytest.mark.parametrize("kind", SILENT)
def test_what_has_only_begun_is_not_told(kind: str) -> None:
    one = happened(kind)

    assert (plain_announcement(one.news, one.order), webhook_message(one), alert(one)) == (None, None, "")


def test_every_end_of_an_order_is_told() -> None:
    silent = {
        status for status in PlainStatus if plain_announcement(happened(status).news, a_plain_order()) is None
    }

    assert silent == {PlainStatus.SENT}


def test_a_refusal_gives_the_brokers_reason_and_a_placement_says_that_nothing_protects_it() -> None:
    assert "no margin" in alert(happened("rejected"))
    assert "nothing protects" in alert(happened("accepted"))
    assert alert(happened("accepted", mode=Mode.ANALYZE)).endswith("paper mode")
    assert "GTT" in alert(happened("accepted", kind=PlainKind.GTT))


def test_an_order_that_was_lost_and_is_there_is_told_as_found() -> None:
    one = happened("accepted")

    assert alert(replace(one, news=replace(one.news, order_seq=3))).startswith("FOUND")


def test_a_broker_that_writes_a_novel_is_cut_short() -> None:
    one = happened("rejected")
    long = replace(one, news=replace(one.news, reason="x" * 9000))

    assert len(alert(long)) < 1200
