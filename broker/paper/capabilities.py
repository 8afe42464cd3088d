"""What the paper broker can do: as Zerodha can, with quotes and pushes."""

from services.bracket.model import BrokerCapabilities, Topology

_OCO = frozenset({"CNC:NSE", "CNC:BSE", "NRML:NFO", "NRML:BFO"})


def capabilities() -> BrokerCapabilities:
    """Return what every paper account can do."""
    morph = dict.fromkeys(("MIS", "NRML:MCX", "NRML:CDS"), Topology.MORPH)
    return BrokerCapabilities(
        topologies=morph | dict.fromkeys(sorted(_OCO), Topology.OCO),
        overnight=_OCO,
        stop_market_exchanges=frozenset({"NSE", "MCX"}),
        oco_short_exchanges=frozenset({"NFO", "BFO"}),
        gives_quotes=True,
        pushes_orders=True,
    )
