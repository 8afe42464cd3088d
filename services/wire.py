"""One stored intention put on the wire, and what came back, as an event. No retry lives here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from broker.base import AuthDead, BrokerAccount, NotSent, OrderRejected, OutcomeUnknown
from services.bracket.events import (
    ChangeAcknowledged,
    ChangeBecameUnknown,
    ChangeIntended,
    ChangeNotSent,
    ChangeRefused,
    Event,
    LegAcknowledged,
    LegBecameUnknown,
    LegIntended,
    LegNotSent,
    LegRefused,
)
from services.bracket.model import (
    Bracket,
    ChangeKind,
    GttRequest,
    Leg,
    LegKind,
    Moment,
    OrderRequest,
    Role,
    Terms,
    Validity,
)
from utils.clock import Clock

# A process that slept between storing an intention and sending it may have been overtaken: R13.
FENCE = timedelta(seconds=1)

Intention = LegIntended | ChangeIntended


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A stored intention with all that the broker call needs; last_price only matters to a GTT."""

    bracket_id: str
    intention: Intention
    leg: Leg
    bracket: Bracket
    intended: Moment
    last_price: Decimal | None

    @property
    def seq(self) -> int:
        return self.leg.seq

    @property
    def name(self) -> str:
        """Return what it does, as checkpoints name it: "place stop", "modify target", "cancel entry"."""
        return name_of(self.intention, self.leg)

    @property
    def is_urgent(self) -> bool:
        """Whether it may use the connection kept free for exits: all but placing or moving an entry."""
        is_cancel = isinstance(self.intention, ChangeIntended) and self.intention.kind is ChangeKind.CANCEL
        return self.leg.role is not Role.ENTRY or is_cancel


def intentions(events: tuple[Event, ...]) -> list[Intention]:
    """Return the events that are commands."""
    return [event for event in events if isinstance(event, LegIntended | ChangeIntended)]


def name_of(intention: Intention, leg: Leg) -> str:
    """Return a command's name: what it does and to what."""
    if isinstance(intention, LegIntended):
        return f"place {intention.purpose}"
    return f"{intention.kind} {intention.purpose or leg.purpose}"


def commands_of(
    bracket: Bracket, events: tuple[Event, ...], *, intended: Moment, last_price: Decimal | None
) -> list[Command]:
    """Return the commands among the events just stored; exits and cancels first."""
    commands = [
        Command(
            bracket_id=bracket.id,
            intention=event,
            leg=bracket.leg(event.seq),
            bracket=bracket,
            intended=intended,
            last_price=last_price,
        )
        for event in intentions(events)
    ]
    return sorted(commands, key=lambda command: not command.is_urgent)


def put_on_wire(
    broker: BrokerAccount, command: Command, *, clock: Clock, may_act: Callable[[], bool] = lambda: True
) -> Event:
    """Make the one broker call of a command and return what it came to, as an event to store.

    may_act: whether the account is still this process's.
    """
    if not may_act():
        return _not_sent(command, "the account was another process's before it was sent")
    if is_too_late(command, Moment.read(clock)):
        return _not_sent(command, "the intention was overtaken before it was sent")
    try:
        broker_order_id = _call(broker, command)
    except OrderRejected as exc:
        return _refused(command, exc)
    except NotSent as exc:
        return _not_sent(command, str(exc) or "not sent")
    except (OutcomeUnknown, AuthDead) as exc:
        return unknown(command, str(exc) or type(exc).__name__)
    if isinstance(command.intention, ChangeIntended):
        return ChangeAcknowledged(seq=command.seq)
    return LegAcknowledged(seq=command.seq, broker_order_id=broker_order_id)


def is_too_late(command: Command, now: Moment) -> bool:
    """Whether the fence (R13), or for an entry its own maximum age (R1), forbids sending."""
    if now.since(command.intended) > FENCE:
        return True
    is_entry = command.leg.role is Role.ENTRY and isinstance(command.intention, LegIntended)
    return is_entry and now.since(command.bracket.received) >= command.bracket.plan.entry.max_age


def _not_sent(command: Command, reason: str) -> Event:
    if isinstance(command.intention, ChangeIntended):
        return ChangeNotSent(seq=command.seq, reason=reason)
    return LegNotSent(seq=command.seq, reason=reason)


def _refused(command: Command, exc: OrderRejected) -> Event:
    if isinstance(command.intention, ChangeIntended):
        return ChangeRefused(seq=command.seq, refusal=exc.kind, reason=exc.reason)
    return LegRefused(seq=command.seq, refusal=exc.kind, reason=exc.reason)


def unknown(command: Command, reason: str) -> Event:
    """Return the event that says a command's outcome is not known."""
    if isinstance(command.intention, ChangeIntended):
        return ChangeBecameUnknown(seq=command.seq, reason=reason)
    return LegBecameUnknown(seq=command.seq, reason=reason)


def _call(broker: BrokerAccount, command: Command) -> str:
    intention = command.intention
    if isinstance(intention, LegIntended):
        return _place(broker, command, intention)
    order_id = command.leg.broker_order_id
    if order_id is None:
        raise NotSent("the order has no id to change it by")
    if intention.kind is ChangeKind.CANCEL:
        _cancel(broker, command.leg, order_id)
    elif intention.terms is not None:
        _modify(broker, command, order_id, intention.terms)
    return order_id


def _place(broker: BrokerAccount, command: Command, intention: LegIntended) -> str:
    if intention.kind is LegKind.GTT:
        return broker.place_gtt(_gtt(command, intention.terms)).broker_order_id
    return broker.place_order(order_request(command.bracket, intention)).broker_order_id


def order_request(bracket: Bracket, intention: LegIntended | Leg) -> OrderRequest:
    """Return the order that an intention, or the leg it became, is sent as."""
    plan, is_entry = bracket.plan, intention.role is Role.ENTRY
    return OrderRequest(
        tag=intention.tag,
        exchange=plan.instrument.exchange,
        symbol=plan.instrument.symbol,
        product=plan.product,
        side=intention.side,
        terms=intention.terms,
        validity=plan.entry.validity if is_entry else Validity.DAY,
        disclosed_quantity=plan.entry.disclosed_quantity if is_entry else 0,
        uses_reserve=not is_entry,
    )


def _gtt(command: Command, terms: Terms) -> GttRequest:
    plan = command.bracket.plan
    if command.last_price is None:
        raise NotSent("a GTT needs the last price and there is no quote")
    return GttRequest(
        exchange=plan.instrument.exchange,
        symbol=plan.instrument.symbol,
        product=plan.product,
        side=command.leg.side,
        terms=terms,
        last_price=command.last_price,
        tag=command.leg.tag,
    )


def _modify(broker: BrokerAccount, command: Command, order_id: str, terms: Terms) -> None:
    if command.leg.kind is LegKind.GTT:
        broker.modify_gtt(order_id, _gtt(command, terms))
    else:
        broker.modify_order(order_id, terms)


def _cancel(broker: BrokerAccount, leg: Leg, order_id: str) -> None:
    if leg.kind is LegKind.GTT:
        broker.cancel_gtt(order_id)
    else:
        broker.cancel_order(order_id)
