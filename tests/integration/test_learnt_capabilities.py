"""What an account's broker was found out not to do is offered to nobody, and taken from nobody."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.bracket.model import OrderType, Topology
from services.errors import BracketDenied
from services.order_choices import choices
from services.plain.orders import place_plain_order
from services.plain.request import PlainOrderRequest
from tests.desks import RunningDesk, a_running_desk


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningDesk]:
    with a_running_desk(tmp_path) as desk:
        yield desk


def test_a_product_that_is_not_held_here_is_shown_as_not_held(running: RunningDesk) -> None:
    before = choices(running.desk, running.caller, exchange="NSE", symbol="SBIN")

    held = running.broker.capabilities.topologies
    running.broker.capabilities = replace(
        running.broker.capabilities, topologies={name: held[name] for name in held if "MIS" not in name}
    )
    after = choices(running.desk, running.caller, exchange="NSE", symbol="SBIN")

    assert {one.product: one.topology for one in before.products}["MIS"] == Topology.MORPH
    assert {one.product: one.topology for one in after.products}["MIS"] is None


def test_a_plain_order_of_a_type_that_is_not_taken_here_is_refused(running: RunningDesk) -> None:
    asked = PlainOrderRequest(symbol="SBIN", exchange="NSE", action="BUY", quantity=5, pricetype="MARKET")
    types = running.broker.capabilities.order_types

    running.broker.capabilities = replace(running.broker.capabilities, order_types=types - {OrderType.MARKET})

    with pytest.raises(BracketDenied, match="MARKET"):
        place_plain_order(running.desk, asked, running.caller)
