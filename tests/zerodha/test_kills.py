"""kill -9 of the service at each stage of a bracket at Zerodha: the same end as without."""

from dataclasses import dataclass

import pytest

from tests.chaos.staging import Books
from tests.chaos.trade import run
from tests.zerodha.staging import DONE, Stage

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Ending:
    state: str
    outcome: str | None
    books: Books


STAGES = [
    ("MIS", "target", "sent place entry"),  # before the entry's answer
    ("MIS", "target", "stored place stop"),  # between fill and stop
    ("CNC", "stop", "stored place oco"),
    ("CNC", "target", "sent place oco"),  # a GTT placed without an answer
    ("MIS", "target", "sent modify target"),  # in the morph
    ("MIS", "exit", "sent modify marketable"),  # while leaving
    ("CNC", "exit", "sent cancel oco"),
]


@pytest.fixture(scope="module")
def unharmed(stage: Stage) -> dict[tuple[str, str], Ending]:
    """Return how each kind of trade ends when nothing kills the service."""
    kinds = sorted({(product, end) for product, end, _ in STAGES})
    return {(product, end): traded(stage, product, end) for product, end in kinds}


def traded(stage: Stage, product: str, end: str) -> Ending:
    account = stage.logged_in()
    over = run(stage.trade(account, product=product), end)
    assert stage.too_many(account) == {}
    return Ending(over["state"], over["outcome"], stage.books_of(account))


@pytest.mark.parametrize(("product", "end", "point"), STAGES)
def test_a_kill_changes_neither_the_end_nor_the_books(
    stage: Stage, unharmed: dict[tuple[str, str], Ending], product: str, end: str, point: str
) -> None:
    with stage.killed_at(point):
        found = traded(stage, product, end)

    assert found == unharmed[product, end]
    assert found.books == DONE
