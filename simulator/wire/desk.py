"""What the endpoints of any simulated broker work with."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from simulator.exchange import SimulatedExchange
from simulator.instruments import Listing
from simulator.orders import Key
from simulator.wire.history import PriceHistory
from simulator.wire.journal import Journal
from simulator.wire.mischief import Mischief
from simulator.wire.sessions import Sessions
from simulator.wire.tally import Tally
from simulator.wire_faults import FAULTS, Fault, FaultPlan


class Desk:
    """The broker's back office behind the wire; a user of the broker's is an account of the exchange.

    faults are what can go wrong on its network, by name: those with a body of the broker's own differ.
    """

    def __init__(
        self,
        exchange: SimulatedExchange,
        *,
        listings: Sequence[Listing],
        sessions: Sessions,
        faults: Mapping[str, Fault] = FAULTS,
    ) -> None:
        self.exchange = exchange
        self.listings = tuple(listings)
        self.sessions = sessions
        self.faults = faults
        self.journal = Journal(exchange)
        self.history = PriceHistory(exchange)
        self.plan = FaultPlan()
        self.tally = Tally()
        self.mischief = Mischief(exchange, sessions.now)
        self.count_sockets: Callable[[str], int] = lambda _api_key: 0  # set by what serves them, as is
        self.cut_sockets: Callable[[str], int] = lambda _api_key: 0

    def last_of(self, key: Key) -> Decimal:
        """Return the last price, 0 while there is none."""
        quote = self.exchange.quote(*key)
        return Decimal(0) if quote is None else quote.last


class Numbers:
    """A number for each listed instrument, for brokers that know instruments by number."""

    def __init__(self, listings: Sequence[Listing], *, first: int = 1000) -> None:
        self._numbers = {listing.key: first + at for at, listing in enumerate(listings)}
        self._keys = {number: key for key, number in self._numbers.items()}

    def number_of(self, key: Key) -> int:
        """Return an instrument's number; 0 for one that is not listed any more."""
        return self._numbers.get(key, 0)

    def key_of(self, number: int) -> Key | None:
        """Return the instrument of a number."""
        return self._keys.get(number)
