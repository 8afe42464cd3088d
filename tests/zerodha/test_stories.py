"""Brackets at Zerodha from login to end, as processes: the service, the broker, and HTTP between them."""

import pytest

from tests.chaos.staging import Books
from tests.chaos.trade import QUANTITY, run
from tests.zerodha.staging import Stage

pytestmark = pytest.mark.slow

DONE = Books(position=0, live_orders=0, live_gtts=0, entries=1, bought=QUANTITY, sold=QUANTITY)


@pytest.mark.parametrize(("end", "outcome"), [("target", "target_hit"), ("stop", "stop_hit")])
@pytest.mark.parametrize("product", ["CNC", "MIS"])
def test_a_long_bracket_ends_at_the_end_the_market_reaches(
    stage: Stage, product: str, end: str, outcome: str
) -> None:
    account = stage.logged_in()

    over = run(stage.trade(account, product=product), end)

    assert (over["state"], over["outcome"]) == ("CLOSED", outcome)
    assert stage.books_of(account) == DONE
    assert stage.was_restrained(account)
