"""What an account sent before a restart is still counted against its broker's limits after it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from database.account_db import set_auth_token
from database.bracket_db import EventRecord, insert_bracket
from database.plain_order_db import insert_plain_order
from services.account_worker import AccountWorker
from services.bracket.events import BracketReceived
from services.bracket.lifecycle import apply
from services.bracket.model import Mode, Moment
from tests.builders import a_moment, a_plain_order, a_plan
from tests.kite_served import KEY, TOKEN, ServedKite
from tests.serving import Served, a_config, end, serve


def store_calls(served: Served, account_id: str, *, mode: Mode, ago: timedelta) -> None:
    """Leave what a process leaves that placed a leg and changed it twice."""
    plan = a_plan(account_id=account_id, owner_id=served.account.owner_id, mode=mode)
    bracket = apply(None, BracketReceived(id=f"01JSENT{mode}{ago}", plan=plan, session=""), a_moment())
    at = Moment(wall=served.desk.clock.now() - ago, mono=0.0, boot="an earlier one")
    kinds = ("LegIntended", "ChangeIntended", "ChangeIntended")
    events = [EventRecord(kind=kind, at=at, payload=b"{}") for kind in kinds]
    insert_bracket(served.desk.db, replace(bracket, version=len(events)), events, claim=None)


def test_a_broker_account_starts_with_what_the_journals_say_it_sent(tmp_path: Path) -> None:
    with ServedKite() as kite:
        served = serve(a_config(tmp_path, broker_api_roots={"zerodha": kite.kite.url}))
        try:
            desk, now = served.desk, served.desk.clock.now()
            account = served.another_account("kite", broker="zerodha")
            set_auth_token(desk.db, desk.secrets.box, account.id, auth_token=f"{KEY}:{TOKEN}", at=now)
            store_calls(served, account.id, mode=Mode.LIVE, ago=timedelta(seconds=5))
            store_calls(served, account.id, mode=Mode.LIVE, ago=timedelta(hours=2))
            store_calls(served, account.id, mode=Mode.LIVE, ago=timedelta(hours=16))
            store_calls(served, account.id, mode=Mode.ANALYZE, ago=timedelta(seconds=5))
            order = a_plain_order(account_id=account.id, sent_at=now - timedelta(seconds=4))
            insert_plain_order(desk.db, order)

            worker = desk.supervisor.worker(account.id, Mode.LIVE)
            assert isinstance(worker, AccountWorker)
            used = worker.vitals().rate_use

            assert [one.used for one in used if one.budget == "orders"] == [0, 4, 7]
        finally:
            end(served)
