"""What a server's GTTs can hold, by the broker behind it. Pure.

The server's interface is the same whoever is behind it, what becomes of an OCO is not: at some brokers the
two legs are two triggers that do not know of each other, at others an OCO opens a position of its own. None
of those is here, nor any that nobody has looked into.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from broker.base import BrokerCapabilities
from services.bracket.model import Topology
from utils.config import OcoBroker

_SHARES = ("CNC:NSE", "CNC:BSE")
_DERIVATIVES = ("NRML:NFO", "NRML:BFO")


@dataclass(frozen=True, slots=True, kw_only=True)
class Oco:
    """Which products an OCO of a broker holds, where a short has one too, and how near a trigger may be."""

    held: tuple[str, ...]
    shorts: frozenset[str]
    minimum_distance: Decimal


_OCOS = {
    OcoBroker.ZERODHA: Oco(
        held=_SHARES + _DERIVATIVES,
        shorts=frozenset({"NFO", "BFO"}),
        minimum_distance=Decimal("0.0025"),
    ),
    OcoBroker.DHAN: Oco(held=_SHARES, shorts=frozenset(), minimum_distance=Decimal("0.0025")),
    OcoBroker.FYERS: Oco(
        held=_SHARES + _DERIVATIVES,
        shorts=frozenset({"NFO", "BFO"}),
        minimum_distance=Decimal(0),
    ),
}


def with_oco(plain: BrokerCapabilities, behind: OcoBroker) -> BrokerCapabilities:
    """Return what a server can do whose broker holds OCOs: the rest goes on being held by one stop."""
    oco = _OCOS[behind]
    return replace(
        plain,
        topologies=plain.topologies | dict.fromkeys(oco.held, Topology.OCO),
        overnight=frozenset(oco.held),
        oco_short_exchanges=oco.shorts,
        gtt_minimum_distance=oco.minimum_distance,
    )
