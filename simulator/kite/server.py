"""Kite's HTTP server: that of any simulated broker."""

from simulator.wire.server import WireServer as KiteServer

__all__ = ["KiteServer"]
