"""The kill switch as the order path asks for it: from memory, and never an older answer than was told."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from database.session import Database
from database.settings import SettingScope, kill_switch, set_kill_switch
from services.bracket.model import KillMode
from services.kill_switch import KillSwitch
from tests.builders import NINE_THIRTY
from tests.stores import an_account
from utils.clock import SystemClock


def test_a_switch_set_while_an_older_read_is_under_way_counts_at_once(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = an_account(db)
    switch = KillSwitch(db, account, SystemClock())
    is_reading, newer_is_read = threading.Event(), threading.Event()

    def overtaken_read(database: Database, account_id: str, *, owner_id: str) -> KillMode:
        found = kill_switch(database, account_id, owner_id=owner_id)
        if not is_reading.is_set():
            is_reading.set()
            newer_is_read.wait(0.3)
        return found

    monkeypatch.setattr("services.kill_switch.kill_switch", overtaken_read)
    with ThreadPoolExecutor(1) as worker:
        worker.submit(switch.mode)
        is_reading.wait(5)
        set_kill_switch(
            db, SettingScope.ACCOUNT, subject_id=account.id, mode=KillMode.BLOCK_ENTRIES, at=NINE_THIRTY
        )
        switch.forget()
        told = switch.mode()
        newer_is_read.set()

    assert (told, switch.mode()) == (KillMode.BLOCK_ENTRIES, KillMode.BLOCK_ENTRIES)
