"""The use cases on a bracket that exists: modify, cancel, exit, explain, and the kill switch.

A person's act is an event of the bracket, decided on by its worker like everything else.
"""

from collections.abc import Callable
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal

from database.auth_db import Caller
from database.bracket_db import load
from services.account_worker import UnknownBracket
from services.board import switch_kill_of_account
from services.bracket.calendar import Session, cutoff
from services.bracket.events import (
    BracketModified,
    CancelRequested,
    Event,
    ExitRequested,
    HandedOver,
)
from services.bracket.explanation import Explanation, explain
from services.bracket.model import (
    Bracket,
    ExitReason,
    IfFilled,
    KillMode,
    PriceMode,
    PriceSpec,
    Quote,
    Role,
    Trail,
)
from services.bracket.prices import is_on_tick, neighbours
from services.bracket.quantities import filled_of, net, next_target
from services.bracket.request import TrailRequest
from services.bracket.rules.amounts import check_trail
from services.bracket.rules.timing import exit_moment
from services.bracket.violations import Code, Violation, invalid
from services.bracket.wanted import stop_level, target_level
from services.bracket_order_service import bracket_order_status
from services.desk import Desk
from services.errors import BracketClosed, BracketDenied, NotFound
from services.roster import symbol_of
from utils.constants import EXCHANGE_ZONE

ANSWER_SECONDS = 5.0
_QUOTE_SECONDS = 1.5  # a broker gives one answer a second


@dataclass(frozen=True, slots=True, kw_only=True)
class BracketChanges:
    """What a person wants changed; None stays as it is. Prices in rupees, absolute.

    exit_at is HH:MM exchange time of the running or next session.
    """

    entry_price: Decimal | None = None
    sl_price: Decimal | None = None
    target_price: Decimal | None = None
    trailing_sl: TrailRequest | None = None
    exit_at: str | None = None


_CHANGEABLE = tuple(one.name for one in fields(BracketChanges))


def modify_bracket_order(desk: Desk, caller: Caller, bracket_id: str, *, changes: BracketChanges) -> Bracket:
    """Change a bracket's prices, trailing or time exit.

    Raises NotFound, BracketClosed, and BracketDenied for a price off its tick, on the wrong side, a stop
    that would trigger at once, a time that has passed, or nothing to change.
    """
    if changes == BracketChanges():
        sentence = f"nothing to change: send at least one of {', '.join(_CHANGEABLE)}"
        raise BracketDenied.of("bracket_id", Code.REQUEST_INVALID, sentence)
    bracket = bracket_order_status(desk, caller, bracket_id)
    quote = _quote(desk, bracket, is_needed=changes.sl_price is not None and net(bracket) > 0)
    market = _Market(quote, _session(desk, bracket), desk.clock.now())
    by = caller.by
    return _ask(desk, caller, bracket_id, lambda bracket: _modified(bracket, changes, market=market, by=by))


@dataclass(frozen=True, slots=True)
class _Market:
    quote: Quote | None
    session: Session
    now: datetime


def cancel_bracket_order(
    desk: Desk,
    caller: Caller,
    bracket_id: str,
    *,
    if_filled: IfFilled | None,
    confirm: str | None = None,
    leave_exits: bool = False,
) -> Bracket:
    """Cancel the entry; with shares held, if_filled says what becomes of them and is required.

    Raises NotFound, BracketClosed and BracketDenied. A fill that races the cancel keeps its exits.
    """
    by = caller.by

    def ask(bracket: Bracket) -> Event:
        _refuse_closed(bracket)
        if if_filled is IfFilled.HAND_OVER:
            _require_confirmation(bracket, confirm)
            return HandedOver(by=by, cancel_exits=not leave_exits)
        if filled_of(bracket, Role.ENTRY) and if_filled is None:
            sentence = "if_filled is required once shares are held: exit, keep_exits or hand_over"
            raise BracketDenied.of("if_filled", Code.REQUEST_INVALID, sentence)
        return CancelRequested(if_filled=if_filled, by=by)

    return _ask(desk, caller, bracket_id, ask)


def exit_bracket_order(desk: Desk, caller: Caller, bracket_id: str) -> Bracket:
    """Leave at the market now. Raises NotFound and BracketClosed."""

    def ask(bracket: Bracket) -> Event | None:
        _refuse_closed(bracket)
        if bracket.exit_reason is not None:
            return None
        return ExitRequested(reason=ExitReason.EXIT_NOW, by=caller.by)

    return _ask(desk, caller, bracket_id, ask)


def explain_bracket_order(desk: Desk, caller: Caller, bracket_id: str) -> Explanation:
    """Say what is wanted and seen per leg, which clocks run, and what happens next and why."""
    bracket = bracket_order_status(desk, caller, bracket_id)
    worker = desk.supervisor.worker(bracket.plan.account_id, bracket.plan.mode)
    seen = worker.sight_of(bracket)
    return explain(bracket, seen, desk.now())


def switch_kill(desk: Desk, caller: Caller, *, mode: KillMode) -> KillMode:
    """Set the account's kill switch; its worker acts on it within a second."""
    switch_kill_of_account(desk, caller.account_id, mode=mode)
    return mode


def _ask(desk: Desk, caller: Caller, bracket_id: str, ask: Callable[[Bracket], Event | None]) -> Bracket:
    bracket = bracket_order_status(desk, caller, bracket_id)
    worker = desk.supervisor.worker(bracket.plan.account_id, bracket.plan.mode)
    try:
        return worker.ask(bracket_id, ask).result(timeout=ANSWER_SECONDS)
    except UnknownBracket as exc:
        raise BracketClosed(f"bracket {bracket_id} is closed") from exc
    except NotYet:
        stored = load(desk.db, bracket_id)
        if stored is None:
            raise NotFound(f"bracket {bracket_id} was not found") from None
        return stored


def _refuse_closed(bracket: Bracket) -> None:
    if bracket.state.is_closed:
        raise BracketClosed(f"bracket {bracket.id} is {bracket.state}: nothing can be changed any more")


def _require_confirmation(bracket: Bracket, confirm: str | None) -> None:
    symbol = bracket.plan.instrument.symbol
    if confirm != symbol:
        sentence = f"confirm must be {symbol} to hand the position over: no stop of ours will hold it"
        raise BracketDenied.of("confirm", Code.REQUEST_INVALID, sentence)


def _modified(bracket: Bracket, changes: BracketChanges, *, market: _Market, by: str) -> Event:
    _refuse_closed(bracket)
    violations = [
        *_off_tick(bracket, changes),
        *_wrong_side(bracket, changes),
        *_would_trigger(bracket, changes, market.quote),
        *_entry_price(bracket, changes.entry_price),
        *check_trail(changes.trailing_sl),
        *_untimely(bracket, changes, market),
    ]
    if violations:
        raise BracketDenied(violations)
    return BracketModified(
        by=by,
        stop=_absolute(changes.sl_price),
        targets=None if changes.target_price is None else moved_targets(bracket, changes.target_price),
        trail=_trail(changes.trailing_sl),
        exit_at=None if changes.exit_at is None else _exit_moment(changes.exit_at, market),
        entry_price=changes.entry_price,
    )


def _absolute(price: Decimal | None) -> PriceSpec | None:
    return None if price is None else PriceSpec(mode=PriceMode.ABSOLUTE, value=price)


def moved_targets(bracket: Bracket, price: Decimal) -> tuple[PriceSpec, ...]:
    """Return all targets with the next one at price; the others of a scale-out stay."""
    nearest, moved = next_target(bracket), PriceSpec(mode=PriceMode.ABSOLUTE, value=price)
    return tuple(moved if part == nearest else part.target for part in bracket.slices)


def _trail(request: TrailRequest | None) -> Trail | None:
    if request is None:
        return None
    distance = None
    if request.points is not None:
        distance = PriceSpec(mode=PriceMode.POINTS, value=request.points)
    elif request.percent is not None:
        distance = PriceSpec(mode=PriceMode.PERCENT, value=request.percent)
    return Trail(distance=distance, activate_at=request.activate_at, breakeven_at=request.breakeven_at)


def _off_tick(bracket: Bracket, changes: BracketChanges) -> list[Violation]:
    tick = bracket.plan.instrument.tick_size
    prices = {name: getattr(changes, name) for name in ("entry_price", "sl_price", "target_price")}
    found = []
    for name, price in prices.items():
        if price is not None and (price <= 0 or not is_on_tick(price, tick)):
            low, high = neighbours(price, tick)
            sentence = f"{name} {price} is not a multiple of the tick size {tick}: use {low} or {high}"
            found.append(Violation(field=name, code=Code.PRICE_OFF_TICK, sentence=sentence))
    return found


def _wrong_side(bracket: Bracket, changes: BracketChanges) -> list[Violation]:
    """Hold what is changed against what stays: each price must lie on its side of the next one."""
    sign = bracket.plan.side.sign
    stop = changes.sl_price or stop_level(bracket)
    target = changes.target_price or target_level(bracket, next_target(bracket))
    pairs = (
        ("sl_price", stop, "target_price", target),
        ("sl_price", stop, "entry_price", changes.entry_price),
        ("entry_price", changes.entry_price, "target_price", target),
    )
    return [
        Violation(
            field=lower if getattr(changes, lower) is not None else upper,
            code=Code.PRICE_RELATIONSHIP,
            sentence=f"{lower} {low} must be {'below' if sign > 0 else 'above'} {upper} {high}",
        )
        for lower, low, upper, high in pairs
        if getattr(changes, lower) is not None or getattr(changes, upper) is not None
        if low is not None and high is not None and (high - low) * sign <= 0
    ]


def _untimely(bracket: Bracket, changes: BracketChanges, market: _Market) -> list[Violation]:
    text = changes.exit_at
    if text is None:
        return []
    try:
        leaves = _exit_moment(text, market)
    except ValueError:
        return [invalid("exit_at", f"exit_at {text} must be HH:MM exchange time")]
    last = cutoff(market.session, bracket.plan.product)
    if leaves > market.now and (last is None or leaves < last):
        return []
    limit = "" if last is None else f" and before {last.astimezone(EXCHANGE_ZONE):%H:%M}"
    sentence = f"exit_at {text} must be after now ({market.now.astimezone(EXCHANGE_ZONE):%H:%M}){limit}"
    return [Violation(field="exit_at", code=Code.PAST_CUTOFF, sentence=sentence)]


def _exit_moment(text: str, market: _Market) -> datetime:
    return exit_moment(text, session=market.session, now=market.now)


def _would_trigger(bracket: Bracket, changes: BracketChanges, quote: Quote | None) -> list[Violation]:
    stop, sign = changes.sl_price, bracket.plan.side.sign
    if stop is None or quote is None or net(bracket) <= 0 or (quote.last - stop) * sign > 0:
        return []
    sentence = (
        f"sl_price {stop} would trigger now: the last price is {quote.last}; use exitbracketorder to leave"
    )
    return [Violation(field="sl_price", code=Code.WOULD_TRIGGER_NOW, sentence=sentence)]


def _entry_price(bracket: Bracket, price: Decimal | None) -> list[Violation]:
    """Only an entry with a limit of its own has a price to change, and only until it fills."""
    entry = bracket.plan.entry
    if price is None:
        return []
    if filled_of(bracket, Role.ENTRY):
        return [invalid("entry_price", f"entry_price {price} cannot be changed any more: shares are filled")]
    if entry.price is None:
        return [invalid("entry_price", f"entry_price {price} has no place: the entry is {entry.order_type}")]
    trigger, sign = entry.trigger_price, bracket.plan.side.sign
    if trigger is None or (price - trigger) * sign >= 0:
        return []
    beyond = "at or above" if sign > 0 else "at or below"
    sentence = f"entry_price {price} must be {beyond} trigger_price {trigger}"
    return [Violation(field="entry_price", code=Code.PRICE_RELATIONSHIP, sentence=sentence)]


def _quote(desk: Desk, bracket: Bracket, *, is_needed: bool) -> Quote | None:
    """Return a young quote. One that is needed is asked for; without an answer in time there is none."""
    worker = desk.supervisor.worker(bracket.plan.account_id, bracket.plan.mode)
    symbol = symbol_of(bracket)
    known = worker.quote(symbol)
    if known is not None or not is_needed:
        return known
    with suppress(NotYet):
        return worker.ask_quote(symbol).result(timeout=_QUOTE_SECONDS)
    return None


def _session(desk: Desk, bracket: Bracket) -> Session:
    return desk.supervisor.sessions(bracket.plan.broker).session(bracket.plan.instrument.exchange, desk.now())
