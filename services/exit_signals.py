"""What an alert that leaves does: the open brackets of its symbol are closed, released or let be."""

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from time import monotonic

from database.auth_db import Caller
from database.bracket_db import load_open
from database.exit_claim_db import ExitClaim, claim_exit, find_exit_claim
from database.session import NotStored
from database.webhook_settings import OnExit
from services.account_worker import UnknownBracket
from services.alerts.signal import Act
from services.bracket.events import CancelRequested, Event, ExitRequested, HandedOver
from services.bracket.model import Bracket, ExitReason, IfFilled
from services.desk import Desk

_PATIENCE_SECONDS = 2.0  # of TradingView's three, for all brackets together


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitOrder:
    """Which brackets leave, and how. side None: both."""

    exchange: str
    symbol: str
    side: str | None
    act: Act
    policy: OnExit
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Which brackets were told to leave; is_again where the same alert was there before."""

    bracket_ids: tuple[str, ...] = ()
    is_again: bool = False


def concerned(desk: Desk, caller: Caller, order: ExitOrder) -> tuple[Bracket, ...]:
    """Return the open brackets an exit signal speaks of: the account's, in the mode of new ones."""
    return tuple(
        bracket
        for bracket in load_open(desk.db, [caller.account_id])
        if bracket.plan.mode is caller.mode
        and bracket.plan.instrument.exchange == order.exchange
        and bracket.plan.instrument.symbol == order.symbol
        and order.side in (None, bracket.plan.side)
    )


def carry_out(desk: Desk, caller: Caller, order: ExitOrder, *, key: str, is_dated: bool) -> Left:
    """Have the brackets leave; what an alert spoke of when it came first is what it speaks of for good.

    key stands for the alert. Raises NotStored when a worker was too busy to store it in time: the same
    alert again carries on with the same brackets.
    """
    event = _event_of(order)
    if event is None:
        return Left()
    brackets = {one.id: one for one in concerned(desk, caller, order)}
    held = _claimed(desk, caller, key, tuple(brackets), is_dated=is_dated)
    if held is not None:
        brackets = {name: brackets[name] for name in held.bracket_ids if name in brackets}
    asked = [(one.id, _ask(desk, one, event)) for one in brackets.values()]
    until = monotonic() + _PATIENCE_SECONDS
    done = tuple(bracket_id for bracket_id, reply in asked if _is_done(reply, until))
    return Left(bracket_ids=done) if held is None else Left(bracket_ids=held.bracket_ids, is_again=True)


def _claimed(
    desk: Desk, caller: Caller, key: str, bracket_ids: tuple[str, ...], *, is_dated: bool
) -> ExitClaim | None:
    """Claim an alert; return the claim of the same one before. On disk before anything is asked to leave."""
    if not (is_dated or bracket_ids):
        # Not claimed, for it does nothing: the next like it, when something was opened, means just that.
        return find_exit_claim(desk.db, caller.account_id, key=key)
    claim = ExitClaim(key=key, bracket_ids=bracket_ids, created_at=desk.clock.now())
    return claim_exit(desk.db, caller.account_id, claim)


def _ask(desk: Desk, bracket: Bracket, event: Event) -> "Future[Bracket]":
    worker = desk.supervisor.worker(bracket.plan.account_id, bracket.plan.mode)
    return worker.ask(bracket.id, _unless_leaving(event))


def _unless_leaving(event: Event) -> Callable[[Bracket], Event | None]:
    def ask(bracket: Bracket) -> Event | None:
        is_leaving = bracket.exit_reason is not None or bracket.handed_over
        # A person's cancel, which may say more, stands; and the same signal again says nothing new.
        is_said = isinstance(event, CancelRequested) and bracket.cancel_requested is not None
        return None if bracket.state.is_closed or is_leaving or is_said else event

    return ask


def _is_done(reply: "Future[Bracket]", until: float) -> bool:
    try:
        reply.result(timeout=max(0.0, until - monotonic()))
    except UnknownBracket:
        return False  # closed meanwhile
    except NotYet:
        raise NotStored("the account is busy: the exit was not stored in time") from None
    return True


def _event_of(order: ExitOrder) -> Event | None:
    if order.act is Act.CANCEL:
        return CancelRequested(if_filled=IfFilled.KEEP_EXITS, by=order.by)
    match order.policy:
        case OnExit.CLOSE_BRACKET:
            return ExitRequested(reason=ExitReason.EXIT_NOW, by=order.by)
        case OnExit.CANCEL_LEGS:
            return HandedOver(by=order.by, cancel_exits=True)
        case OnExit.IGNORE:
            return None
