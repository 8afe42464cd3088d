"""The switches: what is in force when several of them speak."""

import pytest

from database.session import Database
from database.settings import (
    SettingScope,
    analyzer_mode,
    kill_switch,
    put_setting,
    set_analyzer_mode,
    set_kill_switch,
    setting,
)
from services.bracket.model import KillMode, Mode
from tests.builders import NINE_THIRTY


@pytest.mark.parametrize(
    ("of_account", "of_owner", "in_force"),
    [
        (KillMode.OFF, KillMode.FLATTEN, KillMode.FLATTEN),
        (KillMode.FLATTEN, KillMode.BLOCK_ENTRIES, KillMode.FLATTEN),
        (KillMode.BLOCK_ENTRIES, KillMode.OFF, KillMode.BLOCK_ENTRIES),
    ],
)
def test_the_stricter_kill_switch_is_in_force(
    db: Database, of_account: KillMode, of_owner: KillMode, in_force: KillMode
) -> None:
    set_kill_switch(db, SettingScope.ACCOUNT, subject_id="acc1", mode=of_account, at=NINE_THIRTY)
    set_kill_switch(db, SettingScope.OWNER, subject_id="own1", mode=of_owner, at=NINE_THIRTY)

    assert kill_switch(db, "acc1", owner_id="own1") is in_force


def test_nothing_is_killed_and_brackets_are_live_until_somebody_says_otherwise(db: Database) -> None:
    assert kill_switch(db, "acc1", owner_id="own1") is KillMode.OFF
    assert analyzer_mode(db, "own1") is Mode.LIVE


def test_the_switch_of_another_account_does_not_count(db: Database) -> None:
    set_kill_switch(db, SettingScope.ACCOUNT, subject_id="own1", mode=KillMode.FLATTEN, at=NINE_THIRTY)

    assert kill_switch(db, "acc1", owner_id="own1") is KillMode.OFF


def test_the_last_setting_wins(db: Database) -> None:
    set_analyzer_mode(db, "own1", mode=Mode.ANALYZE, at=NINE_THIRTY)
    assert analyzer_mode(db, "own1") is Mode.ANALYZE

    set_analyzer_mode(db, "own1", mode=Mode.LIVE, at=NINE_THIRTY)
    assert analyzer_mode(db, "own1") is Mode.LIVE


def test_a_setting_of_any_name_comes_back(db: Database) -> None:
    put_setting(db, SettingScope.SERVICE, subject_id="", key="seen", value="7", at=NINE_THIRTY)

    assert setting(db, SettingScope.SERVICE, subject_id="", key="seen") == "7"
    assert setting(db, SettingScope.SERVICE, subject_id="", key="other") is None
