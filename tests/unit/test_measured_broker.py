"""A measured account does what the account does, and the time and end of each call are noted."""

import pytest

from broker.base import (
    AuthDead,
    BrokerAccount,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    ReadFailed,
)
from broker.measured import MeasuredAccount
from utils.metrics import BROKER_CALL_SECONDS

ENDS = [
    (OrderRejected("no"), "rejected"),
    (RateLimited("later"), "rate_limited"),
    (NotSent("no byte"), "not_sent"),
    (OutcomeUnknown("lost"), "unknown"),
    (AuthDead("logged out"), "auth_dead"),
    (ReadFailed("half a book"), "read_failed"),
    (KeyError("a bug"), "broken"),
]


class Failing:
    """An account each of whose cancels ends in the error given."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.cancelled: list[str] = []

    def cancel_order(self, broker_order_id: str) -> None:
        self.cancelled.append(broker_order_id)
        if self.error is not None:
            raise self.error


def noted(outcome: str) -> float:
    found = BROKER_CALL_SECONDS.labels("testbroker", "cancel_order", outcome)
    return sum(one.value for one in found._child_samples() if one.name == "_count")


@pytest.mark.parametrize(("error", "outcome"), ENDS, ids=[word for _, word in ENDS])
def test_a_call_that_fails_fails_the_same_way_and_is_noted_so(error: Exception, outcome: str) -> None:
    before, failing = noted(outcome), Failing(error)

    with pytest.raises(type(error)) as raised:
        measured(failing).cancel_order("17")

    assert raised.value is error
    assert (failing.cancelled, noted(outcome)) == (["17"], before + 1)


def test_a_call_that_works_is_noted_as_ok() -> None:
    before, working = noted("ok"), Failing(None)

    measured(working).cancel_order("17")

    assert (working.cancelled, noted("ok")) == (["17"], before + 1)


def measured(failing: Failing) -> BrokerAccount:
    return MeasuredAccount("testbroker", failing)  # type: ignore[arg-type]  # all that is called is there
