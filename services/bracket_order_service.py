"""The use cases: place a bracket, change it, end it, explain it. Values in, values out; no HTTP here.

A bracket and its entry's intention are one commit; the account's worker sends; the caller waits a
moment for the entry's answer and is told "being resolved" when it takes longer.
"""

import hashlib
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from ulid import ULID

from broker.base import BrokerCapabilities
from database.auth_db import Caller, Scope, verify_api_key
from database.bracket_db import (
    BracketPage,
    ExistingClaim,
    IdempotencyClaim,
    Listed,
    find_claim,
    insert_bracket,
    list_brackets,
    load,
)
from services import listings
from services.account_worker import UnknownBracket
from services.bracket.calendar import Session, UnknownExchange
from services.bracket.events import BracketReceived, EntryEnded, Event
from services.bracket.lifecycle import apply, reconcile
from services.bracket.model import (
    Bracket,
    Instrument,
    KillMode,
    Leg,
    LegStatus,
    Moment,
    Plan,
    Quote,
    Role,
)
from services.bracket.observation import Seen, Timing, TradingSession
from services.bracket.planning import Account, make_plan
from services.bracket.protection import Protection, describe_protection, plan_warnings
from services.bracket.quantities import legs_of
from services.bracket.request import BracketOrderRequest, normalised
from services.bracket.units import settle
from services.bracket.validation import Violation, check
from services.bracket_supervisor import AnyWorker, broker_for
from services.desk import Desk
from services.errors import (
    BracketDenied,
    BrokerUnavailable,
    EntryRejected,
    EntryStale,
    IdempotencyConflict,
    InvalidApiKey,
    Killed,
    NotFound,
    NotReady,
    ScopeMissing,
)
from services.opposites import OrderIgnored, heed_opposites
from services.recording import looked, records_of
from services.tally import tally
from utils.checkpoint import reach

ENTRY_ANSWER_SECONDS = 1.5
_TIMING = Timing()
_ASKS = 10
_ASK_AGAIN_SECONDS = 0.05

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A request held against account, instrument, market and calendar. plan is None when it has faults."""

    violations: list[Violation]
    plan: Plan | None
    protection: Protection | None
    session: Session | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What became of a placement. bracket is None for a dry run, and where nothing was to be placed.

    ignored says why nothing was, for an order with on_opposite ignore.
    """

    plan: Plan
    protection: Protection
    bracket: Bracket | None
    duplicate: bool = False
    ignored: str | None = None


def require(caller: Caller, *scopes: Scope) -> Caller:
    """Return the caller if its key has one of the scopes. Raises ScopeMissing."""
    if not caller.scopes.intersection(scopes):
        raise ScopeMissing(f"this key lacks the scope {' or '.join(scopes)}")
    return caller


def caller_of(desk: Desk, api_key: str) -> Caller:
    """Return who a key speaks for. Raises InvalidApiKey."""
    caller = verify_api_key(desk.db, desk.secrets, api_key)
    if caller is None:
        raise InvalidApiKey("Invalid API key")
    return caller


def validate_bracket_order(desk: Desk, request: BracketOrderRequest, caller: Caller) -> Checked:
    """Check a request and plan it; every fault is reported, none is stored."""
    broker_name, now = broker_for(caller.broker, caller.mode), desk.now()
    capabilities = desk.capabilities_for(caller)
    instrument = _instrument(desk, request, caller)
    quote = _quote(desk, request, caller)
    session = _session(desk, request, broker_name, now)
    settled = settle(request, instrument=instrument, quote=quote)
    request = settled.request
    violations = settled.faults + check(
        request,
        capabilities=capabilities,
        instrument=instrument,
        quote=quote,
        session=session,
        now=now.wall,
    )
    if violations or instrument is None or session is None:
        return Checked(violations=violations, plan=None, protection=None, session=session)
    market = _Market(capabilities, instrument, quote, session)
    return _planned(request, caller, market, now)


@dataclass(frozen=True, slots=True)
class _Market:
    capabilities: BrokerCapabilities
    instrument: Instrument
    quote: Quote | None
    session: Session


def _planned(request: BracketOrderRequest, caller: Caller, market: _Market, now: Moment) -> Checked:
    plan = make_plan(
        request,
        account=Account(
            account_id=caller.account_id,
            owner_id=caller.owner_id,
            broker=broker_for(caller.broker, caller.mode),
            mode=caller.mode,
        ),
        capabilities=market.capabilities,
        instrument=market.instrument,
        quote=market.quote,
        session=market.session,
        now=now.wall,
    )
    warnings = plan_warnings(plan, request=request, quote=market.quote, session=market.session)
    protection = describe_protection(plan, warnings)
    return Checked(violations=[], plan=plan, protection=protection, session=market.session)


def _instrument(desk: Desk, request: BracketOrderRequest, caller: Caller) -> Instrument | None:
    if request.exchange is None or request.symbol is None:
        return None
    return listings.instrument(desk, caller, request.exchange.upper(), symbol=request.symbol.upper())


def _quote(desk: Desk, request: BracketOrderRequest, caller: Caller) -> Quote | None:
    """Return a quote the worker has anyway; placing never waits for one."""
    if request.exchange is None or request.symbol is None:
        return None
    worker = desk.supervisor.worker(caller.account_id, caller.mode)
    return worker.quote((request.exchange.upper(), request.symbol.upper()))


def _session(desk: Desk, request: BracketOrderRequest, broker_name: str, now: Moment) -> Session | None:
    if request.exchange is None:
        return None
    try:
        return desk.supervisor.sessions(broker_name).session(request.exchange.upper(), now)
    except UnknownExchange:
        return None


def place_bracket_order(
    desk: Desk, request: BracketOrderRequest, api_key: str, *, wait_seconds: float = ENTRY_ANSWER_SECONDS
) -> Placed:
    """Place a bracket for the account of a key. Raises InvalidApiKey and what the next function raises."""
    caller = require(caller_of(desk, api_key), Scope.TRADE)
    return place_bracket_order_with_auth(desk, request, caller, wait_seconds=wait_seconds)


def place_bracket_order_with_auth(
    desk: Desk, request: BracketOrderRequest, caller: Caller, *, wait_seconds: float = ENTRY_ANSWER_SECONDS
) -> Placed:
    """Place a bracket for a caller already verified; wait up to wait_seconds for the entry's answer.

    Raises BracketDenied and NotReady (nothing stored), Killed, SymbolConflict, IdempotencyConflict,
    NotStored (nothing stored, nothing sent), EntryRejected (the broker's no, stored) and BrokerUnavailable
    (provably nothing was placed). A placement that cannot be confirmed in time is a success that says so.
    """
    claim = _claim(request)
    known = None if claim is None or request.dry_run else _known(desk, caller, claim)
    if known is not None:
        return _replayed(desk, known)
    checked = validate_bracket_order(desk, request, caller)
    if checked.plan is None or checked.protection is None:
        raise BracketDenied(checked.violations)
    if request.dry_run:
        return Placed(plan=checked.plan, protection=checked.protection, bracket=None)
    _refuse_entries(desk, desk.supervisor.worker(caller.account_id, caller.mode))
    try:
        return _commit_and_send(desk, request, checked, claim=claim, wait_seconds=wait_seconds)
    except OrderIgnored as ignored:
        return Placed(plan=checked.plan, protection=checked.protection, bracket=None, ignored=str(ignored))


def _claim(request: BracketOrderRequest) -> IdempotencyClaim | None:
    if request.client_order_id is None:
        return None
    body_hash = hashlib.sha256(normalised(request).encode()).hexdigest()
    return IdempotencyClaim(key=request.client_order_id, body_hash=body_hash)


def _known(desk: Desk, caller: Caller, claim: IdempotencyClaim) -> str | None:
    found = find_claim(desk.db, caller.account_id, key=claim.key)
    return None if found is None else _same_body(found, claim)


def _same_body(found: ExistingClaim, claim: IdempotencyClaim) -> str:
    if found.body_hash != claim.body_hash:
        raise IdempotencyConflict(f"client_order_id {claim.key} was used for another order")
    return found.bracket_id


def _replayed(desk: Desk, bracket_id: str) -> Placed:
    bracket = load(desk.db, bracket_id)
    if bracket is None:
        raise NotFound(f"bracket {bracket_id} is gone")
    return replace(_outcome(bracket), duplicate=True)


def _refuse_entries(desk: Desk, worker: AnyWorker) -> None:
    """Raise while the account takes no new entries: killed, stopping, not yet ready, blind.

    A fill that cannot be seen cannot be protected: no entry while the books cannot be read.
    """
    mode = worker.kill_mode()
    if mode is not KillMode.OFF or desk.supervisor.is_stopping:
        raise Killed(f"the kill switch is set to {mode}: no new entries")
    if not worker.is_ready(seconds=ENTRY_ANSWER_SECONDS):
        raise NotReady("nobody looks after the account's brackets yet: nothing was stored, send it again")
    if worker.is_cut_off:
        raise BrokerUnavailable("the broker's books cannot be read: nothing was placed")


def _commit_and_send(
    desk: Desk,
    request: BracketOrderRequest,
    checked: Checked,
    *,
    claim: IdempotencyClaim | None,
    wait_seconds: float,
) -> Placed:
    plan = _sure(checked.plan)
    now = desk.now()
    sessions = desk.supervisor.sessions(plan.broker)
    session = sessions.trading_session(plan.instrument.exchange, now)
    with desk.account_locks[plan.account_id]:
        plan = heed_opposites(desk.db, plan, policy=request.on_opposite)
        seen = birth_sight(plan, session, sends=desk.supervisor.sends_entries)
        bracket, events = open_bracket(str(ULID()), plan, seen=seen, now=now)
        reach("storing bracket")
        records = records_of(events, looked(seen, now, _TIMING))
        stored = insert_bracket(desk.db, bracket, records, claim=claim, heeds_opposites=True)
        reach("stored bracket")
    if isinstance(stored, ExistingClaim) and claim is not None:
        return _replayed(desk, _same_body(stored, claim))
    tally(events, bracket)
    worker = desk.supervisor.worker(plan.account_id, plan.mode)
    reply = desk.supervisor.hand_over(bracket, events, now)
    desk.announcer.notify(plan.account_id)
    try:
        answered = _wait_for_entry(desk, worker, reply, bracket=bracket, wait_seconds=wait_seconds)
    finally:
        desk.supervisor.forget_entry(bracket.id)
    return replace(_outcome(answered), protection=_sure(checked.protection))


def open_bracket(
    bracket_id: str, plan: Plan, *, seen: Seen, now: Moment
) -> tuple[Bracket, tuple[Event, ...]]:
    """Return a new bracket, its entry intended where the way is clear, and the events that made it."""
    received = BracketReceived(id=bracket_id, plan=plan, session=seen.session.id)
    bracket = apply(None, received, now)
    decision = reconcile(bracket, seen, now, timing=_TIMING)
    return decision.bracket, (received, *decision.events)


def birth_sight(plan: Plan, session: TradingSession, *, sends: bool = True) -> Seen:
    """Return all that the first look at a bracket knows.

    An entry that waits for others to be flat is intended by its worker, once they are; and one that whoever
    stores it may not send.
    """
    return Seen(session=session, way_is_clear=sends and not plan.waits_for)


def _wait_for_entry(
    desk: Desk, worker: AnyWorker, reply: "Future[Bracket]", *, bracket: Bracket, wait_seconds: float
) -> Bracket:
    if wait_seconds <= 0:
        return bracket
    with suppress(NotYet):
        return reply.result(timeout=wait_seconds)
    try:
        return _end_unsent(worker, reply, bracket_id=bracket.id, wait_seconds=wait_seconds)
    except (NotYet, UnknownBracket):
        # Stored is stored: a worker too busy to answer, or a bracket that ended meanwhile, is no failure.
        return load(desk.db, bracket.id) or bracket


def _end_unsent(
    worker: AnyWorker, reply: "Future[Bracket]", *, bracket_id: str, wait_seconds: float
) -> Bracket:
    """End an entry unsent after all this time, so that "nothing was placed" stays true.

    One that is just being tried again is waited for: its outcome is not known before it comes back.
    """
    ended = worker.ask(bracket_id, end_if_unsent).result(timeout=wait_seconds)
    for _ in range(_ASKS):
        if not _is_tried_again(ended):
            break
        with suppress(NotYet):
            return reply.result(timeout=_ASK_AGAIN_SECONDS)
        ended = worker.ask(bracket_id, end_if_unsent).result(timeout=wait_seconds)
    return ended


def _is_tried_again(bracket: Bracket) -> bool:
    entries = legs_of(bracket, Role.ENTRY)
    return len(entries) > 1 and entries[-1].status is LegStatus.SENT


def end_if_unsent(bracket: Bracket) -> Event | None:
    """Return the event that ends an entry which provably never left, None for any other."""
    entry = entry_leg(bracket)
    is_unsent = entry is not None and entry.status is LegStatus.NOT_SENT
    return EntryEnded(code="not_sent") if is_unsent and bracket.entry_ended is None else None


def _outcome(bracket: Bracket) -> Placed:
    """Return the placement, or raise what the entry's end amounts to."""
    entry = entry_leg(bracket)
    if entry is not None and entry.status is LegStatus.REJECTED and not entry.filled:
        raise EntryRejected(f"Entry order failed: {entry.reason}", bracket.id)
    if bracket.entry_ended == "entry_stale":
        raise EntryStale(f"the entry of bracket {bracket.id} could not be sent while it was fresh")
    if bracket.entry_ended == "opposite_not_flat":
        raise EntryStale(f"the entry of bracket {bracket.id} waited in vain for the other side to be flat")
    if bracket.entry_ended == "not_sent":
        raise BrokerUnavailable("Broker API error")
    return Placed(plan=bracket.plan, protection=describe_protection(bracket.plan), bracket=bracket)


def entry_leg(bracket: Bracket) -> Leg | None:
    """Return the entry's newest order, or None before there is one."""
    entries = legs_of(bracket, Role.ENTRY)
    return entries[-1] if entries else None


def bracket_order_status(desk: Desk, caller: Caller, bracket_id: str) -> Bracket:
    """Return a bracket of the caller's account. Raises NotFound, also for another's bracket."""
    bracket = load(desk.db, bracket_id)
    if bracket is None or bracket.plan.account_id != caller.account_id:
        raise NotFound(f"bracket {bracket_id} was not found")
    return bracket


def bracket_order_book(
    desk: Desk, caller: Caller, *, state: Listed, limit: int, cursor: str | None
) -> BracketPage:
    """Return one page of the account's brackets, newest first."""
    return list_brackets(desk.db, caller.account_id, state=state, limit=limit, cursor=cursor)


def _sure(value: T | None) -> T:
    if value is None:
        raise AssertionError("a checked request has a plan")
    return value
