"""A delivery bracket over the night: the books are emptied, the GTT lives on, the next day ends it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.trade import CLOSED, QUANTITY
from tests.kite_process import wait_for
from tests.zerodha.staging import Stage

pytestmark = pytest.mark.slow


@pytest.fixture
def night_stage(tmp_path: Path) -> Iterator[Stage]:
    staged = Stage(
        tmp_path, users=2, kite_module="tests.zerodha.later", application="tests.zerodha.later:main()"
    )
    try:
        staged.open()
        yield staged
    finally:
        staged.close()


@pytest.mark.parametrize(("price", "outcome"), [("1.021", "target_hit"), ("0.984", "stop_hit")])
def test_a_delivery_bracket_is_held_by_its_gtt_over_the_night_and_ends_the_next_day(
    night_stage: Stage, price: str, outcome: str
) -> None:
    stage, account = night_stage, night_stage.first
    trade = stage.protected(account, product="CNC")

    stage.turn_night(hours=24)
    morning = stage.kite.seen(account.user_id)
    wait_for(lambda: stage.needs_login(account), what="the dead token told")
    stage.log_in(account)
    held = trade.until("PROTECTED")
    trade.move(price)
    over = trade.until(*CLOSED)
    evening = stage.kite.seen(account.user_id)

    assert (morning["orders"], morning["positions"]) == ([], [])
    assert [row["t1_quantity"] for row in morning["holdings"]] == [QUANTITY]
    assert [row["status"] for row in morning["gtts"]] == ["active"]
    assert held["state"] == "PROTECTED"
    assert over["outcome"] == outcome
    assert [(row["transaction_type"], row["filled_quantity"]) for row in evening["orders"]] == [
        ("SELL", QUANTITY)
    ]
    assert stage.too_many(account) == {}
