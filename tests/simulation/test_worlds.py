"""Seeded worlds: whatever crashes, times out or lies, filled shares end protected, flat or alarmed.

`WORLDS=500` runs so many of each kind; a failing seed is named in the message and can be run alone with
`run(seed, Scenario(...))`.
"""

import os
from dataclasses import replace

import pytest

from tests.simulation.scenarios import BROKER_FAULTS, Scenario, run
from tests.simulation.world import CALM, Fault, Faults

pytestmark = pytest.mark.no_cover  # the same code is measured elsewhere, and measuring trebles the time

WORLDS = int(os.environ.get("WORLDS", "12"))
FIRST = int(os.environ.get("FIRST_SEED", "1000"))

CRASHES = replace(BROKER_FAULTS, crashes=0.02)
KINDS: dict[str, Faults] = {
    "a sound broker": CALM,
    "a broker that lies": BROKER_FAULTS,
    "a broker that lies, and crashes": CRASHES,
    "people who change their minds": replace(CALM, user_acts=0.01),
    "people, lies and crashes": replace(CRASHES, user_acts=0.01),
    "orders cancelled elsewhere": replace(CALM, broker_cancels=0.01),
    "trades at another terminal": replace(CALM, outside_acts=0.01),
    "everything at once": replace(CRASHES, user_acts=0.005, outside_acts=0.005, broker_cancels=0.005),
    "every second call fails": Faults(
        calls={Fault.REPLY_LOST: 0.15, Fault.LOST: 0.15, Fault.NO_CONNECTION: 0.1, Fault.LATE: 0.1},
        failed_reads=0.2,
        missing_rows=0.1,
        stale_parts=0.3,
        crashes=0.02,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_filled_shares_end_protected_flat_or_alarmed(kind: str) -> None:
    for seed in range(FIRST, FIRST + WORLDS):
        faults = KINDS[kind]
        run(seed, Scenario(faults=faults, brackets=1 + seed % 4, linger=70 if faults.outside_acts else 0))


def test_f08_orders_that_come_after_we_gave_them_up_end_flat() -> None:
    """The one assumption of the absence rule broken: reversals happen, but they end, and loudly."""
    faults = Faults(calls={Fault.LATE: 0.2}, late_by=25.0, stale_parts=0.2, staleness=6.0)
    for seed in range(FIRST, FIRST + WORLDS):
        run(seed, Scenario(faults=faults, linger=70, may_reverse=True))
