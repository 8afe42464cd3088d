"""Any order, any repeat, any lie: the machine never makes an illegal move and never asks twice.

The driver itself asserts, after every step, that the fold of the log is the bracket, that a second look
decides nothing and that the next look lies ahead.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.bracket.events import (
    BracketModified,
    CancelRequested,
    ChangeAcknowledged,
    ChangeBecameUnknown,
    ChangeIntended,
    ChangeNotSent,
    ChangeRefused,
    ExitRequested,
    HandedOver,
    LegAcknowledged,
    LegBecameUnknown,
    LegIntended,
    LegNotSent,
    LegRefused,
)
from services.bracket.model import (
    ExitReason,
    GttStatus,
    IfFilled,
    KillMode,
    LegKind,
    LegStatus,
    Product,
    Purpose,
    RefusalKind,
    Role,
    RowStatus,
    Side,
    TargetTerms,
    Topology,
    Trail,
)
from services.bracket.observation import TradingSession
from tests.builders import a_plan, rupees
from tests.unit.driver import TODAY, TOMORROW, Driver, a_standing
from tests.unit.native_broker import a_native_plan, an_exit_row

pytestmark = pytest.mark.no_cover  # the same code is measured elsewhere, and measuring trebles the time

ACTS = ("row", "answer", "quote", "wait", "ask", "restart", "gtt", "day", "kill", "standing", "brought")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(ACTS),
        st.integers(0, 7),
        st.integers(0, 40),
    ),
    max_size=40,
)


def a_driver(kind: int) -> Driver:
    two = (
        TargetTerms(price=rupees("510.00"), quantity=60),
        TargetTerms(price=rupees("520.00"), quantity=40),
    )
    plans = (
        a_plan(),
        a_plan(targets=two, trail=Trail(distance=rupees("5.00"))),
        a_plan(product=Product.CNC, topology=Topology.OCO, survives_day=True),
        a_plan(
            side=Side.SELL,
            stop=rupees("510.00"),
            targets=(TargetTerms(price=rupees("480.00"), quantity=100),),
        ),
        a_native_plan(trail=Trail(distance=rupees("5.00"))),
    )
    return Driver(plans[kind % len(plans)])


def play(driver: Driver, what: str, which: int, size: int) -> None:
    match what:
        case "row":
            _row(driver, which, size)
        case "answer":
            _answer(driver, which, size)
        case "quote":
            driver.price(str(Decimal(480) + size))
        case "wait":
            driver.look(after=size / 4)
        case "ask":
            _ask(driver, which, size)
        case "restart":
            driver.restart()
        case "gtt":
            _gtt(driver, which, size)
        case "brought":
            _brought(driver, which, size)
        case "day":
            driver.session = TradingSession(id=TOMORROW if which % 2 else TODAY, is_open=size % 3 > 0)
            driver.read(after=0.5)
        case "kill":
            driver.kill = tuple(KillMode)[which % 3]
            driver.look()
        case "standing":
            driver.read(
                after=0.5, standing=a_standing(external=size, shortfall=which % 3, agrees=size % 2 == 0)
            )


def _row(driver: Driver, which: int, size: int) -> None:
    legs = [leg for leg in driver.bracket.legs if leg.kind is LegKind.ORDER]
    if not legs:
        driver.look()
        return
    leg = legs[which % len(legs)]
    status = tuple(RowStatus)[size % len(RowStatus)]
    filled = min(leg.terms.quantity + 5, size * 3)
    age = timedelta(seconds=size % 5)
    driver.show(leg.seq, status, filled=filled, updated_at=driver.now.wall - age)
    driver.read(after=0.3)


def _brought(driver: Driver, which: int, size: int) -> None:
    """Show an exit that a native entry brought, in any state, held, armed for any part, or not at all."""
    entry = driver.leg(1) if driver.bracket.legs else None
    if entry is None or not entry.terms.is_native:
        return
    purpose = (Purpose.STOP, Purpose.TARGET)[which % 2]
    row = an_exit_row(driver, purpose, tuple(RowStatus)[size % len(RowStatus)])
    quantity = (100, 40, 60, 110)[which // 2]
    filled = min(quantity, size) if size % 4 == 0 else 0
    driver.rows[row.broker_order_id] = replace(row, quantity=quantity, filled=filled)
    if size == 40:
        del driver.rows[row.broker_order_id]
    driver.read(after=0.3)


def _answer(driver: Driver, which: int, size: int) -> None:
    """Answer one call that is out, as a lane would: exactly once each."""
    waiting = sorted(driver.in_flight)
    if not waiting:
        return
    seq = waiting[which % len(waiting)]
    leg = driver.leg(seq)
    kind = tuple(RefusalKind)[size % len(RefusalKind)]
    newest = next(
        event
        for event, _ in reversed(driver.log)
        if isinstance(event, LegIntended | ChangeIntended) and event.seq == seq
    )
    name = leg.broker_order_id or (f"G{seq}" if leg.kind is LegKind.GTT else f"O{seq}")
    answers = (
        LegAcknowledged(seq=seq, broker_order_id=name),
        LegBecameUnknown(seq=seq, reason="time-out"),
        LegRefused(seq=seq, refusal=kind, reason="no"),
        LegNotSent(seq=seq, reason="no connection"),
    )
    changes = (
        ChangeAcknowledged(seq=seq),
        ChangeBecameUnknown(seq=seq, reason="time-out"),
        ChangeRefused(seq=seq, refusal=kind, reason="no"),
        ChangeNotSent(seq=seq, reason="no connection"),
    )
    driver.answer((answers if isinstance(newest, LegIntended) else changes)[size % 4])
    driver.look(after=0.1)


def _ask(driver: Driver, which: int, size: int) -> None:
    requests = (
        CancelRequested(if_filled=tuple(IfFilled)[size % 2], by="user"),
        ExitRequested(reason=ExitReason.EXIT_NOW, by="user"),
        BracketModified(by="user", stop=rupees(str(470 + size))),
        BracketModified(by="user", entry_price=Decimal(490 + size)),
        HandedOver(by="user", cancel_exits=bool(size % 2)),
    )
    driver.ask(requests[which % len(requests)])


def _gtt(driver: Driver, which: int, size: int) -> None:
    gtts = [leg for leg in driver.bracket.legs if leg.kind is LegKind.GTT]
    if not gtts:
        return
    leg = gtts[which % len(gtts)]
    driver.show_gtt(leg.seq, tuple(GttStatus)[size % len(GttStatus)])
    if size % 4 == 0:
        driver.fire(leg.seq, stop=bool(which % 2), child=f"C{leg.seq}")
    driver.read(after=0.3)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 4), STEPS)
def test_no_sequence_of_reports_makes_an_illegal_move_or_a_second_command(
    kind: int, steps: list[tuple[str, int, int]]
) -> None:
    driver = a_driver(kind)
    driver.look()
    for what, which, size in steps:
        play(driver, what, which, size)


REPORTS = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 3)), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(REPORTS, st.randoms(use_true_random=False))
def test_rows_in_any_order_and_number_end_where_the_newest_does(
    reports: list[tuple[int, int]], shuffler: object
) -> None:
    """Fills and stamps grow together at a broker; however its rows reach us, the last one wins."""
    driver = Driver()
    driver.look()
    leg = driver.leg(1)
    steps = sorted({size * 10 for size, _ in reports})
    rows = [
        driver.row(
            leg,
            leg.terms,
            status=RowStatus.FILLED if filled == 100 else RowStatus.OPEN,
            filled=filled,
            updated_at=driver.now.wall + timedelta(milliseconds=filled),
        )
        for filled in steps
    ]
    heard = rows + rows
    shuffler.shuffle(heard)  # type: ignore[attr-defined]  # hypothesis hands out a random.Random
    for row in heard:
        driver.rows[leg.tag] = row
        driver.read(after=0.2)

    assert driver.leg(1).filled == steps[-1]
    assert (driver.leg(1).status is LegStatus.FILLED) is (steps[-1] == 100)
    exits = [one for one in driver.bracket.legs if one.role is Role.EXIT]
    assert len(exits) == (1 if steps[-1] else 0)
