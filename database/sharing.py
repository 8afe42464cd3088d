"""Equal parts of brackets kept once: what a broker can do and what a symbol is are the same in thousands."""

from dataclasses import replace
from sys import intern
from typing import Generic, TypeVar

from services.bracket.model import Bracket, BrokerCapabilities, Instrument, Plan, Policies

Part = TypeVar("Part")

_MOST_KEPT = 1024


class _Kept(Generic[Part]):
    """Values seen so far, found by a key and by being equal."""

    def __init__(self) -> None:
        self._known: dict[object, Part] = {}

    def same(self, key: object, value: Part) -> Part:
        """Return the value kept under key when it is equal, else keep this one."""
        known = self._known.get(key)
        if known is not None and known == value:
            return known
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[key] = value
        return value


_capabilities = _Kept[BrokerCapabilities]()
_instruments = _Kept[Instrument]()
_policies = _Kept[Policies]()


def with_shared_parts(bracket: Bracket) -> Bracket:
    """Return the bracket with the parts of its plan that others have too replaced by theirs."""
    return replace(bracket, plan=_shared(bracket.plan))


def _shared(plan: Plan) -> Plan:
    instrument = plan.instrument
    return replace(
        plan,
        account_id=intern(plan.account_id),
        owner_id=intern(plan.owner_id),
        broker=intern(plan.broker),
        strategy=intern(plan.strategy),
        capabilities=_capabilities.same(plan.broker, plan.capabilities),
        instrument=_instruments.same((instrument.exchange, instrument.symbol), instrument),
        policies=_policies.same(plan.policies.on_manual_change, plan.policies),
    )
