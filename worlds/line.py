"""The broker as one process sees it: real calls to the exchange over a line that the faults own."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from broker.base import (
    AuthDead,
    BrokerAccount,
    Funds,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    ReadFailed,
    WakeUp,
)
from services.bracket.model import (
    BrokerCapabilities,
    GttRequest,
    GttRow,
    OrderAck,
    OrderRequest,
    OrderRow,
    PositionRow,
    Quote,
    Terms,
    TradeRow,
)
from services.bracket.tags import is_ours
from simulator.faults import Answer, Call, CallKind, Fate, Part, Rows
from simulator.orders import Key
from worlds.agenda import Agenda

T = TypeVar("T")


@dataclass(slots=True)
class Outcome:
    """What the exchange made of a call, once it got there."""

    has_arrived: bool = False
    value: Any = None
    error: OrderRejected | OutcomeUnknown | None = None


class Beyond(Protocol):
    """What lies at the other end of the line, and what may go wrong with it."""

    agenda: Agenda

    @property
    def broker(self) -> BrokerAccount: ...

    latency: random.Random

    def order_call(self, kind: CallKind, order_id: str, terms: Terms | None) -> Call: ...
    def fate_of(self, call: Call, tag: str | None) -> Fate | None: ...
    def check_sending(self, call: Call, order: OrderRequest | GttRequest | None, order_id: str) -> None: ...
    def point(self, name: str) -> None: ...
    def carry_out(self, call: Call, perform: Callable[[], T]) -> T: ...
    def shown(self, part: Part) -> Rows: ...
    def shown_quotes(self, symbols: frozenset[Key]) -> dict[Key, Quote]: ...
    def session_is_dead(self) -> bool: ...


class Line:
    """Satisfies BrokerAccount for one life of the process."""

    def __init__(self, world: Beyond, is_alive: Callable[[], bool]) -> None:
        self.capabilities: BrokerCapabilities = world.broker.capabilities
        self._world = world
        self._is_alive = is_alive
        self.wake_up: WakeUp | None = None

    # --- calls

    def place_order(self, order: OrderRequest) -> OrderAck:
        call = Call(kind=CallKind.PLACE, is_entry=order.tag[8] == "E", terms=order.terms)
        self._world.check_sending(call, order, "")
        ack: OrderAck = self._send(call, lambda: self._world.broker.place_order(order), tag=order.tag)
        return ack

    def modify_order(self, broker_order_id: str, terms: Terms, *, uses_reserve: bool = True) -> None:
        self._change(
            CallKind.MODIFY,
            broker_order_id,
            terms,
            lambda: self._world.broker.modify_order(broker_order_id, terms, uses_reserve=uses_reserve),
        )

    def cancel_order(self, broker_order_id: str) -> None:
        self._change(
            CallKind.CANCEL, broker_order_id, None, lambda: self._world.broker.cancel_order(broker_order_id)
        )

    def place_gtt(self, gtt: GttRequest) -> OrderAck:
        call = Call(kind=CallKind.PLACE_GTT, is_entry=False, terms=gtt.terms)
        self._world.check_sending(call, gtt, "")
        ack: OrderAck = self._send(call, lambda: self._world.broker.place_gtt(gtt), tag=gtt.symbol)
        return ack

    def modify_gtt(self, trigger_id: str, gtt: GttRequest) -> None:
        self._change(
            CallKind.MODIFY_GTT, trigger_id, gtt.terms, lambda: self._world.broker.modify_gtt(trigger_id, gtt)
        )

    def cancel_gtt(self, trigger_id: str) -> None:
        self._change(CallKind.CANCEL_GTT, trigger_id, None, lambda: self._world.broker.cancel_gtt(trigger_id))

    def _change(
        self, kind: CallKind, order_id: str, terms: Terms | None, perform: Callable[[], None]
    ) -> None:
        call = self._world.order_call(kind, order_id, terms)
        self._world.check_sending(call, None, order_id)
        self._send(call, perform, tag=order_id)

    def _send(self, call: Call, perform: Callable[[], Any], *, tag: str) -> Any:
        world = self._world
        world.point(f"before send {call.kind}")
        fate = world.fate_of(call, tag) or self._usual_fate()
        outcome = Outcome()
        if fate.arrives is not None:
            world.agenda.after(fate.arrives, lambda: self._arrive(call, perform, outcome))
        self._sleep(fate.answers)
        world.point(f"answer {call.kind}")
        return _answered(call, fate, outcome)

    def _usual_fate(self) -> Fate:
        arrives = self._world.latency.uniform(0.005, 0.2)
        return Fate(
            answer=Answer.REAL, arrives=arrives, answers=arrives + self._world.latency.uniform(0.005, 0.2)
        )

    def _arrive(self, call: Call, perform: Callable[[], Any], outcome: Outcome) -> None:
        """The exchange's side: happens whether or not anybody waits for the answer."""
        outcome.has_arrived = True
        try:
            outcome.value = self._world.carry_out(call, perform)
        except (OrderRejected, OutcomeUnknown) as exc:
            outcome.error = exc
        self._world.point(f"during send {call.kind}")

    # --- reads

    def order_book(self) -> tuple[OrderRow, ...]:
        return self._read(Part.ORDERS)

    def gtt_book(self) -> tuple[GttRow, ...]:
        return self._read(Part.GTTS)

    def trade_book(self) -> tuple[TradeRow, ...]:
        return self._read(Part.TRADES)

    def positions(self) -> tuple[PositionRow, ...]:
        return self._read(Part.POSITIONS)

    def _read(self, part: Part) -> Rows:
        self._sleep(self._world.latency.uniform(0.005, 0.12))
        rows = self._world.shown(part)
        self._sleep(self._world.latency.uniform(0.005, 0.12))
        return rows

    def quotes(self, symbols: frozenset[Key]) -> dict[Key, Quote]:
        self._sleep(self._world.latency.uniform(0.005, 0.1))
        return self._world.shown_quotes(symbols)

    def session_alive(self) -> bool:
        self._sleep(self._world.latency.uniform(0.005, 0.1))
        return not self._world.session_is_dead()

    def funds(self) -> Funds:
        return self._world.broker.funds()

    def listen(self, wake_up: WakeUp) -> None:
        self.wake_up = wake_up

    def close(self) -> None:
        self.wake_up = None

    def _sleep(self, seconds: float) -> None:
        self._world.agenda.sleep(seconds, is_alive=self._is_alive)


def _answered(call: Call, fate: Fate, outcome: Outcome) -> Any:
    """Return what the caller gets, or raise it."""
    match fate.answer:
        case Answer.LOST:
            raise OutcomeUnknown(fate.words)
        case Answer.REFUSED:
            raise OrderRejected(fate.words, fate.refusal)
        case Answer.NOT_SENT:
            raise NotSent(fate.words)
        case Answer.RATE_LIMITED:
            raise RateLimited(fate.words)
        case Answer.AUTH_DEAD:
            raise AuthDead(fate.words)
        case Answer.REAL:
            return _real(call, outcome)


def _real(call: Call, outcome: Outcome) -> Any:
    if outcome.error is not None:
        raise outcome.error
    if not outcome.has_arrived and call.kind in (CallKind.PLACE, CallKind.PLACE_GTT):
        raise OutcomeUnknown("the answer has no order id")
    return outcome.value


def tag_is_ours(tag: str | None) -> bool:
    return is_ours(tag)


__all__ = ["Beyond", "Line", "Outcome", "ReadFailed", "tag_is_ours"]
