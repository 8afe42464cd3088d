"""A broker with native brackets in the driver's made-up world: what its book shows of the exits."""

from dataclasses import replace
from typing import Any

from services.bracket.events import Event
from services.bracket.model import (
    Leg,
    OrderRow,
    OrderType,
    Plan,
    Purpose,
    RowStatus,
    Topology,
)
from services.bracket.native import exit_for, native_exits
from tests.builders import a_plan, capabilities
from tests.unit.driver import FILLED, OPEN, WAITS, Driver

STOP, TARGET = Purpose.STOP, Purpose.TARGET
HELD = RowStatus.PENDING
WORKS = {STOP: WAITS, TARGET: OPEN}


def a_native_plan(**overrides: Any) -> Plan:
    """Return the usual plan, as one order that brings its stop at 490 and its target at 520."""
    able = capabilities(
        topologies={"MIS": Topology.NATIVE},
        fallbacks={"MIS": Topology.MORPH},
        native_entry_types=frozenset({OrderType.LIMIT, OrderType.MARKET}),
    )
    return a_plan(**{"topology": Topology.NATIVE, "capabilities": able} | overrides)


def an_exit_row(driver: Driver, purpose: Purpose, status: RowStatus) -> OrderRow:
    """Return the row of an exit that the first leg brought, with the terms last asked for."""
    entry, known = driver.leg(1), exit_for(native_exits(driver.bracket), purpose)
    price, trigger = entry.terms.target_price, None
    if purpose is STOP:
        price, trigger = entry.terms.stop_limit, entry.terms.stop_trigger
    if known is not None:
        terms = known.asked_terms or known.terms
        price, trigger = terms.price, terms.trigger_price
    return OrderRow(
        broker_order_id=f"{entry.broker_order_id or 'O1'}-{purpose}",
        tag=None,
        exchange="NSE",
        symbol="SBIN",
        product=driver.bracket.plan.product,
        side=entry.side.opposite,
        order_type=OrderType.SL if purpose is STOP else OrderType.LIMIT,
        quantity=entry.terms.quantity,
        status=status,
        filled=0,
        price=price,
        trigger_price=trigger,
        updated_at=driver.now.wall,
        parent_order_id=entry.broker_order_id or "O1",
        exit_purpose=purpose,
    )


class NativeBroker:
    """One native bracket of a driver; the book's words for its exits are put in by hand."""

    def __init__(self, *, bracket_id: str = "01JDRIVER0000000000BRACKET", **overrides: Any) -> None:
        self.driver = Driver(a_native_plan(**overrides), bracket_id=bracket_id)

    def leg(self, purpose: Purpose) -> Leg:
        """The exit of that purpose, as the bracket has it."""
        found = exit_for(native_exits(self.driver.bracket), purpose)
        assert found is not None
        return found

    def show(self, purpose: Purpose, status: RowStatus | None = None, **fields: Any) -> None:
        """Put one exit into the book, with the terms last asked for; working unless told."""
        driver = self.driver
        row = an_exit_row(driver, purpose, WORKS[purpose] if status is None else status)
        if status is FILLED:
            fields.setdefault("filled", row.quantity)
        if fields.get("filled"):
            fields.setdefault("average_price", row.trigger_price or row.price)
        driver.rows[row.broker_order_id] = replace(row, **fields)

    def show_both(self, status: RowStatus | None = None, **fields: Any) -> None:
        for purpose in (STOP, TARGET):
            self.show(purpose, status, **fields)

    def enter(self, filled: int = 100, *, held: bool = False, **exits: Any) -> list[Event]:
        """Send the entry and let it fill so far; its exits work, for what filled, unless held back."""
        self.driver.look()
        self.show_both(HELD if held else None, **({} if held else {"quantity": filled}) | exits)
        terms = self.driver.leg(1).terms
        status = FILLED if filled == terms.quantity else OPEN
        return self.driver.accept(1, status, filled=filled)

    def later(self, seconds: float = 2.5) -> list[Event]:
        """Read again after the exits have had time to be put right."""
        return self.driver.read(after=seconds)
