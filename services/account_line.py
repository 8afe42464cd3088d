"""Calls of others than the worker on an account's connections: in the same lanes, under the same limits."""

from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from typing import TypeVar, cast

from broker.base import BrokerAccount, NotSent
from services.lanes import Connections
from services.shared_reads import SharedReads
from utils.clock import Clock

T = TypeVar("T")
BrokerCall = Callable[[BrokerAccount], T]

READS_KEPT = timedelta(seconds=1)  # however often people ask, the worker's own reads find room


class AccountLine:
    """Takes calls from any thread. What a call raises, its future raises.

    may_act: whether the account is still this process's; a write that comes too late raises NotSent.
    """

    def __init__(
        self,
        broker: BrokerAccount,
        lanes: Connections,
        clock: Clock,
        *,
        may_act: Callable[[], bool] = lambda: True,
    ) -> None:
        self._broker = broker
        self._may_act = may_act
        self._lanes = lanes
        self._shared = SharedReads(lanes.read, clock.monotonic, kept=READS_KEPT)

    def write(self, call: BrokerCall[T], *, urgent: bool = False) -> "Future[T]":
        """Run a call that changes something; an urgent one may use the connection kept free for exits."""
        reply: Future[T] = Future()

        def noted(broker: BrokerAccount) -> T:
            if not self._may_act():
                raise NotSent("the account was another process's before it was sent")
            try:
                return call(broker)
            finally:
                self.forget()

        self._lanes.write(lambda: self._run(noted, reply), urgent=urgent)
        return reply

    def read(self, call: BrokerCall[T]) -> "Future[T]":
        """Run a read, in its turn behind the worker's own."""
        reply: Future[T] = Future()
        self._lanes.read(lambda: self._run(call, reply))
        return reply

    def recent(self, name: str, call: BrokerCall[T], *, wait_seconds: float) -> T:
        """Return what a read of this name gave: begun at most a second ago, or still under way.

        It never began before the last write that has come back. However many ask, one read is queued; one
        that nobody waits for any more is not made. Raises what the read raises, and TimeoutError when it
        takes longer than wait_seconds.
        """
        found = self._shared.answer(name, lambda: call(self._broker), wait_seconds=wait_seconds)
        return cast("T", found)

    def forget(self) -> None:
        """Let the next look be a new read: something was written, by this line or past it."""
        self._shared.forget()

    def _run(self, call: BrokerCall[T], reply: "Future[T]") -> None:
        try:
            reply.set_result(call(self._broker))
        except Exception as exc:  # noqa: BLE001  # the asker's to hear, in its own thread
            reply.set_exception(exc)
