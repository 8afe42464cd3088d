"""One process serves and another works the accounts: all goes through the store, and hints only hurry it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

import app as wiring
from database import leases, migrations
from database.hearing import Listener
from database.notices import Hint
from services import shared_accounts
from services.background import Background
from services.bracket.model import Mode
from services.desk import Desk
from tests.postgres_server import PostgresServer
from tests.serving import Served, a_config, an_order, end, resting, serve, until
from tests.stores import an_account


@contextmanager
def a_pair(folder: Path, url: str) -> Iterator[Served]:
    """Give the serving one; the other one has every account. They share the paper market of this process."""
    migrations.upgrade(url)
    worker = wiring.create_app(a_config(folder, database_url=url))
    web = serve(a_config(folder, database_url=url, work_accounts=False))
    working: Background = worker.extensions["openbracket_background"]
    working.start()
    until(lambda: is_worked(web), what="a worker of the account")
    yield web
    working.stop()
    end(web)


def is_worked(web: Served) -> bool:
    return web.desk.supervisor.worker(web.account.id, Mode.LIVE).is_ready(seconds=0)


def deaf(_: Listener, *, seconds: float) -> Iterator[Hint]:
    """Hear nothing for as long as one listens."""
    threading.Event().wait(seconds)
    yield from ()


@pytest.fixture(scope="module", params=["hints only", "no hints"])
def web(
    request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Give a serving process whose worker either hears hints and never looks, or looks and is deaf."""
    with pytest.MonkeyPatch.context() as changed:
        if request.param == "no hints":
            changed.setattr(Listener, "hear", deaf)
        else:
            changed.setattr(shared_accounts, "_LOOK_SECONDS", 3600.0)
        url = postgres.url(postgres.a_database())
        with a_pair(tmp_path_factory.mktemp("pair"), url) as found:
            yield found


def test_a_bracket_placed_here_is_sent_and_protected_there(web: Served) -> None:
    placed = web.place()

    assert web.until_state(placed["bracket_id"], "PROTECTED")["quantity"] == 10
    assert web.desk.supervisor.workers() == []


def test_the_answer_tells_what_became_of_the_entry(web: Served) -> None:
    placed = web.place(**resting())

    assert placed["entry_order_id"] is not None, placed


def test_what_a_person_asks_here_is_done_there(web: Served) -> None:
    placed = web.place(**resting())
    answer = web.post("exitbracketorder", {"bracket_id": placed["bracket_id"]})

    assert answer.status_code == 200, answer.get_json()
    assert web.until_state(placed["bracket_id"], "CLOSED", "CANCELLED")["filled_quantity"] == 0


def test_the_same_request_twice_is_one_bracket(web: Served) -> None:
    first = web.place(**resting(client_order_id="once"))
    second = web.place(**resting(client_order_id="once"))

    assert first["bracket_id"] == second["bracket_id"]


def test_an_order_that_needs_the_connection_itself_is_refused_and_not_stored(web: Served) -> None:
    order = {
        "symbol": "SBIN",
        "exchange": "NSE",
        "action": "BUY",
        "product": "MIS",
        "pricetype": "MARKET",
        "quantity": 1,
        "strategy": "by hand",
    }
    answer = web.post("placeorder", order)

    assert "another process" in answer.get_json()["message"]
    with web.desk.db.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM plain_orders")) == 0


def test_nothing_is_stored_while_nobody_works_the_account(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.url(postgres.a_database())
    alone = serve(a_config(tmp_path, database_url=url, work_accounts=False))
    try:
        answer = alone.post("placebracketorder", an_order())

        assert (answer.status_code, alone.bracket_ids()) == (503, [])
    finally:
        end(alone)


def test_an_account_given_away_while_it_was_being_started_is_worked_when_it_comes_back(
    tmp_path: Path, postgres_url: str
) -> None:
    app = wiring.create_app(a_config(tmp_path, database_url=postgres_url))
    desk: Desk = app.extensions["openbracket"]
    supervisor, ownership = desk.supervisor, desk.supervisor.ports.ownership
    assert ownership is not None
    account = an_account(desk.db)
    ownership.learn(64)
    supervisor._start_safely(account, has_paper=False)  # its shard was just given to another process
    shard = ownership.shard_of(account.id)
    assert shard is not None
    fences = leases.take(desk.db, "me", [shard], ttl=timedelta(seconds=60))

    ownership.set(fences, count=64, ends_at=desk.clock.monotonic() + 60)
    supervisor.tend()
    is_worked_again = supervisor.running(account.id, Mode.LIVE) is not None
    supervisor.stop()
    app.extensions["openbracket_background"].stop()

    assert is_worked_again
