"""What the simulated exchange keeps on disk, and what another process may leave there."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from services.bracket.model import Product, RowStatus
from simulator import (
    ExchangeSettings,
    SimulatedExchange,
    VirtualClock,
    WalkSettings,
    command_outcome,
    post_command,
)
from tests.builders import an_instrument
from tests.unit.simulated import (
    ACCOUNT,
    BUY,
    LIMIT,
    MARKET,
    SBIN,
    SELL,
    SL,
    net,
    oco,
    opened,
    order,
    price,
    row,
    terms,
)

ROOT = Path(__file__).resolve().parents[2]


def everything(exchange: SimulatedExchange) -> tuple[object, ...]:
    return (
        exchange.order_book(ACCOUNT),
        exchange.gtt_book(ACCOUNT),
        exchange.trade_book(ACCOUNT),
        exchange.portfolio(ACCOUNT),
        exchange.funds(ACCOUNT),
        exchange.quote(*SBIN),
    )


def busy(exchange: SimulatedExchange) -> None:
    exchange.place(ACCOUNT, order(BUY, MARKET, product=Product.CNC))
    exchange.end_of_day()
    exchange.place(ACCOUNT, order(BUY, MARKET))
    stop = exchange.place(ACCOUNT, order(SELL, SL, price="494", trigger="495"))
    exchange.modify(ACCOUNT, stop, terms=terms(SL, 60, price="493", trigger="494"))
    exchange.place_gtt(ACCOUNT, oco())
    exchange.cancel_gtt(ACCOUNT, exchange.place_gtt(ACCOUNT, oco()))
    price(exchange, "501.50", depth=7)
    exchange.place(ACCOUNT, order(BUY, LIMIT, price="502", quantity=10))


def test_a_closed_exchange_opens_again_with_the_same_books(tmp_path: Path) -> None:
    clock = VirtualClock()
    first = opened(clock=clock, path=tmp_path / "paper.db")
    busy(first)
    before = everything(first)
    first.close()

    second = opened(clock=clock, path=tmp_path / "paper.db")

    assert everything(second) == before
    second.close()


def test_an_exchange_that_died_opens_again_with_the_same_books(tmp_path: Path) -> None:
    clock = VirtualClock()
    dead = opened(clock=clock, path=tmp_path / "paper.db")
    busy(dead)

    alive = opened(clock=clock, path=tmp_path / "paper.db")

    assert everything(alive) == everything(dead)
    dead.close()
    alive.close()


def test_what_rested_before_a_restart_trades_after_it_under_new_ids(tmp_path: Path) -> None:
    first = opened(path=tmp_path / "paper.db")
    busy(first)
    ids = {r.broker_order_id for r in first.order_book(ACCOUNT)}
    first.close()
    second = opened(path=tmp_path / "paper.db")

    price(second, "489")

    statuses = {r.broker_order_id: r.status for r in second.order_book(ACCOUNT)}
    children = set(statuses) - ids
    assert len(children) == 1
    assert RowStatus.TRIGGER_PENDING not in statuses.values()
    assert {t.broker_order_id for t in second.trade_book(ACCOUNT)} > children
    second.close()


def test_an_order_waiting_at_the_desk_survives_a_restart(tmp_path: Path) -> None:
    clock = VirtualClock()
    settings = ExchangeSettings(acceptance_delay=timedelta(seconds=2))
    first = opened(settings, clock, path=tmp_path / "paper.db")
    order_id = first.place(ACCOUNT, order(BUY, MARKET))
    first.close()

    second = opened(settings, clock, path=tmp_path / "paper.db")
    assert row(second, order_id).status is RowStatus.PENDING
    clock.advance(timedelta(seconds=2))

    assert row(second, order_id).status is RowStatus.FILLED
    second.close()


def test_an_order_whose_id_was_returned_survives_kill_9(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.unit.simulated import ACCOUNT, BUY, LIMIT, MARKET, opened, order\n"
        "exchange = opened(path=Path(sys.argv[1]))\n"
        "ids = [exchange.place(ACCOUNT, order(BUY, LIMIT, price='490')),\n"
        "       exchange.place(ACCOUNT, order(BUY, MARKET))]\n"
        "os.write(1, ' '.join(ids).encode())\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "paper.db"
    killed = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()

    exchange = opened(path=path)

    rows = exchange.order_book(ACCOUNT)
    assert [r.broker_order_id for r in rows] == killed.stdout.decode().split()
    assert [r.status for r in rows] == [RowStatus.OPEN, RowStatus.FILLED]
    assert net(exchange) == 100
    exchange.close()


def test_opening_prices_are_for_a_new_file_only(tmp_path: Path) -> None:
    first = opened(path=tmp_path / "paper.db")
    price(first, "512")
    first.close()

    second = opened(path=tmp_path / "paper.db")

    quote = second.quote(*SBIN)
    assert quote is not None
    assert quote.last == 512
    second.close()


def test_a_walk_goes_on_after_a_restart_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    clock = VirtualClock()
    settings = ExchangeSettings(walk=WalkSettings(), seed=7)
    alone = opened(settings, clock)
    first = opened(settings, clock, path=tmp_path / "paper.db")
    clock.advance(timedelta(seconds=40))
    first.tick()
    first.close()
    clock.advance(timedelta(seconds=40))

    second = opened(settings, clock, path=tmp_path / "paper.db")

    assert second.quote(*SBIN) == alone.quote(*SBIN)
    second.close()


def test_another_process_sets_a_price_that_the_next_tick_applies_once(tmp_path: Path) -> None:
    path = tmp_path / "paper.db"
    exchange = opened(ExchangeSettings(walk=WalkSettings()), path=path)
    order_id = exchange.place(ACCOUNT, order(BUY, LIMIT, price="495"))

    command = post_command(
        path,
        {"act": "set_price", "exchange": "NSE", "symbol": "SBIN", "last": "494.50", "depth": 40},
    )
    assert command_outcome(path, command) is None
    exchange.tick()
    exchange.tick()

    assert command_outcome(path, command) == "done"
    assert row(exchange, order_id).filled == 40
    exchange.close()


def test_another_process_acts_as_somebody_at_another_terminal(tmp_path: Path) -> None:
    path = tmp_path / "paper.db"
    exchange = opened(path=path)
    ours = exchange.place(ACCOUNT, order(BUY, LIMIT, price="490"))
    trigger = exchange.place_gtt(ACCOUNT, oco())

    placed = post_command(
        path,
        {
            "act": "place",
            "account_id": ACCOUNT,
            "exchange": "NSE",
            "symbol": "SBIN",
            "product": "MIS",
            "side": "BUY",
            "order_type": "MARKET",
            "quantity": 5,
        },
    )
    change = {"account_id": ACCOUNT, "order_id": ours}
    post_command(path, {"act": "modify", **change, "order_type": "LIMIT", "quantity": 9, "price": "480"})
    exchange.tick()
    modified = row(exchange, ours)
    post_command(path, {"act": "cancel", **change})
    post_command(path, {"act": "cancel_gtt", "account_id": ACCOUNT, "trigger_id": trigger})
    exchange.tick()

    foreign = exchange.order_book(ACCOUNT)[-1]
    assert command_outcome(path, placed) == f"done {foreign.broker_order_id}"
    assert (foreign.tag, foreign.filled, net(exchange)) == (None, 5, 5)
    assert (modified.quantity, row(exchange, ours).status) == (9, RowStatus.CANCELLED)
    assert exchange.gtt_book(ACCOUNT)[0].status == "deleted"
    post_command(path, {"act": "square_off", "product": "MIS"})
    exchange.tick()
    assert net(exchange) == 0
    exchange.close()


def test_a_command_that_is_refused_says_why_and_disturbs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "paper.db"
    exchange = opened(path=path)

    off_tick = post_command(path, {"act": "set_price", "exchange": "NSE", "symbol": "SBIN", "last": "500.03"})
    unknown = post_command(path, {"act": "cancel", "account_id": ACCOUNT, "order_id": "1"})
    exchange.tick()

    assert "not a positive multiple of 0.05" in (command_outcome(path, off_tick) or "")
    assert (command_outcome(path, unknown) or "").startswith("refused: Couldn't find")
    exchange.close()


@pytest.mark.parametrize(
    "command",
    [{"act": "explode"}, {"act": "cancel"}, {"act": "end_of_day", "when": "now"}, {}],
)
def test_a_command_nobody_would_understand_is_refused_before_it_is_posted(
    command: dict[str, object], tmp_path: Path
) -> None:
    opened(path=tmp_path / "paper.db").close()

    with pytest.raises(ValueError, match=r"."):
        post_command(tmp_path / "paper.db", command)


def test_a_command_for_a_file_no_exchange_has_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        post_command(tmp_path / "none.db", {"act": "end_of_day"})
    assert list(tmp_path.iterdir()) == []


def test_an_instrument_admitted_later_trades_and_is_still_listed_after_a_restart(tmp_path: Path) -> None:
    path, eternal = tmp_path / "exchange.db", ("NSE", "ETERNAL")
    admitted = replace(an_instrument(), symbol="ETERNAL", tick_size=Decimal("0.01"))
    with closing(opened(path=path)) as exchange:
        exchange.admit(admitted)
        exchange.set_price(*eternal, last=Decimal("312.37"))
        held = exchange.place(ACCOUNT, replace(order(BUY, MARKET), symbol="ETERNAL"))

    with closing(opened(path=path)) as again:
        resting = again.place(ACCOUNT, replace(order(SELL, LIMIT, price="320.01"), symbol="ETERNAL"))
        again.set_price(*eternal, last=Decimal("320.02"))
        book = {one.broker_order_id: one.status for one in again.order_book(ACCOUNT)}

    assert again.instruments[eternal] == admitted
    assert book == {held: RowStatus.FILLED, resting: RowStatus.FILLED}
