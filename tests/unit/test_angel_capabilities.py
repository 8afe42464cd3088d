"""What Angel One cannot hold is refused before the entry, with what would work."""

import pytest

from broker.angel import capabilities
from services.bracket.model import Topology
from tests.unit.test_validation import FUTURE, faults, on, only, request

NO_WAY_OUT = (
    "; two exits that do not cancel each other are no way out, which this version does not place, with"
    " allow_unlinked_exits neither"
)


def test_every_product_is_held_by_one_resting_stop_and_none_overnight() -> None:
    can = capabilities()

    assert set(can.topologies.values()) == {Topology.MORPH}
    assert can.overnight == frozenset()


@pytest.mark.parametrize(("consents", "more"), [(False, ""), (True, NO_WAY_OUT)])
def test_delivery_without_an_exit_before_the_close_is_refused_and_consent_is_no_way_out(
    *, consents: bool, more: str
) -> None:
    asked = request(product="CNC", allow_unlinked_exits=consents)

    assert only(faults(asked, capabilities=capabilities())) == (
        "exit_at",
        "cannot_protect",
        "product CNC on NSE cannot be protected overnight at this broker: send exit_at before 15:30, or use"
        f" MIS{more}",
    )


def test_delivery_and_futures_with_an_exit_before_the_close_are_taken() -> None:
    future = request(**on(FUTURE, product="NRML"), exit_at="15:10")

    assert faults(request(product="CNC", exit_at="15:10"), capabilities=capabilities()) == []
    assert faults(future, capabilities=capabilities(), instrument=FUTURE) == []


def test_margin_delivery_is_refused_with_what_works() -> None:
    field, _, sentence = only(faults(request(product="MTF"), capabilities=capabilities()))

    assert field == "product"
    assert sentence.endswith("cannot be protected at this broker; use CNC or MIS")
