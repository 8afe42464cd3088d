"""Which brokers there are. Names come from this list, never from what a user typed."""

from functools import cache
from importlib import import_module
from typing import cast

from broker.base import BrokerModule

BROKERS = ("paper", "zerodha", "dhan", "fyers", "angel", "upstox")


class UnknownBroker(LookupError):
    """No adapter of this name is part of this version."""


@cache
def import_broker_module(name: str) -> BrokerModule:
    """Return a broker's front door. Raises UnknownBroker for a name that is not on the list."""
    if name not in BROKERS:
        raise UnknownBroker(f"unknown broker {name!r}, expected one of: {', '.join(BROKERS)}")
    return cast("BrokerModule", import_module(f"broker.{name}"))
