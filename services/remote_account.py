"""An account that another process works, as this one may ask of it: through the store, with a hint."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta

from broker.base import BrokerCapabilities
from database.bracket_db import BracketChange, StaleWriter, load, save
from database.leases import is_worked
from database.notices import Notice, notify
from database.session import Database, NotStored
from services.account_line import AccountLine
from services.account_worker import UnknownBracket
from services.bracket.events import Event
from services.bracket.lifecycle import answer
from services.bracket.model import Bracket, KillMode, Mode, Moment, Overlay, Quote
from services.bracket.observation import Seen, TradingSession
from services.errors import BrokerUnavailable
from services.kill_switch import KillSwitch
from services.recording import Told, records_of
from services.roster import Symbol
from utils.clock import Clock

logger = logging.getLogger(__name__)

_TRIES = 5  # an account's worker stores a few times while an order goes through


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteAccount:
    """Answers as a worker does, as far as that is possible without the account's connection."""

    account_id: str
    mode: Mode
    shard: int | None
    db: Database
    clock: Clock
    capabilities: BrokerCapabilities
    quiescence: timedelta
    kill_switch: KillSwitch
    session_of: Callable[[str, Moment], TradingSession]
    is_cut_off: bool = False  # its worker ends an entry that it cannot watch
    troubles: frozenset[Overlay] = frozenset()  # its worker knows, and nobody else

    @property
    def line(self) -> AccountLine:
        """Raises BrokerUnavailable: the account's one connection, with its rate limits, is elsewhere."""
        raise BrokerUnavailable(
            "the account is worked by another process: ask where its worker runs, or use brackets"
        )

    def is_ready(self, *, seconds: float) -> bool:
        """Return whether somebody works the account; there is nothing to wait for here."""
        del seconds
        return self.shard is not None and is_worked(self.db, self.shard)

    def ask(self, bracket_id: str, ask: Callable[[Bracket], Event | None]) -> "Future[Bracket]":
        """Store a person's request for a bracket; its worker hears of it and acts on it."""
        reply: Future[Bracket] = Future()
        try:
            reply.set_result(self._stored(bracket_id, ask))
        except Exception as exc:  # noqa: BLE001  # a refusal, or a failed store, is the asker's to hear
            reply.set_exception(exc)
        return reply

    def quote(self, symbol: Symbol) -> Quote | None:
        """Return None: quotes are the worker's."""
        del symbol
        return None

    def ask_quote(self, symbol: Symbol) -> "Future[Quote | None]":
        """Answer None at once."""
        reply: Future[Quote | None] = Future()
        reply.set_result(self.quote(symbol))
        return reply

    def newest_quotes(self) -> Mapping[Symbol, Quote]:
        return {}

    def sight_of(self, bracket: Bracket) -> Seen:
        """Return what is known without a look at the market or the broker; for explaining only."""
        session = self.session_of(bracket.plan.instrument.exchange, Moment.read(self.clock))
        return Seen(session=session, kill=self.kill_switch.mode())

    def kill_mode(self) -> KillMode:
        """Return the account's kill switch, at most a second old."""
        return self.kill_switch.mode()

    def obey_kill_switch(self) -> None:
        """Let the worker hear at once that the switch was set."""
        self.kill_switch.forget()
        notify(self.db, Notice.KILL, self.account_id)

    def push(self) -> None:
        """Let the worker hear that there may be news at the broker."""
        notify(self.db, Notice.PUSHED, self.account_id)

    def _stored(self, bracket_id: str, ask: Callable[[Bracket], Event | None]) -> Bracket:
        for _ in range(_TRIES):
            bracket = load(self.db, bracket_id)
            if bracket is None or bracket.plan.mode is not self.mode:
                raise UnknownBracket(bracket_id)
            event = ask(bracket)
            if event is None:
                return bracket
            try:
                return self._keep(bracket, event)
            except StaleWriter:
                logger.info("bracket %s moved while it was asked something; asked again", bracket_id)
        raise NotStored(f"bracket {bracket_id} moves too fast to be changed: nothing was stored")

    def _keep(self, bracket: Bracket, event: Event) -> Bracket:
        """Store what was asked and the state it makes; what follows from it its worker decides."""
        now = Moment.read(self.clock)
        decision = answer(bracket, event, now)
        change = BracketChange(
            bracket=decision.bracket,
            events=records_of(decision.events, Told(now)),
            expected_version=bracket.version,
        )
        save(self.db, [change])
        return decision.bracket
