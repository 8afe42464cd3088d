"""Telegram as a person sees it, against a Bot API over HTTP that limits, blocks, hangs and repeats."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import text as sql

from database import outbox_db
from database.account_db import AccountStatus, set_account_status
from database.account_news import news_after
from database.outbox_db import Channel, NewMessage
from database.settings import SettingScope, kill_switch, setting
from database.telegram_links import CODE_LIVES
from services.bracket.model import KillMode
from services.telegram_alert_service import send_order_alert
from services.telegram_commands import WORD_LIVES, ChatCommands
from services.telegram_service import TelegramService
from services.threads import start_thread
from tests.builders import StoppedClock
from tests.fake_telegram import (
    BAD_GATEWAY,
    BAD_REQUEST,
    BLOCKED,
    CONFLICT,
    HANG,
    MY_CHAT,
    TOKEN,
    FakeTelegram,
    a_fake_telegram,
    too_many,
)
from tests.serving import Served, a_config, an_order, end, resting, serve, until
from utils.clock import SystemClock
from utils.config import Config, TelegramSettings

FOREIGN_CHAT = 666


@dataclass
class Talk:
    """A service with Telegram's thread under the test's hand, and Telegram itself."""

    served: Served
    fake: FakeTelegram
    settings: TelegramSettings
    stop_event: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def start(self) -> None:
        self.stop_event = threading.Event()
        self.thread = start_thread(
            "telegram", TelegramService(self.served.desk, self.settings).run, self.stop_event
        )

    def stop(self) -> None:
        self.stop_event.set()
        if self.thread is not None:
            self.thread.join(timeout=10)
            assert not self.thread.is_alive()
            self.thread = None

    def cli(self, *words: str) -> str:
        result = self.served.app.test_cli_runner().invoke(args=list(words))
        assert result.exit_code == 0, result.output
        return result.output

    def code(self, *more: str, account: str = "main") -> str:
        return self.cli("telegram", "link", "--account", account, *more).splitlines()[0]

    def link(self, *more: str, account: str = "main") -> None:
        before = len(self.fake.texts())
        self.say(self.code(*more, account=account))
        until(lambda: len(self.fake.texts()) > before, what="the welcome")
        assert self.fake.texts()[-1].startswith("Alerts of")

    def say(self, text: str, *, chat_id: int = MY_CHAT, kind: str = "private", ago: float = 0.0) -> int:
        at = self.served.desk.clock.now().timestamp() - ago
        return self.fake.say(text, at=at, chat_id=chat_id, kind=kind)

    def ask(self, text: str, *, ago: float = 0.0) -> str:
        """Say something and return the answer to it."""
        number = self.say(text, ago=ago)
        until(lambda: self.state_of(f"answer-{number}") == "delivered", what=f"the answer to {text}")
        return self.fake.texts()[-1]

    def state_of(self, key: str) -> str | None:
        with self.served.desk.db.read() as connection:
            return connection.execute(sql("SELECT state FROM outbox WHERE key = :key"), {"key": key}).scalar()

    def alert(self, key: str, text: str, *, urgent: bool = True) -> None:
        desk = self.served.desk
        assert send_order_alert(
            desk.db, desk.clock, self.served.account.id, key=key, text=text, urgent=urgent
        )

    def heard(self, *parts: str) -> Callable[[], bool]:
        return lambda: all(any(part in text for text in self.fake.texts()) for part in parts)

    def links(self) -> tuple[outbox_db.Destination, ...]:
        return outbox_db.destinations(self.served.desk.db, Channel.TELEGRAM)

    def last_update(self) -> int | None:
        """Return the number of the update that was taken last."""
        stored = setting(self.served.desk.db, SettingScope.SERVICE, subject_id="", key="telegram_updates")
        return None if stored is None else int(stored.split()[0])

    def kill_mode(self) -> KillMode:
        account = self.served.account
        return kill_switch(self.served.desk.db, account.id, owner_id=account.owner_id)

    def waits(self) -> int:
        return sum(outbox_db.count_waiting(self.served.desk.db).values())


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Talk]:
    made = Config.telegram
    # Its thread is started by the test, so that it can be stopped and started again.
    monkeypatch.setattr(Config, "telegram", lambda _: None)
    with a_fake_telegram() as fake:
        config = a_config(tmp_path, telegram_bot_token=TOKEN, telegram_api_root=fake.root)
        settings = made(config)
        assert settings is not None
        hasty = replace(settings, poll_seconds=1, answer_seconds=0.5, pace_seconds=0.02)
        served = serve(config)
        talk = Talk(served, fake, hasty)
        talk.start()
        try:
            yield talk
        finally:
            fake.ending.set()
            talk.stop()
            end(served)


# Linking


def test_a_code_links_a_private_chat_once(talk: Talk) -> None:
    code = talk.code()

    talk.say(code)
    until(talk.heard("Alerts of main come here"), what="the welcome")
    talk.say(code, chat_id=FOREIGN_CHAT)
    talk.ask("/status")

    assert [link.address for link in talk.links()] == [str(MY_CHAT)]
    assert talk.fake.texts(FOREIGN_CHAT) == []


@pytest.mark.parametrize("said", ["/start", "/start WRONGWRONGWR", "/link a b", "/status", "hello", " "])
def test_a_chat_that_is_not_linked_gets_no_answer_at_all(talk: Talk, said: str) -> None:
    talk.link()

    talk.say(said, chat_id=FOREIGN_CHAT)
    talk.ask("/status")

    assert talk.fake.texts(FOREIGN_CHAT) == []


def test_a_group_is_never_linked_and_never_heard_even_with_the_linked_persons_words(talk: Talk) -> None:
    code = talk.code()
    talk.say(code, chat_id=-100, kind="group")
    talk.say(code)
    until(talk.heard("Alerts of main"), what="the welcome")

    at = talk.served.desk.clock.now().timestamp()
    talk.fake.say("/pause", at=at, chat_id=-100, kind="supergroup", user=MY_CHAT)
    talk.ask("/status")

    assert talk.kill_mode() is KillMode.OFF
    assert talk.fake.texts(-100) == []


def test_a_code_that_is_too_old_links_nothing(talk: Talk) -> None:
    code = talk.code()
    late = (talk.served.desk.clock.now() - CODE_LIVES).isoformat(timespec="microseconds")
    with talk.served.desk.db.write() as connection:
        connection.execute(sql("UPDATE link_codes SET expires_at = :late"), {"late": late})

    number = talk.say(code)
    until(lambda: talk.last_update() == number, what="the code being read")

    talk.stop()  # what it was reading is done then
    assert talk.links() == ()


def test_a_new_link_ends_the_one_before_and_unlinking_ends_it_all(talk: Talk) -> None:
    talk.link()
    talk.say(talk.code(), chat_id=77)
    until(lambda: talk.fake.texts(77), what="the welcome in the new chat")

    assert [link.address for link in talk.links()] == ["77"]
    talk.cli("telegram", "unlink", "--account", "main")
    assert talk.links() == ()


def test_linking_needs_a_bot(tmp_path: Path) -> None:
    served = serve(a_config(tmp_path))
    try:
        result = served.app.test_cli_runner().invoke(args=["telegram", "link", "--account", "main"])
        assert result.exit_code == 2
        assert "TELEGRAM_BOT_TOKEN" in result.output
    finally:
        end(served)


# Alerts


def test_a_brackets_life_is_told_and_no_secret_with_it(talk: Talk) -> None:
    talk.link()

    placed = talk.served.place(**an_order())
    until(talk.heard("PLACED BUY 10 NSE:SBIN", "PROTECTED BUY 10 NSE:SBIN"), what="placed and protected")
    talk.served.post("exitbracketorder", {"bracket_id": placed["bracket_id"]})
    until(talk.heard("EXITED BUY 10 NSE:SBIN"), what="the end")

    everything = "\n".join(talk.fake.texts())
    assert "Protected: 10 shares, stop 450" in everything
    assert talk.served.key not in everything
    assert TOKEN not in everything
    assert len([text for text in talk.fake.texts() if "PLACED" in text]) == 1


def test_what_happened_before_the_link_is_not_told(talk: Talk) -> None:
    talk.served.place(**resting())
    talk.link()
    talk.served.place(**resting(quantity=3))

    until(talk.heard("PLACED BUY 3"), what="the second order's alert")
    assert "PLACED BUY 10" not in "\n".join(talk.fake.texts())


def test_flood_limits_are_honoured_and_nothing_is_lost(talk: Talk) -> None:
    talk.link()
    talk.fake.faults = [too_many(2)]
    calls = talk.fake.calls.count("sendMessage")

    began = monotonic()
    talk.alert("a1", "first")
    until(talk.heard("first"), what="the alert after the limit")

    assert monotonic() - began >= 2.0
    assert talk.fake.calls.count("sendMessage") == calls + 2
    assert talk.fake.texts().count("first") == 1


def test_a_blocked_bot_keeps_its_alerts_until_the_person_writes_again(talk: Talk) -> None:
    talk.link()
    talk.fake.always = BLOCKED
    talk.alert("a1", "you must know this")
    until(lambda: talk.links()[0].failures, what="the refusal")
    calls = talk.fake.calls.count("sendMessage")
    doctor = talk.served.app.test_cli_runner().invoke(args=["doctor"])

    assert (doctor.exit_code, "nothing arrives" in doctor.output) == (2, True)
    assert talk.links()[0].next_at is not None
    talk.fake.always = None
    talk.ask("/status")

    until(talk.heard("you must know this"), what="the alert that waited")
    assert talk.fake.calls.count("sendMessage") - calls <= 2


@pytest.mark.parametrize("fault", [HANG, BAD_GATEWAY], ids=["time-out", "bad gateway"])
def test_an_alert_that_failed_is_sent_again(talk: Talk, fault: dict[str, object]) -> None:
    talk.link()
    talk.fake.faults = [fault]

    talk.alert("a1", "again")

    until(talk.heard("again"), what="the second attempt")
    until(lambda: talk.waits() == 0, what="an empty queue")
    assert talk.links()[0].failures == 0


def test_a_text_that_telegram_never_takes_does_not_hold_up_the_rest_for_ever(talk: Talk) -> None:
    talk.link()
    talk.stop()
    desk = talk.served.desk
    talk.alert("bad", "bad")
    with desk.db.write() as connection:
        connection.execute(sql("UPDATE outbox SET attempts = 14 WHERE key = 'bad'"))
    talk.fake.faults = [BAD_REQUEST]

    talk.start()
    until(lambda: talk.state_of("bad") == "given_up", what="the end of the bad text")
    talk.alert("good", "good")

    until(talk.heard("good"), what="the next alert")


def test_a_queue_survives_a_restart_failures_come_first_and_a_flood_is_few_messages(talk: Talk) -> None:
    talk.link()
    talk.stop()
    link = talk.links()[0]
    flood = [NewMessage(key=f"n{n}", seq=None, urgent=False, body=f"ordinary {n};") for n in range(300)]
    failures = [NewMessage(key=f"u{n}", seq=None, urgent=True, body=f"failure {n};") for n in range(20)]
    outbox_db.enqueue(talk.served.desk.db, link, [*flood, *failures], at=talk.served.desk.clock.now())
    before = len(talk.fake.texts())

    talk.start()
    until(lambda: talk.waits() == 0, what="an empty queue")

    texts = talk.fake.texts()[before:]
    everything = "".join(texts)
    told = [f"ordinary {n};" for n in range(300)] + [f"failure {n};" for n in range(20)]
    assert [one for one in told if everything.count(one) != 1] == []
    assert everything.index("failure 19;") < everything.index("ordinary 0;")
    assert len(texts) <= 6


def test_telegram_down_at_the_start_is_asked_until_it_is_there(tmp_path: Path, talk: Talk) -> None:
    talk.link()
    talk.stop()
    good = talk.settings
    talk.settings = replace(good, api_root="http://127.0.0.1:9")
    talk.alert("a1", "late but there")
    talk.start()
    threading.Event().wait(0.3)
    assert talk.waits() == 1
    talk.stop()

    talk.settings = good
    talk.start()

    until(talk.heard("late but there"), what="the alert")


def test_a_token_that_telegram_refuses_is_told_nowhere(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    talk.link()
    talk.stop()
    talk.settings = replace(talk.settings, bot_token=TOKEN.replace("A", "B"))
    talk.alert("a1", "waits")

    talk.start()
    until(lambda: "refuses" in caplog.text, what="a line in the log")
    talk.stop()

    assert talk.waits() == 1
    assert talk.settings.bot_token not in caplog.text


def test_a_telegram_that_hangs_delays_neither_an_order_nor_the_announcements(talk: Talk) -> None:
    talk.link()
    talk.fake.always = HANG
    for number in range(20):
        talk.alert(f"a{number}", "stuck")
    until(lambda: talk.links()[0].failures, what="a first failure")

    began = monotonic()
    placed = talk.served.place(**an_order())
    until(lambda: talk.served.status(placed["bracket_id"])["state"] == "PROTECTED", what="protection")
    seq = len(news_after(talk.served.desk.db, talk.served.account.id, 0, limit=1000))
    until(lambda: talk.links()[0].fed_seq >= seq, what="every event queued")

    assert monotonic() - began < 5.0
    assert talk.waits() > 20


# Commands


def test_an_update_that_comes_twice_is_carried_out_once_also_after_a_restart(talk: Talk) -> None:
    talk.link()
    talk.fake.repeats = True
    talk.ask("/pause")
    assert talk.kill_mode() is KillMode.BLOCK_ENTRIES
    talk.ask("/resume")

    talk.stop()
    talk.start()
    talk.ask("/status")

    assert talk.kill_mode() is KillMode.OFF
    assert len([text for text in talk.fake.texts() if "PAUSED" in text]) == 1


def test_numbers_of_updates_that_begin_anew_after_a_quiet_week_are_heard(talk: Talk) -> None:
    talk.link()
    talk.stop()
    long_ago = (talk.served.desk.clock.now() - timedelta(days=8)).isoformat()
    with talk.served.desk.db.write() as connection:
        connection.execute(
            sql("UPDATE settings SET value = :value WHERE key = 'telegram_updates'"),
            {"value": f"999999999 {long_ago}"},
        )
    talk.start()

    assert "entries allowed" in talk.ask("/status")


def test_updates_that_cannot_be_read_are_asked_for_again(talk: Talk) -> None:
    talk.link()
    talk.fake.update_faults = [BAD_GATEWAY, too_many(1)]

    assert "entries allowed" in talk.ask("/status")


def test_two_programs_on_one_bot_are_told_apart_from_silence(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("services.telegram_listener._CONFLICT_SECONDS", 0.1)
    talk.link()
    talk.fake.update_faults = [CONFLICT]

    until(lambda: "another program" in caplog.text, what="a line in the log")
    assert "entries allowed" in talk.ask("/status")


def test_status_brackets_and_one_bracket_are_told(talk: Talk) -> None:
    talk.link()
    assert talk.ask("/brackets") == "No bracket is open."
    placed = talk.served.place(**resting())
    short = placed["bracket_id"][-6:]

    assert talk.ask("/status").splitlines() == ["main (paper, live): entries allowed", "1 open brackets"]
    assert talk.ask("/brackets").startswith(f"{short} BUY 10 NSE:SBIN ENTRY_")
    answer = talk.ask(f"/bracket@bracket_bot {short.lower()}")
    assert "Next: " in answer
    assert placed["bracket_id"] in answer


def test_cancel_cancels_a_waiting_entry(talk: Talk) -> None:
    talk.link()
    placed = talk.served.place(**resting())

    answer = talk.ask(f"/cancel {placed['bracket_id'][-6:]}")

    assert answer.startswith("Cancel requested.")
    until(lambda: talk.served.status(placed["bracket_id"])["state"] == "CANCELLED", what="the cancellation")


def test_cancel_never_drops_the_stop_of_shares_that_are_held(talk: Talk) -> None:
    talk.link()
    placed = talk.served.place(**an_order())
    until(lambda: talk.served.status(placed["bracket_id"])["state"] == "PROTECTED", what="protection")

    answer = talk.ask(f"/cancel {placed['bracket_id'][-6:]}")

    assert answer.startswith("Not done: ")
    assert talk.served.status(placed["bracket_id"])["state"] == "PROTECTED"


def test_exit_asks_back_and_leaves_with_the_word(talk: Talk) -> None:
    talk.link()
    placed = talk.served.place(**an_order())
    until(lambda: talk.served.status(placed["bracket_id"])["state"] == "PROTECTED", what="protection")

    asked = talk.ask(f"/exit {placed['bracket_id'][-6:]}")
    assert "Nothing is done yet" in asked
    assert talk.served.status(placed["bracket_id"])["state"] == "PROTECTED"
    talk.ask(asked.splitlines()[-1])

    until(lambda: talk.served.status(placed["bracket_id"])["state"] == "CLOSED", what="the exit")


def test_kill_asks_back_a_word_works_once_and_a_wrong_one_voids_it(talk: Talk) -> None:
    talk.link()
    placed = talk.served.place(**an_order())

    command = talk.ask("/kill").splitlines()[-1]
    assert talk.kill_mode() is KillMode.OFF
    assert "Nothing is done yet" in talk.ask("/kill 1234")
    assert "Nothing is done yet" in talk.ask(command), "voided by the wrong one"
    assert talk.kill_mode() is KillMode.OFF
    command = talk.fake.texts()[-1].splitlines()[-1]
    assert "KILLED" in talk.ask(command)

    assert talk.kill_mode() is KillMode.FLATTEN
    until(lambda: talk.served.status(placed["bracket_id"])["state"] == "CLOSED", what="a flat position")
    assert "entries allowed" in talk.ask("/resume")
    assert "Nothing is done yet" in talk.ask(command)


def test_pause_blocks_entries_and_resume_allows_them(talk: Talk) -> None:
    talk.link()

    assert talk.ask("/pause") == "main: PAUSED: no new entries."
    assert talk.served.post("placebracketorder", an_order()).status_code == 403
    assert talk.ask("/resume main") == "main: entries allowed."
    assert talk.served.post("placebracketorder", resting()).status_code == 200


def test_what_was_said_while_the_service_was_down_is_not_done_late(talk: Talk) -> None:
    talk.link()

    answer = talk.ask("/pause", ago=600)

    assert "too long ago: not done" in answer
    assert talk.kill_mode() is KillMode.OFF
    assert "entries allowed" in talk.ask("/status", ago=600)


@pytest.mark.parametrize("command", ["/pause", "/resume", "/kill", "/cancel {id}", "/exit {id}"])
def test_a_read_only_link_may_look_and_change_nothing(talk: Talk, command: str) -> None:
    talk.link("--read-only")
    placed = talk.served.place(**resting())

    answer = talk.ask(command.format(id=placed["bracket_id"][-6:]))

    assert answer == "Not done: this key lacks the scope trade."
    assert "1 open brackets" in talk.ask("/status")


def test_another_accounts_bracket_is_not_found_and_its_switch_is_not_touched(talk: Talk) -> None:
    talk.link()
    other = talk.served.another_account("other")
    theirs = talk.served.post("placebracketorder", resting(), key=talk.served.a_key(account=other)).get_json()

    assert talk.ask(f"/bracket {theirs['bracket_id'][-6:]}").startswith("Not done: no open brackets")
    assert talk.ask("/pause other") == "Not done: no account here is named other."
    talk.ask("/pause")

    assert kill_switch(talk.served.desk.db, other.id, owner_id=other.owner_id) is KillMode.OFF


def test_a_chat_of_two_accounts_hears_and_steers_both_or_one(talk: Talk) -> None:
    other = talk.served.another_account("other")
    talk.link()
    talk.link(account="other")

    assert talk.ask("/pause other") == "other: PAUSED: no new entries."
    assert talk.kill_mode() is KillMode.OFF
    assert talk.ask("/pause") == "main: PAUSED: no new entries.\nother: PAUSED: no new entries."
    assert "of other at the market" in talk.ask("/kill other")
    assert kill_switch(talk.served.desk.db, other.id, owner_id=other.owner_id) is KillMode.BLOCK_ENTRIES


def test_a_disabled_accounts_chat_steers_nothing(talk: Talk) -> None:
    talk.link()
    desk = talk.served.desk
    set_account_status(desk.db, talk.served.account.id, status=AccountStatus.DISABLED, at=desk.clock.now())

    assert talk.ask("/pause") == "Not done: the account of this chat is disabled."
    assert talk.ask("/status") == "Not done: the account of this chat is disabled."
    assert talk.kill_mode() is KillMode.OFF


@pytest.mark.parametrize("said", ["hello", "/start", "/nonsense", "/PAUSED", "\n"])
def test_anything_else_is_answered_with_what_there_is(talk: Talk, said: str) -> None:
    talk.link()

    assert "/brackets - what is open" in talk.ask(said)


@pytest.mark.parametrize("named", ["", "AB", "ZZZZZZ"])
def test_a_bracket_that_is_not_named_well_is_told_so(talk: Talk, named: str) -> None:
    talk.link()

    assert talk.ask(f"/exit {named}").startswith("Not done: ")


def test_a_word_that_is_too_old_is_asked_for_again(talk: Talk) -> None:
    talk.link()
    clock = StoppedClock(SystemClock().now())
    commands = ChatCommands(replace(talk.served.desk, clock=clock))
    asked = commands.answer(talk.links(), "/kill", sent_at=clock.now()).splitlines()[-1]

    clock.seconds = WORD_LIVES.total_seconds() + 1
    answer = commands.answer(talk.links(), asked, sent_at=clock.now())

    assert "Nothing is done yet" in answer
    assert talk.kill_mode() is KillMode.OFF


# The day


def test_the_days_summary_comes_once_a_day_also_after_a_restart(talk: Talk) -> None:
    talk.link()
    talk.stop()
    clock = StoppedClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))  # 15:30 in India
    desk = replace(talk.served.desk, clock=clock)
    queue = [TelegramService(desk, talk.settings) for _ in range(2)]

    counts = []
    for minutes in (0, 14, 16, 20, 24 * 60 + 16, 24 * 60 + 17):
        clock.seconds = minutes * 60
        for service in queue:  # the second stands for the one after a restart
            service.queue_summaries()
        counts.append(talk.waits())

    assert counts == [0, 0, 1, 1, 2, 2]
    bodies = [one.body for one in outbox_db.waiting(desk.db, [talk.links()[0].id], limit=9)]
    assert [body.splitlines()[0] for body in bodies] == ["DAY 23 Nov of main", "DAY 24 Nov of main"]


def test_a_weekend_without_anything_has_no_summary(talk: Talk) -> None:
    talk.link()
    talk.stop()
    clock = StoppedClock(datetime(2026, 11, 28, 11, 0, tzinfo=UTC))

    TelegramService(replace(talk.served.desk, clock=clock), talk.settings).queue_summaries()

    assert talk.waits() == 0


def test_an_alert_for_an_account_without_a_chat_says_so(talk: Talk) -> None:
    desk = talk.served.desk

    assert not send_order_alert(desk.db, desk.clock, talk.served.account.id, key="k", text="t")
