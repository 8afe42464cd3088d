"""Thousands of open brackets keep one copy of what they have in common."""

from dataclasses import replace
from pathlib import Path

from database.bracket_db import insert_bracket, load_open
from services.bracket.events import BracketReceived
from services.bracket.lifecycle import apply
from tests.builders import a_moment, a_plan, an_instrument, capabilities
from tests.stores import a_database, an_account


def test_brackets_read_back_share_what_their_plans_have_in_common_and_only_that(tmp_path: Path) -> None:
    db = a_database(tmp_path)
    account = an_account(db)
    mine = {"account_id": account.id, "owner_id": account.owner_id}
    plans = [
        a_plan(**mine),
        a_plan(**mine),
        a_plan(**mine, instrument=an_instrument(lot_size=2)),
        a_plan(**mine, capabilities=capabilities(modifications_per_order=7)),
    ]
    for number, plan in enumerate(plans):
        event = BracketReceived(id=f"01JSHARED{number:017}", plan=plan, session="2026-11-23")
        insert_bracket(db, replace(apply(None, event, a_moment()), version=0), [], claim=None)

    first, second, other_lot, other_broker = load_open(db, [account.id])

    assert first.plan == second.plan == plans[0]
    assert first.plan.capabilities is second.plan.capabilities
    assert first.plan.instrument is second.plan.instrument
    assert [other_lot.plan, other_broker.plan] == plans[2:]
    db.close()
