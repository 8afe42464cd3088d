"""What every use case needs, wired once in app.py and handed on. Holds no state of its own."""

import threading
from collections import defaultdict
from dataclasses import dataclass, field, replace

from database.analyzer_db import AnalyzerLog
from database.apilog_db import OrderLog
from database.auth_db import Caller, Secrets
from database.session import Database
from database.signal_db import SignalLog
from database.symbol import SymbolTable
from services.bracket.model import BrokerCapabilities, Moment
from services.bracket_announcer import BracketAnnouncer
from services.bracket_supervisor import BracketSupervisor, broker_for
from utils.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The service's parts."""

    db: Database
    clock: Clock
    secrets: Secrets
    symbols: SymbolTable
    supervisor: BracketSupervisor
    announcer: BracketAnnouncer
    order_log: OrderLog
    analyzer_log: AnalyzerLog
    signal_log: SignalLog
    # Two requests of one account must not both find the symbol free: checking and storing is one act.
    account_locks: "defaultdict[str, threading.Lock]" = field(
        default_factory=lambda: defaultdict(threading.Lock)
    )
    # Set when a plain order's outcome became unknown: whoever looks for such orders sleeps on it.
    plain_order_lost: threading.Event = field(default_factory=threading.Event)

    def now(self) -> Moment:
        return Moment.read(self.clock)

    def capabilities_for(self, caller: Caller) -> BrokerCapabilities:
        """Return what the broker can do for this account, as far as was learnt; Q is a person's to set."""
        of_account = self.supervisor.worker(caller.account_id, caller.mode).capabilities
        of_broker = self.supervisor.capabilities(broker_for(caller.broker, caller.mode))
        return replace(of_account, absence_quiescence=of_broker.absence_quiescence)
