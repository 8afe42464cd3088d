"""A broker account in front of a real one that loses answers, hangs and lies as it is told."""

import threading
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar, cast

from broker.base import BrokerAccount, Funds, NotSent, OutcomeUnknown, ReadFailed, WakeUp
from services.bracket.model import (
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

Answer = TypeVar("Answer")


class Fault(StrEnum):
    LOSE_ANSWER = "the broker accepts, the answer is lost"
    LOSE_REQUEST = "the request is lost on the way, and nobody can tell"
    REFUSE_CONNECTION = "no byte leaves"
    HANG = "the call does not come back until released"
    FAIL_READ = "a read fails"
    EMPTY_READ = "a read shows nothing although orders rest"
    OLD_READ = "a read shows what the one before it did"


class FaultyBroker:
    """Applies the next fault told for an operation, once each; without one the call goes through."""

    def __init__(self, broker: BrokerAccount) -> None:
        self.capabilities = broker.capabilities
        self.released = threading.Event()
        self.calls: list[str] = []
        self._broker = broker
        self._faults: list[tuple[str, Fault]] = []
        self._shown: dict[str, tuple[object, ...]] = {}
        self._lock = threading.Lock()

    def tell(self, operation: str, fault: Fault, *, times: int = 1) -> None:
        """Let the next calls of an operation fail; for place_order, "place_order X" means only exits."""
        with self._lock:
            self._faults += [(operation, fault)] * times

    def place_order(self, order: OrderRequest) -> OrderAck:
        return self._write(f"place_order {order.tag[8]}", lambda: self._broker.place_order(order))

    def modify_order(self, broker_order_id: str, terms: Terms, *, uses_reserve: bool = True) -> None:
        self._write(
            "modify_order",
            lambda: self._broker.modify_order(broker_order_id, terms, uses_reserve=uses_reserve),
        )

    def cancel_order(self, broker_order_id: str) -> None:
        self._write("cancel_order", lambda: self._broker.cancel_order(broker_order_id))

    def place_gtt(self, gtt: GttRequest) -> OrderAck:
        return self._write("place_gtt", lambda: self._broker.place_gtt(gtt))

    def modify_gtt(self, trigger_id: str, gtt: GttRequest) -> None:
        self._write("modify_gtt", lambda: self._broker.modify_gtt(trigger_id, gtt))

    def cancel_gtt(self, trigger_id: str) -> None:
        self._write("cancel_gtt", lambda: self._broker.cancel_gtt(trigger_id))

    def order_book(self) -> tuple[OrderRow, ...]:
        return self._read("order_book", self._broker.order_book)

    def gtt_book(self) -> tuple[GttRow, ...]:
        return self._read("gtt_book", self._broker.gtt_book)

    def trade_book(self) -> tuple[TradeRow, ...]:
        return self._read("trade_book", self._broker.trade_book)

    def positions(self) -> tuple[PositionRow, ...]:
        return self._read("positions", self._broker.positions)

    def quotes(self, symbols: frozenset[tuple[str, str]]) -> dict[tuple[str, str], Quote]:
        if self._next("quotes") is Fault.FAIL_READ:
            raise ReadFailed("HTTP 429")
        return self._broker.quotes(symbols)

    def funds(self) -> Funds:
        return self._broker.funds()

    def session_alive(self) -> bool:
        return self._broker.session_alive()

    def listen(self, wake_up: WakeUp) -> None:
        self._broker.listen(wake_up)

    def close(self) -> None:
        self.released.set()
        self._broker.close()

    def _next(self, operation: str) -> Fault | None:
        with self._lock:
            self.calls.append(operation)
            for place, (name, fault) in enumerate(self._faults):
                if name == operation:
                    del self._faults[place]
                    return fault
        return None

    def _write(self, operation: str, call: Callable[[], Answer]) -> Answer:
        match self._next(operation):
            case Fault.LOSE_ANSWER:
                call()
                raise OutcomeUnknown("time-out waiting for the answer")
            case Fault.LOSE_REQUEST:
                raise OutcomeUnknown("connection reset")
            case Fault.REFUSE_CONNECTION:
                raise NotSent("connection refused")
            case Fault.HANG:
                self.released.wait()
                raise OutcomeUnknown("time-out waiting for the answer")
            case _:
                return call()

    def _read(self, operation: str, call: Callable[[], tuple[Answer, ...]]) -> tuple[Answer, ...]:
        match self._next(operation):
            case Fault.FAIL_READ:
                raise ReadFailed("HTTP 502")
            case Fault.EMPTY_READ:
                return ()
            case Fault.OLD_READ:
                return cast("tuple[Answer, ...]", self._shown[operation])
            case _:
                shown = call()
                self._shown[operation] = shown
                return shown
