"""A simulated exchange with a broker's front: orders, GTTs, positions, holdings and funds by account."""

from simulator.clock import VirtualClock
from simulator.commands import command_outcome, post_command
from simulator.exchange import SimulatedExchange
from simulator.instruments import Listing, load_instruments
from simulator.refusals import Refused
from simulator.settings import ExchangeSettings, NativeSettings, SessionHours, WalkSettings

__all__ = [
    "ExchangeSettings",
    "Listing",
    "NativeSettings",
    "Refused",
    "SessionHours",
    "SimulatedExchange",
    "VirtualClock",
    "WalkSettings",
    "command_outcome",
    "load_instruments",
    "post_command",
]
