"""Plain orders put on the wire, once and in time, and what came back. No retry lives here."""

from collections.abc import Callable
from dataclasses import dataclass

from broker.base import (
    AuthDead,
    BrokerAccount,
    GttRequest,
    NotSent,
    OrderRejected,
    OrderRequest,
    OutcomeUnknown,
)
from database.plain_order_db import PlainKind, PlainOrder, PlainStatus
from services.bracket.model import Moment
from services.wire import FENCE
from utils.clock import Clock

_TOO_LATE = "it waited too long for a connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What placing one order came to."""

    status: PlainStatus
    broker_order_id: str | None = None
    reason: str | None = None


def send(broker: BrokerAccount, order: PlainOrder, *, clock: Clock, intended: Moment) -> Outcome:
    """Place the order."""
    if _is_too_late(clock, intended):
        return Outcome(status=PlainStatus.NOT_SENT, reason=_TOO_LATE)
    try:
        ack = (
            broker.place_gtt(gtt_of(order))
            if order.kind is PlainKind.GTT
            else broker.place_order(order_request(order))
        )
    except OrderRejected as exc:
        return Outcome(status=PlainStatus.REJECTED, reason=exc.reason)
    except NotSent as exc:
        return Outcome(status=PlainStatus.NOT_SENT, reason=str(exc))
    except (OutcomeUnknown, AuthDead) as exc:
        return Outcome(status=PlainStatus.UNKNOWN, reason=str(exc))
    return Outcome(status=PlainStatus.ACCEPTED, broker_order_id=ack.broker_order_id)


def fenced(
    call: Callable[[BrokerAccount], None], *, clock: Clock, intended: Moment
) -> Callable[[BrokerAccount], None]:
    """Return a call that raises NotSent when it is made too late."""

    def made_in_time(broker: BrokerAccount) -> None:
        if _is_too_late(clock, intended):
            raise NotSent(_TOO_LATE)
        call(broker)

    return made_in_time


def order_request(order: PlainOrder) -> OrderRequest:
    """Return the order as the broker gets it, in the share of entries: exits go before it."""
    return OrderRequest(
        tag=order.tag,
        exchange=order.exchange,
        symbol=order.symbol,
        product=order.product,
        side=order.side,
        terms=order.terms,
        disclosed_quantity=order.disclosed_quantity,
    )


def gtt_of(order: PlainOrder) -> GttRequest:
    """Return the GTT as the broker gets it, in that share too. Raises NotSent without a last price."""
    if order.last_price is None:
        raise NotSent("a GTT needs the last price and there is no quote")
    return GttRequest(
        exchange=order.exchange,
        symbol=order.symbol,
        product=order.product,
        side=order.side,
        terms=order.terms,
        last_price=order.last_price,
        uses_reserve=False,
        tag=order.tag,
    )


def _is_too_late(clock: Clock, intended: Moment) -> bool:
    # The person who asked may have done something else about it meanwhile.
    return Moment.read(clock).since(intended) > FENCE
