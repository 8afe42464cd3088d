"""What a new order does about open brackets of the other side in its symbol."""

from dataclasses import replace

from database.bracket_db import find_opposites
from database.session import Database
from services.bracket.model import Plan
from services.bracket.opposite import OnOpposite
from services.errors import SymbolConflict


class OrderIgnored(Exception):
    """The order itself asks for nothing to happen here: no error, the caller is told with a success."""


def heed_opposites(db: Database, plan: Plan, *, policy: str) -> Plan:
    """Return the plan as it may be stored: unchanged, or waiting for the brackets it reverses.

    Raises SymbolConflict, or OrderIgnored where the policy says that nothing shall be placed. The caller
    holds the account's lock until the plan's bracket is stored.
    """
    opposites = find_opposites(db, plan)
    if not opposites:
        return plan
    bracket_id, side = opposites[0]
    held = f"bracket {bracket_id} holds {plan.instrument.symbol} on the other side ({side})"
    match OnOpposite(policy):
        case OnOpposite.REJECT:
            raise SymbolConflict(f"{held}; close it first, or send on_opposite close_first")
        case OnOpposite.IGNORE:
            raise OrderIgnored(f"Ignored, nothing was placed: {held}")
        case OnOpposite.CLOSE_FIRST:
            return replace(plan, waits_for=tuple(bracket_id for bracket_id, _ in opposites))
