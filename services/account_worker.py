"""One account's worker: every decision of the account is taken here, one after the other.

It waits for messages, looks, stores what it decided, and only then sends. Network calls run in lanes
and come back as messages, so a hung broker never holds a decision. `run` knows nothing of what runs it.
The brackets in memory are a cache of the store: every write compares the version, and a mismatch reloads.
"""

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from broker.base import AuthDead, BrokerAccount, BrokerCapabilities
from broker.limiter import Metered
from database.account_news import BracketNews, news_after
from database.bracket_db import BracketChange, StaleWriter, last_seqs, load, load_open, load_watch, save
from database.leases import Fence, Superseded
from database.session import Database, StorageError
from services.account_line import AccountLine
from services.account_messages import (
    Answered,
    Asked,
    LookAtAll,
    Message,
    PricesPushed,
    Pushed,
    QuoteAsked,
    StoredElsewhere,
    Submitted,
    TokenDied,
    TokenRenewed,
)
from services.account_picture import AccountPicture, differs, is_evidence
from services.account_pushes import AccountPushes
from services.account_reads import AccountReads, BooksFailed, BooksRead, Parts, QuotesRead
from services.bracket.account import (
    BookIndex,
    claims_of,
    index_book,
    is_complete,
    is_lost,
    part_of_read,
    standings,
)
from services.bracket.events import Event, ExitRequested, LegNotSent
from services.bracket.lifecycle import Decision, answer, reconcile
from services.bracket.model import (
    BookRead,
    Bracket,
    ExitReason,
    KillMode,
    Mode,
    Moment,
    Overlay,
    Quote,
    Role,
)
from services.bracket.observation import Read, Seen, Standing, Timing, TradingSession
from services.bracket.opposite import is_way_clear, to_be_closed
from services.cadence import Cadence, is_covered, needs_of
from services.feed_watch import FeedWatch
from services.kill_switch import KillSwitch
from services.lanes import Connections, Lanes
from services.ownership import Hold, SoleHold
from services.recording import Cause, Told, looked, records_of
from services.roster import Roster, Symbol, Tracked, symbol_of
from services.tally import tally
from services.vitals import Vitals
from services.wire import Command, commands_of, intentions, name_of, put_on_wire, unknown
from utils.checkpoint import reach
from utils.clock import Clock
from utils.log import log_context

logger = logging.getLogger(__name__)

QUOTE_MAX_AGE = timedelta(seconds=5)
_TOGETHER = 64  # decisions stored in one transaction: the first waits for the last to be decided
_RETRY = timedelta(milliseconds=500)
_STUCK_RETRY = timedelta(seconds=5)
_CUT_OFF = timedelta(seconds=5)
_READ_AGAIN = timedelta(seconds=1)
_NEWS_AT_ONCE = 500
_IDLE = timedelta(seconds=5)  # also how old a healthy heartbeat may be


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPorts:
    """What a worker needs of the world."""

    mode: Mode
    broker: BrokerAccount
    db: Database
    clock: Clock
    session_of: Callable[[str, Moment], TradingSession]  # exchange -> session
    kill_switch: KillSwitch
    announce: Callable[[str], None]  # account id: events were stored
    cadence: Cadence
    timing: Timing = field(default_factory=Timing)
    hold: Hold = field(default_factory=SoleHold)


@dataclass(frozen=True, slots=True)
class _Decided:
    tracked: Tracked
    seen: Seen
    decision: Decision


class UnknownBracket(KeyError):
    """The account has no such bracket, open or watched."""


class AccountWorker:
    """Owns one account. Thread-safe methods: submit, ask, push, brackets_waiting."""

    def __init__(self, account_id: str, ports: WorkerPorts, lanes: Connections | None = None) -> None:
        self.account_id = account_id
        self._ports = ports
        self._clock = ports.clock
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._lanes = lanes or Lanes(account_id)
        self.line = AccountLine(  # for what is not about brackets
            ports.broker, self._lanes, ports.clock, may_act=ports.hold.is_held
        )
        self.known_seq = 0  # events up to this account_seq are in the roster
        self._reads = AccountReads(ports.broker, self._lanes, clock=ports.clock, report=self._inbox.put)
        self._roster = Roster()
        self._quotes: dict[Symbol, Quote] = {}
        self._feed = FeedWatch()
        self._pushes = AccountPushes(on_news=self._inbox.put)
        self._is_renewing = False
        self._troubles: frozenset[Overlay] = frozenset()
        self._troubled_at = 0.0  # monotonic
        self._picture = AccountPicture()
        self._unstored: list[Answered] = []
        self._awaiting_quotes: list[QuoteAsked] = []
        self._recovered = threading.Event()
        self.stuck: frozenset[str] = frozenset()  # brackets that a bug of ours keeps from being decided
        self.last_turn = ports.clock.monotonic()  # the heartbeat that readiness reports

    # --- asked from other threads

    def is_ready(self, *, seconds: float) -> bool:
        """Wait until everything open is read; return whether it is.

        A bracket stored before that would be read as an old one, and its entry taken for lost.
        """
        return self._recovered.wait(seconds)

    def submit(self, bracket: Bracket, events: tuple[Event, ...], at: Moment) -> "Future[Bracket]":
        """Hand over a bracket just stored. The future resolves when the entry's answer is stored."""
        reply: Future[Bracket] = Future()
        self._inbox.put(Submitted(bracket, events, at, reply))
        return reply

    def ask(self, bracket_id: str, ask: Callable[[Bracket], Event | None]) -> "Future[Bracket]":
        """Put a person's request to a bracket. The future resolves when it is stored."""
        reply: Future[Bracket] = Future()
        self._inbox.put(Asked(bracket_id, ask, reply))
        return reply

    def quote(self, symbol: Symbol) -> Quote | None:
        """Return the worker's quote of a symbol while it is young, without asking the broker."""
        quote = self._quotes.get(symbol)
        is_young = quote is not None and self._clock.now() - quote.at <= QUOTE_MAX_AGE
        return quote if is_young else None

    def newest_quotes(self) -> Mapping[Symbol, Quote]:
        """Return the newest quote of each symbol, however old; for showing, never for deciding."""
        return self._quotes

    def open_brackets(self) -> list[Bracket]:
        """Return the open brackets as last stored; for showing what moved."""
        return [one.bracket for one in self._roster.all() if not one.bracket.state.is_closed]

    @property
    def mode(self) -> Mode:
        """Whether this worker's brackets trade real money or paper."""
        return self._ports.mode

    def ask_quote(self, symbol: Symbol) -> "Future[Quote | None]":
        """Ask for a young quote of a symbol with an open bracket; the broker is asked if need be."""
        reply: Future[Quote | None] = Future()
        self._inbox.put(QuoteAsked(symbol, reply))
        return reply

    def sight_of(self, bracket: Bracket) -> Seen:
        """Return what a look at the bracket would know now, without a read; for explaining only."""
        tracked = self._roster.get(bracket.id)
        return self._seen(tracked or Tracked(bracket, needs_of(bracket)), self._now())

    @property
    def quiescence(self) -> timedelta:
        """Q: how long an order that no book shows may still be on its way."""
        return self._ports.timing.quiescence

    @property
    def capabilities(self) -> BrokerCapabilities:
        """What the broker of this account and mode can do."""
        return self._ports.broker.capabilities

    @property
    def troubles(self) -> frozenset[Overlay]:
        """What keeps the account's books from being read."""
        return self._troubles | {Overlay.FEED_STALE} if self._feed.is_silent else self._troubles

    def vitals(self) -> Vitals:
        """Return how the worker is, for showing; its numbers may be of moments apart."""
        now, read, broker = self._now(), self._picture.previous_read, self._ports.broker
        return Vitals(
            account_id=self.account_id,
            mode=self._ports.mode,
            turned_seconds=max(0.0, now.mono - self.last_turn),
            read_seconds=None if read is None else now.since(read).total_seconds(),
            is_reading=self._wants_reads(),
            inbox=self._inbox.qsize(),
            unstored=len(self._unstored),
            open=len(self.open_brackets()),
            troubles=self.troubles,
            stuck=self.stuck,
            rate_use=broker.rate_use() if isinstance(broker, Metered) else (),
        )

    @property
    def is_token_dead(self) -> bool:
        """Whether the broker itself said so, of the token in use."""
        return Overlay.AUTH_DEAD in self._troubles and not self._is_renewing

    @property
    def pushes(self) -> AccountPushes:
        """Who hears of the account's push stream."""
        return self._pushes

    def token_died(self) -> None:
        """Say that the broker itself called the token dead: no entry is taken with it."""
        self._inbox.put(TokenDied())

    def renewed(self) -> None:
        """Say that the connection has a new token: what is open goes on by itself."""
        self._is_renewing = True
        self._inbox.put(TokenRenewed())

    @property
    def is_cut_off(self) -> bool:
        """Whether no book could be read for seconds: the fill of a new entry would not be seen."""
        seconds = self._clock.monotonic() - self._troubled_at
        return bool(self._troubles) and seconds >= _CUT_OFF.total_seconds()

    def kill_mode(self) -> KillMode:
        """Return the account's kill switch, at most a second old."""
        return self._ports.kill_switch.mode()

    def obey_kill_switch(self) -> None:
        """Look at every open bracket: the kill switch was just set."""
        self._ports.kill_switch.forget()
        self._inbox.put(LookAtAll())

    @property
    def fence(self) -> Fence | None:
        """What a write in the name of the account's owner is held against."""
        return self._ports.hold.fence

    def stored_elsewhere(self) -> None:
        """Say that another process stored events of the account."""
        self._inbox.put(StoredElsewhere())

    def push(self) -> None:
        """Say that there may be news."""
        self._inbox.put(Pushed())

    # --- the loop

    def run(self, stop: threading.Event) -> None:
        """Work until stop is set: recover, then look whenever something came or is due."""
        with log_context(account_id=self.account_id):
            self.begin()
            while not stop.is_set():
                self.turn(self._wait())
            self.finish()

    def begin(self) -> None:
        """Load what there is to look after and hear the broker's pushes."""
        self._recover()
        self._ports.broker.listen(self.push)

    def finish(self) -> None:
        """Let the calls that are out come back, and store what they brought."""
        self._lanes.close()
        self._drain()

    def wake(self) -> None:
        """Make `run` see its stop event now."""
        self._inbox.put(Pushed())

    def turn(self, message: Message | None = None) -> None:
        """Take in the message and what else has come, look at what that concerns, read what is due."""
        if message is None and not self._inbox.empty():
            message = self._inbox.get()
        self._take(message)
        self._look()
        self._start_reads()
        self._pushes.want(self._roster.open_symbols())
        self.last_turn = self._clock.monotonic()

    def _wait(self) -> Message | None:
        try:
            return self._inbox.get(timeout=self.seconds_to_wait())
        except queue.Empty:
            return None

    def _drain(self) -> None:
        """Store the answers of calls that were still out when the worker was stopped."""
        while not self._inbox.empty():
            message = self._inbox.get()
            if isinstance(message, Answered):
                self._on_answer(message)

    def _take(self, message: Message | None) -> None:
        while message is not None:
            self._handle(message)
            message = None if self._inbox.empty() else self._inbox.get()
        unstored, self._unstored = self._unstored, []
        for answered in unstored:
            self._on_answer(answered)

    def _handle(self, message: Message) -> None:
        match message:
            case Submitted() | Asked() | QuoteAsked():
                self._handle_asked(message)
            case Answered():
                self._on_answer(message)
            case BooksRead():
                self._on_books(message)
            case BooksFailed():
                self._on_failed_read(message)
            case QuotesRead():
                self._reads.done()
                self._on_quotes(message.quotes)
                self._answer_quotes(message.quotes)
            case LookAtAll():
                self._mark_open()
            case StoredElsewhere():
                self._on_stored_elsewhere()
            case Pushed():
                self._reads.hurry_pushed()
            case PricesPushed():
                self._on_quotes(self._with_bands(self._pushes.take_quotes()))
            case TokenDied():
                self._distrust(Overlay.AUTH_DEAD, "the broker session is dead")
            case TokenRenewed():
                self._on_renewed()

    # --- messages

    def _handle_asked(self, message: Submitted | Asked | QuoteAsked) -> None:
        match message:
            case Submitted():
                self._on_submitted(message)
            case Asked():
                self._on_asked(message)
            case QuoteAsked():
                self._on_quote_asked(message)

    def _recover(self) -> None:
        """Load what is open or may still come back. From here on nothing is special about a restart."""
        self._recovered.clear()
        self._roster = Roster()
        reach("recovering")
        # Before the brackets are read: what is stored in between is read once more, which does no harm.
        self.known_seq = last_seqs(self._ports.db, [self.account_id]).get(self.account_id, 0)
        closed_after = self._clock.now() - self._ports.timing.watch
        watched = load_watch(self._ports.db, self.account_id, closed_after)
        for bracket in (*load_open(self._ports.db, [self.account_id]), *watched):
            if bracket.plan.mode is self._ports.mode:
                self._roster.mark(self._roster.add(bracket))
        self._recovered.set()
        if len(self._roster):
            self._reads.hurry()

    def _on_submitted(self, message: Submitted) -> None:
        tracked = self._roster.add(message.bracket)
        tracked.waiting.append(message.reply)
        if message.bracket.plan.waits_for:
            self._roster.mark(tracked)
        self._send(tracked, message.events, intended=message.at)
        if not tracked.in_flight:
            self._reply(tracked)

    def _on_stored_elsewhere(self) -> None:
        try:
            while news := news_after(self._ports.db, self.account_id, self.known_seq, limit=_NEWS_AT_ONCE):
                brackets = (one.bracket_id for one in news if isinstance(one, BracketNews))
                for bracket_id in dict.fromkeys(brackets):
                    self._take_stored(bracket_id)
                self.known_seq = news[-1].account_seq
        except StorageError:
            logger.exception("what others stored could not be read; it is read at the next look")

    def _take_stored(self, bracket_id: str) -> None:
        stored, tracked = load(self._ports.db, bracket_id), self._roster.get(bracket_id)
        if stored is None or stored.plan.mode is not self._ports.mode:
            return
        if tracked is not None and tracked.bracket.version < stored.version:
            self._roster.update(tracked, stored)
            self._roster.mark(tracked)
        elif tracked is None and not stored.state.is_closed:
            self._roster.mark(self._roster.add(stored))

    def _on_asked(self, message: Asked) -> None:
        tracked = self._roster.get(message.bracket_id)
        if tracked is None:
            message.reply.set_exception(UnknownBracket(message.bracket_id))
            return
        try:
            event = message.ask(tracked.bracket)
            if event is not None:
                self._keep_answer(tracked, event)
                self._decide([tracked])
        except Exception as exc:  # noqa: BLE001  # a refusal, or a failed store, is the asker's to hear
            message.reply.set_exception(exc)
        else:
            message.reply.set_result(tracked.bracket)

    def _on_answer(self, message: Answered) -> None:
        tracked = self._roster.get(message.command.bracket_id)
        if tracked is None:
            return
        try:
            self._keep_answer(tracked, message.event)
        except StaleWriter:
            self._reload(tracked)
            self._unstored.append(message)
            return
        except Superseded:  # whoever works the account now finds the order by its tag
            self._say_superseded()
            return
        except StorageError:
            with log_context(bracket_id=tracked.bracket.id):
                logger.critical("an order's answer could not be stored; trying again", exc_info=True)
            self._unstored.append(message)
            return
        reach(f"answered {message.command.name}")
        tracked.in_flight.discard(message.command.seq)
        self._roster.mark(tracked)
        if not isinstance(message.event, LegNotSent):  # an unsent entry is tried again while it is fresh
            self._reply(tracked)
        if message.command.leg.role is not Role.ENTRY:
            self._reads.hurry()  # an exit protects only once a book shows it

    def _reply(self, tracked: Tracked) -> None:
        waiting, tracked.waiting = tracked.waiting, []
        for reply in waiting:
            reply.set_result(tracked.bracket)

    def _on_quote_asked(self, message: QuoteAsked) -> None:
        known = self.quote(message.symbol)
        if known is not None:
            message.reply.set_result(known)
            return
        self._awaiting_quotes.append(message)
        self._reads.hurry_prices()

    def _answer_quotes(self, quotes: dict[Symbol, Quote]) -> None:
        waiting, self._awaiting_quotes = self._awaiting_quotes, []
        for message in waiting:
            message.reply.set_result(quotes.get(message.symbol))

    def _with_bands(self, quotes: dict[Symbol, Quote]) -> dict[Symbol, Quote]:
        """A push has no price bands: those of the last read stay."""
        return {symbol: _banded(quote, self._quotes.get(symbol)) for symbol, quote in quotes.items()}

    def _on_renewed(self) -> None:
        """Whether the new token is any better, the next read says; the old one's death is over."""
        if Overlay.AUTH_DEAD in self._troubles:
            self._set_troubles(frozenset({Overlay.BROKER_DOWN}))
        self._is_renewing = False
        self._reads.hurry()

    def _on_failed_read(self, message: BooksFailed) -> None:
        self._reads.done()
        trouble = Overlay.AUTH_DEAD if isinstance(message.error, AuthDead) else Overlay.BROKER_DOWN
        if trouble not in self._troubles:  # a token may stay dead all night
            logger.warning("the books could not be read: %s", message.error)
        self._set_troubles(frozenset({trouble}))
        self._reads.hurry_in(_READ_AGAIN)

    def _set_troubles(self, troubles: frozenset[Overlay]) -> None:
        if troubles == self._troubles:
            return
        if not self._troubles:
            self._troubled_at = self._clock.monotonic()
        self._troubles = troubles
        self._mark_open()

    def _mark_open(self) -> None:
        for tracked in self._roster.all():
            if not tracked.bracket.state.is_closed:
                self._roster.mark(tracked)

    def _on_quotes(self, quotes: dict[Symbol, Quote]) -> None:
        known, self._quotes = self._quotes, self._quotes | quotes
        for symbol, quote in quotes.items():
            before = known.get(symbol)
            if not _says_the_same(quote, before):
                is_only_price = before is not None and _bands(before) == _bands(quote)
                self._roster.mark_symbol(symbol, quote, is_only_price=is_only_price)
        unquoted = [one for one in self._roster.priced_symbols() if self.quote(one) is None]
        if self._feed.note(unquoted, self._clock.monotonic()):
            self._mark_open()

    def _on_books(self, message: BooksRead) -> None:
        self._reads.done()
        self._on_quotes(message.quotes)
        if message.quotes:
            self._answer_quotes(message.quotes)
        if not message.session_alive:
            self._distrust(Overlay.AUTH_DEAD, "the broker session is dead: its empty book proves nothing")
            return
        sessions = self._session_ids()
        if self._says_nothing_new(message.books, sessions):
            self._picture.previous_read = message.books.started
            for tracked in self._roster.all():
                _note_shown(tracked, message.books.started)
            return
        brackets = [tracked.bracket for tracked in self._roster.all()]
        if not is_complete(message.books, brackets, session=sessions):
            self._distrust(Overlay.BROKER_DOWN, "a read lacks orders that were live; it proves nothing")
            return
        self._set_troubles(frozenset())
        if self._picture.shows_news(message.books):
            self._reads.saw_news(message.books.started)
        self._picture.keep(message.books, sessions)
        index = index_book(message.books)
        if self._picture.notes_foreign_fills(index, brackets):
            self._reads.hurry()
        self._share_out(index, brackets, sessions)

    def _says_nothing_new(self, books: BookRead, sessions: dict[str, str]) -> bool:
        """Whether a read repeats the last complete one, and no bracket counts reads as evidence."""
        counts = bool(self._troubles) or self._roster.wants_evidence()
        return not counts and self._picture.is_repeated(books, sessions)

    def _distrust(self, trouble: Overlay, why: str) -> None:
        if trouble not in self._troubles:
            logger.warning(why)
        self._set_troubles(frozenset({trouble}))
        self._reads.hurry_in(_READ_AGAIN)

    def _share_out(self, index: BookIndex, brackets: list[Bracket], sessions: dict[str, str]) -> None:
        claims = claims_of(brackets)
        found = standings(index, brackets, session=sessions)
        for tracked in self._roster.all():
            standing = self._confirmed(tracked.bracket, found.get(tracked.bracket.id), index.read.started)
            agrees = None if standing is None else standing.agrees
            read = part_of_read(tracked.bracket, index, claims=claims, agrees=agrees)
            self._give(tracked, read, standing)
            if any(is_lost(leg) for leg in tracked.bracket.legs):
                # Adopt at once, so that no other bracket takes the same trigger for its own.
                self._decide([tracked])
                claims = claims_of([one.bracket for one in self._roster.all()])
        self._picture.previous_read = index.read.started

    def _give(self, tracked: Tracked, read: Read, standing: Standing | None) -> None:
        is_news = differs(tracked.known, read) or standing != tracked.standing
        tracked.known, tracked.standing = read, standing
        if is_news or is_evidence(tracked.bracket, read, standing, timing=self._ports.timing):
            tracked.read = read
            self._roster.mark(tracked)
        else:
            _note_shown(tracked, read.started)

    def _confirmed(self, bracket: Bracket, standing: Standing | None, started: Moment) -> Standing | None:
        """Believe what changes the account's picture only when two reads, some time apart, say the same."""
        if standing is None or not self._picture.needs_proof(bracket, standing):
            return standing
        self._reads.hurry_in(_READ_AGAIN)
        apart = self._ports.timing.evidence_apart
        return standing if self._picture.is_proven(bracket, standing, started, apart=apart) else None

    # --- looking

    def _look(self) -> None:
        marked = self._roster.take_marked(self._clock.monotonic())
        for first in range(0, len(marked), _TOGETHER):
            self._decide(marked[first : first + _TOGETHER])

    def _decide(self, brackets: list[Tracked]) -> None:
        """Look at brackets and store what is decided in one transaction; send only after that."""
        for tracked in brackets:
            if tracked.bracket.plan.waits_for:
                self._clear_way(tracked)
        now = self._now()
        decided = [one for one in (self._decision(tracked, now) for tracked in brackets) if one is not None]
        try:
            timing, news = self._ports.timing, [one for one in decided if one.decision.events]
            self._keep([(one.tracked, one.decision, looked(one.seen, now, timing)) for one in news])
        except StaleWriter:
            self._decide_apart(brackets)
            return
        except Superseded:
            self._say_superseded()
            return
        except StorageError:
            # Nothing was stored, so nothing is sent; what rests at the broker goes on resting.
            logger.critical("a decision could not be stored; nothing was sent", exc_info=True)
            for tracked in brackets:
                self._roster.set_due(tracked, now.mono + _RETRY.total_seconds())
            return
        for one in decided:
            self._carry_out(one, now)

    def _say_superseded(self) -> None:
        logger.warning("the account is another process's by now; nothing was stored or sent")

    def _decide_apart(self, brackets: list[Tracked]) -> None:
        """Somebody else wrote one of these brackets: read that one again, and hold up none of the others."""
        if len(brackets) == 1:
            self._reload(brackets[0])
            return
        for tracked in brackets:
            self._decide([tracked])

    def _decision(self, tracked: Tracked, now: Moment) -> "_Decided | None":
        seen = self._seen(tracked, now)
        try:
            decision = reconcile(tracked.bracket, seen, now, timing=self._ports.timing)
        except Exception:
            # A bug of ours, met by one bracket: the others' stops must not wait for it.
            with log_context(bracket_id=tracked.bracket.id):
                logger.critical(
                    "bracket %s cannot be decided: look at it yourself", tracked.bracket.id, exc_info=True
                )
            self.stuck |= {tracked.bracket.id}
            self._roster.set_due(tracked, now.mono + _STUCK_RETRY.total_seconds())
            return None
        self.stuck -= {tracked.bracket.id}
        return _Decided(tracked, seen, decision)

    def _carry_out(self, decided: "_Decided", now: Moment) -> None:
        tracked, wait = decided.tracked, decided.decision.next_look
        if tracked.read is not None:
            tracked.shown = tracked.read.started
        tracked.read, tracked.quote = None, decided.seen.quote
        self._roster.set_due(tracked, None if wait is None else now.mono + wait.total_seconds())
        self._send(tracked, decided.decision.events, intended=now)
        self._forget_if_done(tracked)

    def _forget_if_done(self, tracked: Tracked) -> None:
        if tracked.bracket.state.is_closed and Overlay.WATCH not in tracked.bracket.overlays:
            self._roster.drop(tracked)

    def _seen(self, tracked: Tracked, now: Moment) -> Seen:
        session = self._ports.session_of(tracked.bracket.plan.instrument.exchange, now)
        return Seen(
            session=session,
            read=tracked.read,
            quote=self._usable_quote(tracked.bracket, is_open=session.is_open),
            in_flight=frozenset(tracked.in_flight),
            kill=self._ports.kill_switch.mode(),
            standing=None if tracked.read is None else tracked.standing,
            troubles=self.troubles,
            previous_read=self._picture.previous_read if tracked.read is None else tracked.shown,
            way_is_clear=self._is_way_clear(tracked.bracket),
        )

    def _usable_quote(self, bracket: Bracket, *, is_open: bool) -> Quote | None:
        """Return a young quote; outside the session the day's last one, which stays true as it ages."""
        symbol = symbol_of(bracket)
        return self.quote(symbol) if is_open else self._quotes.get(symbol)

    # --- an entry that waits for brackets of the other side

    def _clear_way(self, tracked: Tracked) -> None:
        """Have what a waiting entry needs out of the way leave; stored before anything else is decided."""
        holders = [self._roster.get(bracket_id) for bracket_id in tracked.bracket.plan.waits_for]
        open_ones = {one.bracket.id: one for one in holders if one is not None}
        for other in to_be_closed(tracked.bracket, [one.bracket for one in open_ones.values()]):
            by = f"bracket {tracked.bracket.id}, which reverses it"
            leave = ExitRequested(reason=ExitReason.OPPOSITE_SIGNAL, by=by)
            self._try_to_keep(open_ones[other.id], leave)
            self._roster.mark(open_ones[other.id])

    def _try_to_keep(self, tracked: Tracked, event: Event) -> None:
        try:
            self._keep_answer(tracked, event)
        except StaleWriter:
            self._reload(tracked)
        except StorageError:
            # Not stored, so not asked: the entry that waits looks again, and asks again.
            logger.critical("an exit could not be stored", exc_info=True)

    def _is_way_clear(self, bracket: Bracket) -> bool:
        """Whether the brackets a waiting entry waits for are flat; not while nobody can say."""
        if not bracket.plan.waits_for or bracket.legs or bracket.entry_ended is not None:
            return True
        try:
            others = [self._bracket(bracket_id) for bracket_id in bracket.plan.waits_for]
        except StorageError:
            logger.exception("what bracket %s waits for could not be read", bracket.id)
            return False
        return is_way_clear([other for other in others if other is not None])

    def _bracket(self, bracket_id: str) -> Bracket | None:
        tracked = self._roster.get(bracket_id)
        return load(self._ports.db, bracket_id) if tracked is None else tracked.bracket

    # --- storing and sending

    def _keep_answer(self, tracked: Tracked, event: Event) -> None:
        """Store what a call came back with, or a person asked, and what follows from it."""
        now = self._now()
        self._keep([(tracked, answer(tracked.bracket, event, now), Told(now))])

    def _keep(self, decisions: list[tuple[Tracked, Decision, Cause]]) -> None:
        """Store decisions and their causes in one transaction; the cache follows only what is stored."""
        news = [one for one in decisions if one[1].events]
        if not news:
            return
        names = [name for _, decision, _ in news for name in _names(decision)]
        _reach("storing", names)
        seq = save(self._ports.db, [_change(*one) for one in news], fence=self.fence)
        self._note_stored(seq, sum(len(decision.events) for _, decision, _ in news))
        _reach("stored", names)
        for tracked, decision, _ in news:
            self._roster.update(tracked, decision.bracket)
            tally(decision.events, decision.bracket)
        self._ports.announce(self.account_id)

    def _note_stored(self, newest_seq: int, count: int) -> None:
        # A gap is somebody else's: known_seq stays before it, so that it is found.
        if newest_seq - count == self.known_seq:
            self.known_seq = newest_seq

    def _reload(self, tracked: Tracked) -> None:
        stored = load(self._ports.db, tracked.bracket.id)
        if stored is not None:
            with log_context(bracket_id=stored.id):
                logger.warning("bracket %s was changed by another writer; read again", stored.id)
            self._roster.update(tracked, stored)
            self._roster.mark(tracked)

    def _send(self, tracked: Tracked, events: tuple[Event, ...], *, intended: Moment) -> None:
        quote = self._quotes.get(symbol_of(tracked.bracket))
        commands = commands_of(
            tracked.bracket, events, intended=intended, last_price=None if quote is None else quote.last
        )
        for command in commands:
            tracked.in_flight.add(command.seq)
            self._lanes.write(partial(self._perform, command), urgent=command.is_urgent)

    def _perform(self, command: Command) -> None:
        """Make one call in a lane; whatever happens, the worker hears of it."""
        with log_context(account_id=self.account_id, bracket_id=command.bracket_id):
            try:
                event = put_on_wire(
                    self._ports.broker, command, clock=self._clock, may_act=self._ports.hold.is_held
                )
            except Exception:
                # An adapter broke its promise. The order may exist: that is what unknown means.
                logger.exception("the broker adapter failed")
                event = unknown(command, "the broker adapter failed")
        self.line.forget()  # whoever looks at a book from here on sees what this changed
        reach(f"sent {command.name}")
        self._inbox.put(Answered(command, event))

    # --- reading

    def _start_reads(self) -> None:
        if not self._wants_reads():
            return
        cadence, roster = self._ports.cadence, self._roster
        covered = is_covered(
            pushes_orders=self._ports.broker.capabilities.pushes_orders,
            is_streamed=self._pushes.is_up,
            wants_gtts=roster.wants_gtts(),
        )
        parts = Parts(
            gtts=roster.wants_gtts(),
            everything=roster.wants_everything() or self._picture.wants_everything,
            symbols=roster.open_symbols(),
        )
        self._reads.start_due(
            book_every=cadence.book_pause(roster.urgency(), is_covered=covered),
            everything_every=cadence.everything,
            price_every=self._price_pause(),
            parts=parts,
        )

    def _price_pause(self) -> timedelta | None:
        """Return how long prices may go unasked: longer while the push stream brings those that matter."""
        priced = self._roster.priced_symbols()
        if not priced:
            return None
        now, cadence = self._clock.now(), self._ports.cadence
        is_covered = self._pushes.is_up and all(
            self._pushes.is_fresh(symbol, now, cadence.price) for symbol in priced
        )
        return cadence.covered_price if is_covered else cadence.price

    def _session_ids(self) -> dict[str, str]:
        now = self._now()
        return {one: self._ports.session_of(one, now).id for one in self._roster.exchanges()}

    def seconds_to_wait(self) -> float:
        """Return how long nothing is to be done unless a message comes; 0.0 when one has."""
        if not self._inbox.empty():
            return 0.0
        now = self._clock.monotonic()
        dues = [due for due in (self._roster.soonest_due(), self._read_due()) if due is not None]
        if self._unstored:
            dues.append(now + _RETRY.total_seconds())
        soonest = min(dues, default=now + _IDLE.total_seconds())
        return min(max(0.0, soonest - now), _IDLE.total_seconds())

    def _read_due(self) -> float | None:
        return self._reads.next_due() if self._wants_reads() else None

    def _wants_reads(self) -> bool:
        """Nothing to look after needs no reads; but only a read tells that a trouble is over."""
        return len(self._roster) > 0 or bool(self.troubles)

    def _now(self) -> Moment:
        return Moment.read(self._clock)


def _names(decision: Decision) -> list[str]:
    return [name_of(event, decision.bracket.leg(event.seq)) for event in intentions(decision.events)]


def _change(tracked: Tracked, decision: Decision, cause: Cause) -> BracketChange:
    return BracketChange(
        bracket=decision.bracket,
        events=records_of(decision.events, cause),
        expected_version=tracked.bracket.version,
    )


def _reach(phase: str, names: list[str]) -> None:
    for name in names:
        reach(f"{phase} {name}")


def _banded(pushed: Quote, known: Quote | None) -> Quote:
    if known is None:
        return pushed
    return replace(pushed, lower_band=known.lower_band, upper_band=known.upper_band)


def _bands(quote: Quote) -> tuple[object, object]:
    return quote.lower_band, quote.upper_band


def _note_shown(tracked: Tracked, started: Moment) -> None:
    """A read had nothing new for a bracket; one that still waits to be stored keeps its own."""
    if tracked.read is None:
        tracked.shown = started


def _says_the_same(quote: Quote, known: Quote | None) -> bool:
    return known is not None and replace(known, at=quote.at) == quote
