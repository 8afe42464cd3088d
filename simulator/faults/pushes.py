"""What goes wrong with pushes: hints that are lost, doubled, early, forged, or far too many."""

from typing import Any

from simulator.faults.base import Answer, Call, Fate, Fault
from simulator.faults.states import ANY, ANY_CALL


class LostPushes(Fault):
    code = "F30"
    says = "a push is lost"
    usual_rate = 0.4
    where = ANY

    def hints(self, now: float) -> list[float] | None:
        return None if self.strikes() is None else []


class RepeatedPushes(Fault):
    code = "F31"
    says = "a push comes a hundred times, out of order and late"
    usual_rate = 0.05
    where = ANY

    def hints(self, now: float) -> list[float] | None:
        dice = self.strikes()
        return None if dice is None else [dice.uniform(0.0, 20.0) for _ in range(20)]


class ForgedPushes(Fault):
    """In process a push has no content, so all that a forged one can do is to make us look."""

    code = "F32"
    says = "a forged or replayed push"
    usual_rate = 0.05
    where = ANY

    def hints_from_nowhere(self) -> int:
        return 0 if self.strikes() is None else 1


class PushBeforeReply(Fault):
    code = "F33"
    says = "the push overtakes the reply of the call that caused it"
    usual_rate = 0.2
    where = ANY_CALL

    def fate(self, call: Call, now: float) -> Fate | None:
        dice = self.strikes()
        if dice is None:
            return None
        return Fate(answer=Answer.REAL, arrives=0.05, answers=dice.uniform(1.0, 3.0))


class PushStorm(Fault):
    code = "F34"
    says = "a storm of pushes: one read must serve many"
    usual_rate = 0.02
    where = ANY

    def hints_from_nowhere(self) -> int:
        return 0 if self.strikes() is None else 60


class PushGap(Fault):
    code = "F36"
    says = "the stream is down for a while and reconnects with a gap"
    usual_rate = 0.03
    where = ANY

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(seed, **more)
        self._until = 0.0

    def hints(self, now: float) -> list[float] | None:
        if now < self._until and not self.is_over:
            return []
        dice = self.strikes()
        if dice is None:
            return None
        self._until = now + dice.uniform(2.0, 20.0)
        return []
