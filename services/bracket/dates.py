"""What a date ends: a contract, which is left before its last close, and the validity of a GTT."""

from datetime import datetime, timedelta

from services.bracket.calendar import contract_exit_at
from services.bracket.model import Leg, LegKind, Role
from services.bracket.quantities import live_legs
from services.bracket.step import Step

_RENEW_BEFORE = timedelta(days=30)


def leaves_contract_at(step: Step) -> datetime | None:
    """Return when the position must be left because its contract ends with this session; else None."""
    session = step.seen.session
    return contract_exit_at(session.id, session.closes_at, step.bracket.plan.instrument.expiry)


def must_renew(step: Step, leg: Leg) -> bool:
    """Whether a GTT runs out soon and now, with the exchange closed, is the time to place it anew."""
    due = _renewal_due(step, leg)
    return due is not None and step.now.wall >= due and not step.seen.session.is_open


def until_renewal(step: Step) -> timedelta | None:
    """Return how long until a GTT has to be placed anew; while the exchange is open, until it closes."""
    legs = live_legs(step.bracket, Role.EXIT)
    dues = [due for due in (_renewal_due(step, leg) for leg in legs) if due is not None]
    if not dues:
        return None
    closes_at = step.seen.session.closes_at if step.seen.session.is_open else None
    return max(min(dues), closes_at or min(dues)) - step.now.wall


def _renewal_due(step: Step, leg: Leg) -> datetime | None:
    if leg.kind is not LegKind.GTT or leg.expires_at is None:
        return None
    if step.bracket.plan.instrument.expiry is not None:
        return None  # its trigger ends with the contract, which is left before
    # Half of a short validity, so that a new trigger is never due at once.
    return leg.expires_at - min(_RENEW_BEFORE, (leg.expires_at - leg.sent_at.wall) / 2)
