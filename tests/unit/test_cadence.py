"""How long the books may go unread, and whose prices are asked for."""

import pytest

from services.bracket.model import LegKind, LegStatus, Product, Purpose, Role, State, Topology
from services.cadence import is_covered, needs_of
from tests.builders import a_bracket, a_leg, a_plan


@pytest.mark.parametrize(
    ("pushes_orders", "is_streamed", "wants_gtts", "covered"),
    [
        (True, False, True, True),  # the paper market tells of its GTTs too
        (False, True, False, True),
        (False, True, True, False),  # a stream says nothing of a GTT that somebody deleted
        (False, False, False, False),
    ],
)
def test_a_stream_covers_orders_and_no_gtts(
    pushes_orders: bool, is_streamed: bool, wants_gtts: bool, covered: bool
) -> None:
    told = is_covered(pushes_orders=pushes_orders, is_streamed=is_streamed, wants_gtts=wants_gtts)

    assert told is covered


@pytest.mark.parametrize(
    ("topology", "state", "needs"),
    [
        (Topology.OCO, State.ENTRY_OPEN, True),  # its GTT is placed by the price at the moment of the fill
        (Topology.OCO, State.PROTECTED_PARTIAL, True),
        (Topology.OCO, State.PROTECTED, False),  # the broker watches both legs
        (Topology.MORPH, State.PROTECTED, True),  # its target is watched here
    ],
)
def test_prices_are_asked_for_where_they_decide_something(
    topology: Topology, state: State, needs: bool
) -> None:
    held = a_leg(
        seq=2,
        role=Role.EXIT,
        kind=LegKind.GTT,
        purpose=Purpose.OCO,
        status=LegStatus.TRIGGER_PENDING,
    )
    bracket = a_bracket(
        plan=a_plan(product=Product.CNC, topology=topology), state=state, legs=(a_leg(), held)
    )

    assert needs_of(bracket).price is needs
