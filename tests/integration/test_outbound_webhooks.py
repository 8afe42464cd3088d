"""Outbound webhooks: signed, until they arrive, each event once in the outbox, replayable."""

import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

from cli import register_commands
from database import outbox_db
from database.account_db import Account
from database.outbox_db import Channel, Destination
from database.plain_order_db import PlainStatus, change_plain_order, insert_plain_order
from database.sealed_columns import rotate_secrets
from database.secret_box import SecretBox
from database.session import Database
from services.bracket.events import (
    AlarmRaised,
    BracketFinished,
    LegMissed,
    ProtectionCompleted,
    StateChanged,
)
from services.bracket.model import Outcome, State
from services.destinations import Switchboard, replay_message, send_test
from services.outbound_http import OutboundHttp
from services.outbox import OutboxFeeder
from services.webhook_messages import webhook_message
from services.webhook_sender import WebhookSender
from tests.builders import StoppedClock, a_plain_order
from tests.history import store_history
from tests.receiver import Receiver, a_receiver
from tests.serving import a_config, an_order, end, serve, until
from tests.stores import an_account, some_secrets
from utils.clock import SystemClock
from utils.config import Config, OutboundLeave

HERE = frozenset({OutboundLeave.PRIVATE, OutboundLeave.HTTP})
PROTECTED = ProtectionCompleted(quantity=10, average_price=None)
FINISHED = BracketFinished(outcome=Outcome.TARGET_HIT, quantity=10, profit=None)
SILENT = LegMissed(seq=1)
CANCELLED = StateChanged(old=State.ENTRY_OPEN, new=State.CANCELLED, on="cancel")
ALARM = AlarmRaised(kind="unprotected", text="10 shares have no working stop", count=1)

Run = Callable[..., Result]


@dataclass
class Post:
    """A database with one account and one hook, fed and sent by hand, on a clock moved by hand."""

    config: Config
    db: Database
    account: Account
    clock: StoppedClock
    receiver: Receiver
    run: Run
    hook_id: str = ""
    secret: str = ""

    def add_hook(self, path: str = "/hook") -> str:
        added = self.run("hook", "add", "--account", "main", "--url", self.receiver.root + path)
        assert added.exit_code == 0, added.output
        self.hook_id, self.secret = added.output.split()
        return self.hook_id

    def feed(self) -> None:
        OutboxFeeder(self.db, self.clock, {Channel.WEBHOOK: webhook_message}).feed()

    def send(self) -> int:
        """Send as a service just started would: nothing is kept in memory."""
        return self.sender().send_due(threading.Event())

    def send_all(self) -> None:
        while self.send():
            pass

    def sender(self) -> WebhookSender:
        return WebhookSender(self.db, some_secrets().box, self.clock, OutboundHttp(allow=HERE))

    def hook(self) -> Destination:
        found = outbox_db.destination(self.db, self.hook_id)
        assert found is not None
        return found

    def told(self) -> list[str]:
        return [json.loads(came.body)["type"] for came in self.receiver.requests]

    def ids(self) -> list[str]:
        return [came.headers["webhook-id"] for came in self.receiver.requests]


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    config = a_config(tmp_path, outbound_webhooks_allow=HERE)
    clock = StoppedClock()
    app = Flask("test")
    register_commands(app, config=config, clock=clock, brokers={"paper"})
    runner = app.test_cli_runner()

    def run(*words: str) -> Result:
        return runner.invoke(args=words)

    assert run("db", "upgrade").exit_code == 0
    db = Database(config.database_url)
    with a_receiver() as receiver:
        post = Post(config, db, an_account(db), clock, receiver, run)
        post.add_hook()
        yield post
    db.close()


def test_a_receiver_gets_what_clients_hear_signed_by_standard_webhooks(post: Post) -> None:
    bracket = store_history(post.db, post.account, SILENT, PROTECTED)
    post.clock = StoppedClock(SystemClock().now())  # a verifier refuses what is five minutes old

    post.feed()
    post.send_all()

    came = post.receiver.requests[0]
    told = Webhook(post.secret).verify(came.body, dict(came.headers))
    assert told["type"] == "bracket_order.completed"
    assert told["data"]["bracket_id"] == bracket.id
    assert (told["data"]["seq"], told["data"]["account"], told["data"]["status"]) == (2, "main", "completed")
    assert came.headers["content-type"] == "application/json"
    assert len(post.receiver.requests) == 1


def test_a_test_is_signed_sent_and_replayed_like_every_other_message(post: Post) -> None:
    post.clock = StoppedClock(SystemClock().now())
    parts = Switchboard(db=post.db, box=some_secrets().box, clock=post.clock)

    key = send_test(parts, post.hook(), account_name="main")
    post.send_all()
    replayed = replay_message(parts, post.hook(), post.ids()[0])
    post.send_all()

    came = post.receiver.requests[0]
    told = Webhook(post.secret).verify(came.body, dict(came.headers))
    assert (told["type"], told["data"]["account"]) == ("bracket_order.test", "main")
    assert replayed
    assert post.ids() == [f"msg_{post.account.id}_{key}"] * 2
    (sending,) = outbox_db.sendings(post.db, post.hook_id, limit=10)
    assert (sending.key, str(sending.state), sending.last_error) == (key, "delivered", None)


def test_a_body_that_was_changed_does_not_verify(post: Post) -> None:
    store_history(post.db, post.account, PROTECTED)
    post.clock = StoppedClock(SystemClock().now())
    post.feed()
    post.send_all()

    came = post.receiver.requests[0]
    with pytest.raises(WebhookVerificationError):
        Webhook(post.secret).verify(came.body.replace(b"10", b"99"), dict(came.headers))


def test_what_failed_is_sent_again_with_the_same_id_until_it_arrives(post: Post) -> None:
    store_history(post.db, post.account, PROTECTED)
    post.feed()
    post.receiver.answers = [(500, {}), (302, {"Location": "/x"}), (204, {})]

    tried = []
    for _ in range(100):
        tried.append(post.send())
        post.clock.seconds += 1

    assert [second for second, count in enumerate(tried) if count] == [0, 5, 20]
    assert len(set(post.ids())) == 1
    assert outbox_db.count_waiting(post.db) == {}
    assert (post.hook().failures, post.hook().failing_since) == (0, None)


def test_a_receiver_that_asks_for_a_wait_gets_it(post: Post) -> None:
    store_history(post.db, post.account, PROTECTED)
    post.feed()
    post.receiver.answers = [(429, {"Retry-After": "120"})]
    post.send()

    post.clock.seconds = 119
    assert post.send() == 0
    post.clock.seconds = 121
    assert post.send() == 1


def test_nobody_listening_is_a_failure_like_any_other(post: Post) -> None:
    with a_receiver() as gone:
        pass
    post.run("hook", "remove", post.hook_id)
    post.receiver.root = gone.root
    post.add_hook()
    store_history(post.db, post.account, PROTECTED)
    post.feed()

    assert post.send() == 1

    assert post.hook().failures == 1
    assert "failing since" in post.run("hook", "list").output


def test_an_outage_loses_nothing_and_the_first_success_lets_all_the_rest_through(post: Post) -> None:
    for _ in range(5):
        store_history(post.db, post.account, PROTECTED, FINISHED)
    post.feed()
    post.receiver.always = 503
    for _ in range(50):
        post.send()
        post.clock.seconds += 60
    post.receiver.requests.clear()
    post.receiver.always = 204

    post.clock.seconds += 900
    post.send_all()

    assert len(set(post.ids())) == len(post.ids()) == 10
    assert outbox_db.count_waiting(post.db) == {}


def test_one_message_that_is_never_taken_does_not_hold_up_the_others(post: Post) -> None:
    def send_for(seconds: int, *, step: int) -> None:
        for _ in range(seconds // step):
            post.receiver.always = 204
            waiting = outbox_db.due(post.db, post.hook_id, now=post.clock.now())
            if waiting is not None and waiting.key == "seq-1":
                post.receiver.always = 400
            post.send()
            post.clock.seconds += step

    for _ in range(4):
        store_history(post.db, post.account, PROTECTED)
    post.feed()

    send_for(60, step=5)
    assert sorted(set(post.ids())) == [f"msg_{post.account.id}_seq-{seq}" for seq in (1, 2, 3, 4)]
    assert post.hook().disabled_at is None
    for _ in range(30):
        store_history(post.db, post.account, PROTECTED)
        post.feed()
        send_for(900, step=30)

    assert outbox_db.count_waiting(post.db) == {}, "given up after many attempts, and only that one"
    assert post.ids().count(f"msg_{post.account.id}_seq-1") == 15


def test_a_receiver_dead_for_a_day_is_disabled_with_a_notice_to_the_chat_and_the_operator(post: Post) -> None:
    chat = replace(post.hook(), id="chat", channel=Channel.TELEGRAM, address="42")
    outbox_db.add_destination(post.db, chat, secret=None)
    store_history(post.db, post.account, PROTECTED)
    post.feed()
    post.receiver.always = 500

    for _ in range(100):
        post.send()
        post.clock.seconds += 900

    attempts = len(post.receiver.requests)
    assert 90 <= attempts <= 110, "each quarter of an hour for a day, and then no more"
    assert post.hook().disabled_at is not None
    assert "DISABLED" in post.run("hook", "list").output
    assert post.run("doctor").exit_code == 2
    notices = outbox_db.waiting(post.db, ["chat"], limit=10)
    assert [one.urgent for one in notices] == [True]
    assert "WEBHOOK DISABLED" in notices[0].body
    assert outbox_db.count_waiting(post.db)[post.hook_id] == 1, "nothing is lost"


def test_what_a_disabled_hook_missed_comes_when_it_is_enabled(post: Post) -> None:
    outbox_db.disable(post.db, post.hook_id, reason="dead", at=post.clock.now())
    store_history(post.db, post.account, PROTECTED, FINISHED)
    post.feed()
    post.send_all()
    assert post.receiver.requests == []

    assert post.run("hook", "enable", post.hook_id).exit_code == 0
    post.feed()
    post.send_all()

    assert post.told() == ["bracket_order.completed", "bracket_order.target_hit"]
    assert post.run("hook", "enable", post.hook_id).exit_code == 2


def test_a_receiver_that_says_gone_is_not_called_again(post: Post) -> None:
    store_history(post.db, post.account, PROTECTED, FINISHED)
    post.feed()
    post.receiver.always = 410

    for _ in range(10):
        post.send()
        post.clock.seconds += 900

    assert len(post.receiver.requests) == 1
    assert post.hook().disabled_reason == "the answer was 410"


def test_a_dead_receiver_costs_the_others_nothing(post: Post) -> None:
    dead = post.hook_id
    alive = post.add_hook("/alive")
    store_history(post.db, post.account, PROTECTED, FINISHED)
    post.feed()
    outbox_db.note_failed(
        post.db,
        [dead],
        [],
        error="dead",
        health=outbox_db.Health(failures=3, next_at=post.clock.now() + timedelta(minutes=2)),
    )

    post.send_all()

    assert [came.path for came in post.receiver.requests] == ["/alive", "/alive"]
    assert set(outbox_db.count_waiting(post.db)) == {dead}
    assert alive != dead


def test_events_are_queued_once_however_often_they_are_read(post: Post) -> None:
    store_history(post.db, post.account, PROTECTED, ALARM, FINISHED)

    for _ in range(3):  # each feeder knows nothing of the one before, as after a crash
        post.feed()

    post.send_all()
    assert post.told() == ["bracket_order.completed", "bracket_order.unprotected", "bracket_order.target_hit"]


def test_two_feeders_at_once_queue_an_event_once(post: Post) -> None:
    for _ in range(30):
        store_history(post.db, post.account, PROTECTED)
    threads = [threading.Thread(target=post.feed) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    post.feed()

    assert outbox_db.count_waiting(post.db) == {post.hook_id: 30}


def test_a_crash_while_queueing_neither_loses_nor_doubles(post: Post) -> None:
    store_history(post.db, post.account, PROTECTED, FINISHED)
    with post.db.write() as connection:
        connection.execute(
            text("CREATE TRIGGER no_outbox BEFORE INSERT ON outbox BEGIN SELECT RAISE(FAIL, 'no'); END")
        )
    with pytest.raises(Exception, match="no"):
        post.feed()
    assert post.hook().fed_seq == 0

    with post.db.write() as connection:
        connection.execute(text("DROP TRIGGER no_outbox"))
    post.feed()
    post.feed()
    post.send_all()

    assert post.told() == ["bracket_order.completed", "bracket_order.target_hit"]


def test_a_crash_after_sending_sends_again_under_the_same_id(post: Post) -> None:
    store_history(post.db, post.account, PROTECTED)
    post.feed()
    with post.db.write() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER crash BEFORE UPDATE OF state ON outbox BEGIN SELECT RAISE(FAIL, 'crash'); END"
            )
        )
    with pytest.raises(Exception, match="crash"):
        post.send()
    with post.db.write() as connection:
        connection.execute(text("DROP TRIGGER crash"))

    assert post.send() == 0, "not at once: a crash in a loop must not be a storm"
    post.clock.seconds += 6
    post.send()

    assert len(post.ids()) == 2
    assert len(set(post.ids())) == 1


def test_a_hook_hears_of_what_comes_after_it_and_of_its_own_account_only(post: Post) -> None:
    other = an_account(post.db, name="other")
    store_history(post.db, post.account, PROTECTED)
    later = post.add_hook("/later")
    store_history(post.db, other, PROTECTED)
    store_history(post.db, post.account, FINISHED)

    post.feed()
    post.send_all()

    came = [(one.path, json.loads(one.body)["data"]["seq"]) for one in post.receiver.requests]
    assert sorted(came) == [("/hook", 1), ("/hook", 2), ("/later", 2)]
    assert outbox_db.destination(post.db, later) is not None


def test_one_message_is_replayed_by_its_id(post: Post) -> None:
    store_history(post.db, post.account, PROTECTED, FINISHED)
    post.feed()
    post.send_all()
    wanted = post.ids()[1]

    assert post.run("hook", "replay", post.hook_id, "--id", wanted).exit_code == 0
    post.send_all()

    assert post.ids() == [f"msg_{post.account.id}_seq-1", wanted, wanted]
    assert post.receiver.requests[1].body == post.receiver.requests[2].body


@pytest.mark.parametrize("message", ["msg_nobody_seq-1", "msg_{account}_seq-9", "seq-1", ""])
def test_a_message_that_is_not_there_is_told(post: Post, message: str) -> None:
    named = message.format(account=post.account.id)

    assert post.run("hook", "replay", post.hook_id, "--id", named).exit_code == 2


def test_everything_since_a_seq_is_replayed_also_what_the_outbox_has_long_forgotten(post: Post) -> None:
    store_history(post.db, post.account, PROTECTED, SILENT, FINISHED, CANCELLED)
    post.feed()
    post.send_all()
    first = post.ids()
    post.clock.seconds += 100
    outbox_db.forget_finished(post.db, before=post.clock.now())
    store_history(post.db, post.account, PROTECTED)
    post.feed()
    post.send_all()

    assert post.run("hook", "replay", post.hook_id, "--since-seq", "3").exit_code == 0
    post.feed()
    post.send_all()

    assert len(first) == 3
    assert sorted(post.ids()[4:]) == sorted([*first[1:], post.ids()[3]])


def test_finished_messages_are_forgotten_after_a_month_and_waiting_ones_never(post: Post) -> None:
    store_history(post.db, post.account, PROTECTED)
    post.feed()
    post.send_all()
    store_history(post.db, post.account, FINISHED)
    post.feed()

    post.clock.seconds += timedelta(days=31).total_seconds()
    forgotten = outbox_db.forget_finished(post.db, before=post.clock.now() - timedelta(days=30))

    assert forgotten == 1
    assert outbox_db.count_waiting(post.db) == {post.hook_id: 1}


def test_the_secret_is_stored_sealed_shown_once_and_survives_new_encryption_keys(post: Post) -> None:
    cipher = outbox_db.secret_of(post.db, post.hook_id) or ""

    old, other = (urlsafe_b64encode(letter * 32).decode() for letter in (b"k", b"o"))
    for keys in ([other, old], [old, other]):  # there, and back to the sender's
        rotate_secrets(post.db, SecretBox(pepper=b"p" * 32, encryption_keys=keys))

    assert post.secret.startswith("whsec_")
    assert post.secret not in cipher
    assert post.secret not in post.run("hook", "list").output
    assert outbox_db.secret_of(post.db, post.hook_id) != cipher
    store_history(post.db, post.account, PROTECTED)
    post.feed()
    post.send_all()
    assert len(post.receiver.requests) == 1


def test_a_secret_that_cannot_be_opened_fails_its_own_hook_only(post: Post) -> None:
    broken = post.hook_id
    post.add_hook("/alive")
    with post.db.write() as connection:
        connection.execute(text("UPDATE destinations SET secret = 'x' WHERE id = :id"), {"id": broken})
    store_history(post.db, post.account, PROTECTED)
    post.feed()

    post.send_all()

    assert [came.path for came in post.receiver.requests] == ["/alive"]
    assert outbox_db.count_waiting(post.db) == {broken: 1}


@pytest.mark.parametrize("url", ["ftp://x.test/", "https://user:word@x.test/", "x.test"])
def test_an_address_we_would_not_send_to_is_refused_at_once(post: Post, url: str) -> None:
    assert post.run("hook", "add", "--account", "main", "--url", url).exit_code == 2


def test_a_private_address_is_refused_when_sending_too(post: Post) -> None:
    store_history(post.db, post.account, PROTECTED)
    post.feed()
    strict = replace(post.sender(), http=OutboundHttp(allow=frozenset({OutboundLeave.HTTP})))

    strict.send_due(threading.Event())

    assert post.receiver.requests == []
    assert post.hook().failures == 1


def test_commands_for_a_hook_that_is_not_there_say_so(post: Post) -> None:
    for words in (("remove", "nope"), ("enable", "nope"), ("replay", "nope", "--since-seq", "1")):
        assert post.run("hook", *words).exit_code == 2
    assert post.run("hook", "replay", post.hook_id).exit_code == 2


def test_a_served_bracket_tells_its_life_to_a_hook_added_beside_the_running_service(tmp_path: Path) -> None:
    served = serve(a_config(tmp_path, outbound_webhooks_allow=HERE))
    try:
        with a_receiver() as receiver:
            added = served.app.test_cli_runner().invoke(
                args=["hook", "add", "--account", "main", "--url", f"{receiver.root}/hook"]
            )
            secret = added.output.split()[1]
            placed = served.place(**an_order())

            def came() -> list[str]:
                return [json.loads(one.body)["type"] for one in receiver.requests]

            until(lambda: "bracket_order.completed" in came(), what="the webhook that says protected")

            for one in receiver.requests:
                told = Webhook(secret).verify(one.body, dict(one.headers))
                assert told["data"]["bracket_id"] == placed["bracket_id"]
            assert "bracket_order.entry_order_placed" in came()
    finally:
        end(served)


def test_a_plain_order_is_told_to_a_hook_and_replayed_with_the_rest(post: Post) -> None:
    order = a_plain_order(account_id=post.account.id)
    insert_plain_order(post.db, order)
    known = replace(order, status=PlainStatus.ACCEPTED, broker_order_id="2511230001")
    detail = {"broker_order_id": known.broker_order_id, "reason": None}
    change_plain_order(post.db, known, known.status, at=post.clock.now(), detail=detail)

    post.feed()
    post.send_all()
    outbox_db.forget_finished(post.db, before=post.clock.now() + timedelta(seconds=1))
    outbox_db.replay_since(post.db, post.hook_id, seq=1, at=post.clock.now())
    post.feed()
    post.send_all()

    assert post.told() == ["plain_order.order_placed"] * 2
    assert len(set(post.ids())) == 1
    data = json.loads(post.receiver.requests[0].body)["data"]
    assert (data["plain_order_id"], data["order_id"], data["account"]) == (order.id, "2511230001", "main")


def test_a_replay_asked_while_events_are_being_queued_is_not_lost(post: Post) -> None:
    store_history(post.db, post.account, PROTECTED, FINISHED)
    read_before = post.hook()
    post.feed()
    post.send_all()
    outbox_db.forget_finished(post.db, before=post.clock.now() + timedelta(seconds=1))
    outbox_db.replay_since(post.db, post.hook_id, seq=1, at=post.clock.now())
    outbox_db.replay_since(post.db, post.hook_id, seq=2, at=post.clock.now())
    late = replace(read_before, fed_seq=1)

    assert not outbox_db.feed(post.db, late, [], up_to=2, at=post.clock.now())

    post.feed()
    post.send_all()
    assert post.told() == ["bracket_order.completed", "bracket_order.target_hit"] * 2


def test_an_event_without_words_silences_nothing_that_comes_after_it(post: Post) -> None:
    store_history(post.db, post.account, PROTECTED, ALARM, FINISHED)
    with post.db.write() as connection:
        connection.execute(text("UPDATE bracket_events SET kind = 'FromTheFuture' WHERE account_seq = 1"))

    post.feed()
    post.send_all()

    assert post.told() == ["bracket_order.event", "bracket_order.unprotected", "bracket_order.target_hit"]
    told = json.loads(post.receiver.requests[0].body)
    assert told["data"]["seq"] == 1
    assert told["timestamp"].endswith("Z")


def test_a_long_replay_does_not_hold_up_the_news_of_another(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.outbox._BATCH", 1)
    for _ in range(10):
        store_history(post.db, post.account, PROTECTED)
    post.feed()
    replayed = post.hook_id
    newer = post.add_hook("/newer")
    outbox_db.replay_since(post.db, replayed, seq=1, at=post.clock.now())
    store_history(post.db, post.account, ALARM)
    order: list[str] = []

    def note_the_turn() -> None:
        waits = outbox_db.destination(post.db, newer)
        order.append("newer fed" if waits is not None and waits.fed_seq == 11 else "not yet")

    feeder = OutboxFeeder(post.db, post.clock, {Channel.WEBHOOK: webhook_message}, [note_the_turn])
    feeder.feed()

    assert order[0] == "newer fed"
    assert len(order) == 11
