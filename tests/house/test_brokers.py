"""Every broker on the list is documented, under contract, and kept apart from the simulator."""

import configparser
from dataclasses import replace
from pathlib import Path

import pytest

from broker import zerodha
from broker.registry import BROKERS
from scripts.broker_matrix import holding_cells, matrix
from services.bracket.model import OrderType, Topology

ROOT = Path(__file__).resolve().parents[2]
LIVE = [name for name in BROKERS if name != "paper"]
SHARES = frozenset({"NSE", "BSE"})


@pytest.mark.parametrize("name", LIVE)
def test_a_live_broker_is_documented_and_does_not_know_the_simulator(name: str) -> None:
    rules = configparser.ConfigParser()
    rules.read(ROOT / ".importlinter")
    kept_apart = rules["importlinter:contract:only-paper-simulates"]["source_modules"].split()
    page = ROOT / "docs" / "brokers" / f"{name}.md"

    assert f"broker.{name}" in kept_apart
    assert page.exists()
    assert "live" in page.read_text()
    assert f"docs/brokers/{name}.md" in (ROOT / "README.md").read_text()
    assert f"{name.upper()}_API_ROOT" in page.read_text()


@pytest.mark.parametrize("name", BROKERS)
def test_the_matrix_has_a_row_of_every_broker_in_both_tables(name: str) -> None:
    rows = [line.split(" | ")[0] for line in matrix().splitlines()]

    assert sum(row in (f"| {name}", f"| [{name}]({name}.md)") for row in rows) == 2


def test_a_cell_tells_the_exchanges_apart_only_where_they_differ() -> None:
    can = replace(
        zerodha.capabilities(),
        exchanges=SHARES | {"NFO", "MCX"},
        topologies={
            "MIS": Topology.NATIVE,
            "CNC:NSE": Topology.OCO,
            "NRML:NFO": Topology.OCO,
            "NRML:MCX": Topology.MORPH,
        },
        overnight=frozenset({"NRML:NFO"}),
        fallbacks={"MIS": Topology.MORPH},
        native_entry_types=frozenset({OrderType.LIMIT}),
        oco_short_exchanges=frozenset(),
    )

    assert holding_cells(can) == (
        "broker's bracket, else one stop, morphed",
        "BSE: refused<br>NSE: broker's OCO, long only, by day only",
        "MCX: one stop, morphed, by day only<br>NFO: broker's OCO, long only",
        "refused",
    )
