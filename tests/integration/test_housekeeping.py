"""Now and then: claims past their time go, and keys know when they were last used."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from database.auth_db import Scope, create_api_key, list_api_keys, verify_api_key
from database.bracket_db import IdempotencyClaim, find_claim, insert_bracket
from database.exit_claim_db import ExitClaim, claim_exit, find_exit_claim
from database.plain_order_db import insert_plain_order, plain_order, plain_order_for
from database.session import Database
from services.bracket.events import BracketReceived
from services.bracket.lifecycle import apply
from services.housekeeping import CLAIMS_KEPT, Housekeeper
from tests.builders import NINE_THIRTY, StoppedClock, a_moment, a_plain_order, a_plan
from tests.stores import a_database, an_account, some_secrets


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = a_database(tmp_path)
    yield database
    database.close()


def test_a_claim_is_kept_for_seven_days_and_then_forgotten(db: Database) -> None:
    account, clock = an_account(db), StoppedClock()
    plan = a_plan(account_id=account.id, owner_id=account.owner_id)
    bracket = apply(None, BracketReceived(id="01JTIDY", plan=plan, session="2026-11-23"), a_moment())
    insert_bracket(db, replace(bracket, version=0), [], claim=IdempotencyClaim(key="mine", body_hash="hash"))
    keeper = Housekeeper(db, clock, some_secrets(clock))

    clock.seconds = CLAIMS_KEPT.total_seconds() - 1
    keeper.tidy()
    assert find_claim(db, account.id, key="mine") is not None
    clock.seconds += 3600
    keeper.tidy()

    assert find_claim(db, account.id, key="mine") is None


def test_an_exit_alert_is_remembered_for_seven_days(db: Database) -> None:
    account, clock = an_account(db), StoppedClock()
    claim = ExitClaim(key="exit-1", bracket_ids=("01JA", "01JB"), created_at=clock.now())
    claim_exit(db, account.id, claim)
    keeper = Housekeeper(db, clock, some_secrets(clock))

    clock.seconds = CLAIMS_KEPT.total_seconds() - 1
    keeper.tidy()
    assert claim_exit(db, account.id, replace(claim, bracket_ids=())) == claim
    clock.seconds += 3600
    keeper.tidy()

    assert find_exit_claim(db, account.id, key="exit-1") is None


def test_the_client_order_id_of_a_plain_order_is_free_again_after_seven_days(db: Database) -> None:
    account, clock = an_account(db), StoppedClock()
    order = a_plain_order(account_id=account.id, client_order_id="mine", sent_at=clock.now())
    insert_plain_order(db, order)
    keeper = Housekeeper(db, clock, some_secrets(clock))

    clock.seconds = CLAIMS_KEPT.total_seconds() - 1
    keeper.tidy()
    assert plain_order_for(db, account.id, key="mine") == order
    clock.seconds += 3600
    keeper.tidy()

    assert plain_order_for(db, account.id, key="mine") is None
    again = a_plain_order(account_id=account.id, client_order_id="mine", sent_at=clock.now())
    assert insert_plain_order(db, again) is None
    assert plain_order(db, account.id, order_id=order.id) == order


def test_a_key_knows_when_it_was_last_used(db: Database) -> None:
    account, clock = an_account(db), StoppedClock()
    secrets = some_secrets(clock)
    key = create_api_key(db, secrets, account.id, scopes=[Scope.READ], at=NINE_THIRTY)
    assert verify_api_key(db, secrets, key) is not None
    clock.seconds = 60

    Housekeeper(db, clock, secrets).tidy()

    assert [entry.last_used_at for entry in list_api_keys(db, account.id)] == [clock.now()]
