"""What a date ends: the last day of a contract, the validity of a GTT."""

from dataclasses import replace
from datetime import date, timedelta

from services.bracket.events import ChangeAcknowledged, ChangeIntended, LegIntended
from services.bracket.model import ChangeKind, ExitReason, GttStatus, LegKind, Plan, Product, Topology
from services.bracket.observation import TradingSession
from tests.builders import NINE_THIRTY, a_plan, an_instrument, capabilities
from tests.unit.driver import TODAY, Driver, only

LAST_CLOSE = NINE_THIRTY + timedelta(hours=6)
OPEN_TODAY = TradingSession(id=TODAY, opens_at=NINE_THIRTY - timedelta(minutes=15), closes_at=LAST_CLOSE)
CLOSED = replace(OPEN_TODAY, is_open=False)
HALF_AN_HOUR_BEFORE = (LAST_CLOSE - NINE_THIRTY).total_seconds() - 30 * 60


def a_contract(*, expiry: date) -> Plan:
    instrument = an_instrument(exchange="NFO", symbol="SBIN26NOVFUT", expiry=expiry, kind="FUT")
    return a_plan(instrument=instrument, product=Product.NRML, survives_day=True)


def held_by_oco() -> Driver:
    driver = Driver(a_plan(product=Product.CNC, topology=Topology.OCO, capabilities=capabilities()))
    driver.session = OPEN_TODAY
    driver.protect()
    return driver


def test_h62_a_contract_is_left_half_an_hour_before_its_last_close() -> None:
    driver = Driver(a_contract(expiry=date.fromisoformat(TODAY)))
    driver.session = OPEN_TODAY
    driver.protect()

    driver.look(after=HALF_AN_HOUR_BEFORE - driver.seconds - 1)
    assert driver.bracket.exit_reason is None
    driver.look(after=1)

    assert driver.bracket.exit_reason is ExitReason.CONTRACT_EXPIRY


def test_h62_the_day_before_its_last_a_contract_is_kept() -> None:
    driver = Driver(a_contract(expiry=date.fromisoformat(TODAY) + timedelta(days=1)))
    driver.session = OPEN_TODAY
    driver.protect()

    driver.look(after=HALF_AN_HOUR_BEFORE + 60)

    assert driver.bracket.exit_reason is None


def test_h62_the_entry_of_a_contract_in_its_last_minutes_is_ended() -> None:
    driver = Driver(a_contract(expiry=date.fromisoformat(TODAY)))
    driver.session = OPEN_TODAY
    driver.look()
    driver.accept(1)

    driver.look(after=HALF_AN_HOUR_BEFORE)

    assert driver.bracket.entry_ended == "exit_contract_expiry"


def test_h35_a_gtt_that_runs_out_within_a_month_is_placed_anew_while_the_exchange_is_closed() -> None:
    driver = held_by_oco()
    driver.show_gtt(2, expires_at=NINE_THIRTY + timedelta(days=365))
    driver.read(after=1)
    driver.session = CLOSED
    driver.look(after=timedelta(days=334).total_seconds())
    assert driver.leg(2).change is None

    intended = only(driver.look(after=timedelta(days=2).total_seconds()), ChangeIntended)
    assert (intended.seq, intended.kind) == (2, ChangeKind.CANCEL)
    driver.answer(ChangeAcknowledged(seq=2))
    driver.show_gtt(2, GttStatus.DELETED)
    placed = only(driver.read(after=1), LegIntended)

    assert placed.kind is LegKind.GTT
    assert "oco_renewed" in driver.alarms


def test_h35_while_the_exchange_is_open_the_gtt_stays_in_place() -> None:
    driver = held_by_oco()
    driver.show_gtt(2, expires_at=NINE_THIRTY + timedelta(days=365))
    driver.read(after=1)

    driver.look(after=timedelta(days=340).total_seconds())

    assert driver.leg(2).change is None


def test_h35_a_new_trigger_with_a_short_validity_is_not_due_at_once() -> None:
    driver = held_by_oco()
    driver.show_gtt(2, expires_at=NINE_THIRTY + timedelta(days=20))
    driver.session = CLOSED

    driver.read(after=1)
    assert driver.leg(2).change is None
    driver.look(after=timedelta(days=10).total_seconds())

    assert driver.leg(2).change is not None
