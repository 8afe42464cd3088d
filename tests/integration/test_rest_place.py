"""POST /api/v1/placebracketorder/ from the outside."""

import pytest

from tests.serving import Served, an_order, resting, words


def test_a_filled_entry_is_answered_and_then_protected(service: Served) -> None:
    answer = service.place()

    assert answer["message"].startswith("Bracket order initiated - ")
    assert answer["entry_order_id"] == answer["orderid"]
    bracket = service.until_state(answer["bracket_id"], "PROTECTED")
    assert bracket["filled_quantity"] == 10
    assert [leg["role"] for leg in bracket["legs"]] == ["entry", "exit"]
    assert words(bracket["timeline"])[0] == "BracketReceived"
    assert bracket["protection"]["survives_shutdown"] == {"stop": True, "target": False}
