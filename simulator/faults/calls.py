"""What goes wrong with calls that change something: before the broker, at it, and on the way back."""

from services.bracket.model import RefusalKind
from simulator.faults.base import (
    CANCELLING,
    CLIENT_TIMEOUT,
    PLACING,
    Answer,
    Call,
    CallKind,
    Fate,
    Fault,
)
from simulator.faults.states import ANY_CALL, CANCEL_CALL, MORPH_CALL, PLACING_CALL

_TIMED_OUT = "no answer within 4 seconds"


class ServerErrorBeforeAcceptance(Fault):
    code = "F01"
    says = "500, 502, 503 or 504 before the order was accepted"
    usual_rate = 0.08
    where = ANY_CALL

    def fate(self, call: Call, now: float) -> Fate | None:
        dice = self.strikes()
        if dice is None:
            return None
        status = dice.choice((500, 502, 503, 504))
        return Fate(answer=Answer.LOST, answers=dice.uniform(0.05, 1.5), words=f"HTTP {status}")


class ServerErrorAfterAcceptance(Fault):
    code = "F02"
    says = "500, 502, 503 or 504 although the order was accepted"
    usual_rate = 0.08
    where = ANY_CALL

    def fate(self, call: Call, now: float) -> Fate | None:
        dice = self.strikes()
        if dice is None:
            return None
        status, arrives = dice.choice((500, 502, 503, 504)), dice.uniform(0.02, 0.5)
        answers = arrives + dice.uniform(0.02, 1.0)
        return Fate(answer=Answer.LOST, answers=answers, arrives=arrives, words=f"HTTP {status}")


class TimeoutAfterAcceptance(Fault):
    code = "F03"
    says = "accepted, and no answer comes: entry, stop, target, modify or cancel"
    usual_rate = 0.06
    where = ANY_CALL

    def fate(self, call: Call, now: float) -> Fate | None:
        dice = self.strikes()
        if dice is None:
            return None
        return Fate(
            answer=Answer.LOST, answers=CLIENT_TIMEOUT, arrives=dice.uniform(0.02, 2.0), words=_TIMED_OUT
        )


class TimeoutNeverAccepted(Fault):
    code = "F04"
    says = "no answer comes, and the broker never saw it"
    usual_rate = 0.06
    where = ANY_CALL

    def fate(self, call: Call, now: float) -> Fate | None:
        if self.strikes() is None:
            return None
        return Fate(answer=Answer.LOST, answers=CLIENT_TIMEOUT, words=_TIMED_OUT)


class ResetInFlight(Fault):
    code = "F05"
    says = "the connection is reset during the send; perhaps the broker had it all"
    usual_rate = 0.06
    where = ANY_CALL

    def fate(self, call: Call, now: float) -> Fate | None:
        dice = self.strikes()
        if dice is None:
            return None
        arrives = dice.uniform(0.01, 0.3) if dice.random() < 0.5 else None
        return Fate(
            answer=Answer.LOST, answers=dice.uniform(0.05, 0.6), arrives=arrives, words="connection reset"
        )


class NoConnection(Fault):
    code = "F06"
    says = "DNS, TLS or connect error: no byte left"
    usual_rate = 0.08
    where = ANY_CALL

    def fate(self, call: Call, now: float) -> Fate | None:
        dice = self.strikes()
        if dice is None:
            return None
        return Fate(answer=Answer.NOT_SENT, answers=dice.uniform(0.01, 1.0), words="connection refused")


class LateReply(Fault):
    code = "F07"
    says = "taken in slowly, answered 1 to 25 seconds after we stopped waiting"
    usual_rate = 0.05
    where = ANY_CALL

    def fate(self, call: Call, now: float) -> Fate | None:
        dice = self.strikes()
        if dice is None:
            return None
        return Fate(
            answer=Answer.LOST, answers=CLIENT_TIMEOUT, arrives=dice.uniform(0.5, 5.0), words=_TIMED_OUT
        )


class AcceptanceAfterQuiescence(Fault):
    """The one assumption of the absence rule broken."""

    code = "F08"
    says = "accepted 10 to 25 seconds later, when it was long given up"
    usual_rate = 0.10
    where = ANY_CALL
    excuses = frozenset({"I1", "I2", "I5", "I6", "I12", "belief"})
    breaks_assumptions = True

    def fate(self, call: Call, now: float) -> Fate | None:
        dice = self.strikes()
        if dice is None:
            return None
        return Fate(
            answer=Answer.LOST, answers=CLIENT_TIMEOUT, arrives=dice.uniform(10.0, 25.0), words=_TIMED_OUT
        )


class GarbledReply(Fault):
    code = "F09"
    says = "200 with an error inside, with HTML, cut off, not UTF-8, or without an id"
    usual_rate = 0.06
    where = ANY_CALL

    def fate(self, call: Call, now: float) -> Fate | None:
        dice = self.strikes()
        if dice is None:
            return None
        words = dice.choice(("status error in a 200", "HTML", "truncated JSON", "not UTF-8", "no order id"))
        arrives = dice.uniform(0.02, 0.5) if dice.random() < 0.7 else None
        return Fate(answer=Answer.LOST, answers=dice.uniform(0.5, 1.0), arrives=arrives, words=words)


class PlainRefusal(Fault):
    code = "F10"
    says = "400 with words that are known, or with words that nobody knows"
    usual_rate = 0.05
    where = ANY_CALL

    def fate(self, call: Call, now: float) -> Fate | None:
        dice = self.strikes()
        if dice is None:
            return None
        kind = dice.choice((RefusalKind.UNCLASSIFIED, RefusalKind.MARGIN, RefusalKind.RMS))
        return Fate(
            answer=Answer.REFUSED, answers=dice.uniform(0.05, 0.5), refusal=kind, words=f"injected: {kind}"
        )


class SessionRefused(Fault):
    code = "F11"
    says = "401 or 403; a POST may have passed the gate before"
    usual_rate = 0.04
    where = ANY_CALL

    def fate(self, call: Call, now: float) -> Fate | None:
        dice = self.strikes()
        if dice is None:
            return None
        arrives = dice.uniform(0.02, 0.3) if dice.random() < 0.3 else None
        return Fate(
            answer=Answer.AUTH_DEAD, answers=dice.uniform(0.3, 0.6), arrives=arrives, words="HTTP 403"
        )


class SlowSpell(Fault):
    code = "F16"
    says = "every call takes 3 to 10 seconds for a while"
    usual_rate = 0.03
    where = ANY_CALL

    def __init__(self, seed: int, **more: object) -> None:
        super().__init__(seed, **more)  # type: ignore[arg-type]  # handed on as given
        self._until = 0.0

    def fate(self, call: Call, now: float) -> Fate | None:
        dice = self.strikes()
        if dice is not None:
            self._until = now + dice.uniform(3.0, 12.0)
        if now >= self._until or self.is_over:
            return None
        seconds = 3.0 + (now * 7) % 7.0
        if seconds < CLIENT_TIMEOUT:
            return Fate(answer=Answer.REAL, answers=seconds, arrives=seconds - 0.5)
        return Fate(answer=Answer.LOST, answers=CLIENT_TIMEOUT, arrives=seconds / 2, words=_TIMED_OUT)


class MorphReplyLost(Fault):
    code = "F46"
    says = "the morph to the target: reply lost, refused, or partly filled in that instant"
    usual_rate = 0.5
    where = MORPH_CALL

    def fate(self, call: Call, now: float) -> Fate | None:
        if not call.is_morph:
            return None
        dice = self.strikes()
        if dice is None:
            return None
        if dice.random() < 0.4:
            return Fate(
                answer=Answer.REFUSED,
                answers=0.3,
                refusal=RefusalKind.UNCLASSIFIED,
                words="injected: try again",
            )
        return Fate(answer=Answer.LOST, answers=dice.uniform(0.5, 4.0), arrives=0.1, words=_TIMED_OUT)


class RejectionMatrix(Fault):
    code = "F47"
    says = "each reason a broker has to refuse"
    usual_rate = 0.06
    where = ANY_CALL
    KINDS = (
        RefusalKind.MARGIN,
        RefusalKind.BAND,
        RefusalKind.STOP_MARKET_BANNED,
        RefusalKind.PROTECTION_MISSING,
        RefusalKind.TRIGGER_CROSSED,
        RefusalKind.TOO_NEAR,
        RefusalKind.DEMAT_AUTHORISATION,
        RefusalKind.RMS,
        RefusalKind.SELF_TRADE,
        RefusalKind.SESSION_CLOSED,
        RefusalKind.CONTRACT_EXPIRED,
        RefusalKind.DUPLICATE_TAG,
        RefusalKind.UNCLASSIFIED,
    )

    def fate(self, call: Call, now: float) -> Fate | None:
        if call.kind in CANCELLING:
            return None
        dice = self.strikes()
        if dice is None:
            return None
        kind = dice.choice(self.KINDS)
        return Fate(answer=Answer.REFUSED, answers=0.2, refusal=kind, words=f"injected: {kind}")


class CancelRefused(Fault):
    code = "F48"
    says = "a cancel is refused: not found, or done already, although it is live"
    usual_rate = 0.3
    where = CANCEL_CALL

    def fate(self, call: Call, now: float) -> Fate | None:
        if call.kind not in CANCELLING:
            return None
        dice = self.strikes()
        if dice is None:
            return None
        kind = dice.choice((RefusalKind.NOT_FOUND, RefusalKind.ALREADY_DONE))
        return Fate(answer=Answer.REFUSED, answers=0.2, refusal=kind, words=f"injected: {kind}")


class TokenRefreshed(Fault):
    code = "F75"
    says = "a login replaces the token while a POST is in flight: its answer is of no use"
    usual_rate = 0.04
    where = PLACING_CALL

    def fate(self, call: Call, now: float) -> Fate | None:
        if call.kind not in PLACING:
            return None
        dice = self.strikes()
        if dice is None:
            return None
        arrives = dice.uniform(0.02, 0.4)
        return Fate(answer=Answer.AUTH_DEAD, answers=arrives + 0.2, arrives=arrives, words="token replaced")


class StuckChange(Fault):
    """Half of F15: the change is acknowledged and pending for seconds. The other half is an order's."""

    code = "F15"
    says = "OPEN, MODIFY or CANCEL PENDING that stays so"
    usual_rate = 0.08
    where = ANY_CALL

    def fate(self, call: Call, now: float) -> Fate | None:
        if call.kind not in (CallKind.MODIFY, CallKind.CANCEL):
            return None
        dice = self.strikes()
        if dice is None:
            return None
        return Fate(answer=Answer.REAL, answers=0.2, arrives=dice.uniform(1.0, 8.0))
