"""Who speaks, and to which market."""

from dataclasses import dataclass

from simulator import SimulatedExchange


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSession:
    """One account at one simulated exchange; the exchange is shared by all accounts of a state file."""

    account_id: str
    exchange: SimulatedExchange
