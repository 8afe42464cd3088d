"""Which brokers there are. Names come from this list, never from what a user typed."""

from functools import cache
from importlib import import_module
from typing import cast

from broker.base import BrokerCapabilities, BrokerModule, BrokerSettings, Configurable

BROKERS = ("paper", "zerodha", "dhan", "fyers", "angel", "upstox", "alpaca", "openalgo")


class UnknownBroker(LookupError):
    """No adapter of this name is part of this version."""


@cache
def import_broker_module(name: str) -> BrokerModule:
    """Return a broker's front door. Raises UnknownBroker for a name that is not on the list."""
    if name not in BROKERS:
        raise UnknownBroker(f"unknown broker {name!r}, expected one of: {', '.join(BROKERS)}")
    return cast("BrokerModule", import_module(f"broker.{name}"))


def capabilities_of(name: str, settings: BrokerSettings) -> BrokerCapabilities:
    """Return what a broker can do as it is set up here. Raises UnknownBroker."""
    module = import_broker_module(name)
    return module.capabilities_with(settings) if isinstance(module, Configurable) else module.capabilities()
