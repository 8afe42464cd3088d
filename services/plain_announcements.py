"""Which events of plain orders clients hear of, as what, and in which words. Pure: one table, one function.

What becomes of an order once the broker has it the broker's book tells; told here is its way there.
"""

from collections.abc import Callable
from dataclasses import dataclass

from database.account_news import PlainNews
from database.plain_order_db import PlainKind, PlainOrder
from services.announcements import utc_milliseconds

Said = tuple[str, str]  # status, message
_SENT = 1  # the order_seq of the event before the sending


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainAnnouncement:
    """One `plain_order_update`. order_id is the broker's, and left out while nobody knows it."""

    status: str
    order: PlainOrder
    seq: int
    message: str
    timestamp: str
    order_id: str | None

    def payload(self) -> dict[str, object]:
        """Return the event's body as clients get it."""
        order = self.order
        known = {} if self.order_id is None else {"order_id": self.order_id}
        return {
            "status": self.status,
            "plain_order_id": order.id,
            "seq": self.seq,
            "kind": str(order.kind),
            "mode": str(order.mode),
            "symbol": order.symbol,
            "exchange": order.exchange,
            "action": str(order.side),
            "quantity": order.terms.quantity,
            "protected": False,
            "message": self.message,
            "timestamp": self.timestamp,
            **known,
        }


def plain_announcement(news: PlainNews, order: PlainOrder) -> PlainAnnouncement | None:
    """Return what clients hear of an event; None for what only the store keeps."""
    say = _WORDS.get(news.kind)
    if say is None:
        return None
    status, message = say(news, order)
    return PlainAnnouncement(
        status=status,
        order=order,
        seq=news.account_seq,
        message=message,
        timestamp=utc_milliseconds(news.at),
        order_id=news.broker_order_id or order.broker_order_id,
    )


def order_words(order: PlainOrder) -> str:
    """Return what was ordered, as people say it."""
    what = "GTT " if order.kind is PlainKind.GTT else ""
    return f"{what}{order.side} {order.terms.quantity} {order.exchange}:{order.symbol}"


def _on_accepted(news: PlainNews, order: PlainOrder) -> Said:
    name = f"{_name(order)[0].upper()}{_name(order)[1:]} {news.broker_order_id}"
    if news.order_seq > _SENT + 1:
        return "order_found", f"{name}, which the broker had not confirmed, is there"
    return "order_placed", f"{name} placed for {order_words(order)}; nothing protects what it fills"


def _on_rejected(news: PlainNews, order: PlainOrder) -> Said:
    return "order_rejected", f"The {_name(order)} was refused: {news.reason}"


def _on_not_sent(news: PlainNews, order: PlainOrder) -> Said:
    return "order_not_sent", f"The {_name(order)} was not sent: {news.reason}"


def _on_unknown(_news: PlainNews, order: PlainOrder) -> Said:
    return (
        "order_unknown",
        f"The broker has not confirmed the {_name(order)}: it is being looked for, do not send it again",
    )


def _on_absent(_news: PlainNews, order: PlainOrder) -> Said:
    return "order_absent", f"The {_name(order)} that the broker had not confirmed never came to be"


def _on_unresolved(_news: PlainNews, order: PlainOrder) -> Said:
    return (
        "order_unresolved",
        f"The {_name(order)} was not found before its day ended: look at your broker's app",
    )


def _on_changed(_news: PlainNews, order: PlainOrder) -> Said:
    return "order_modified", f"The broker took the change of {_name(order)} {order.broker_order_id}"


def _on_cancelled(_news: PlainNews, order: PlainOrder) -> Said:
    return "order_cancelled", f"The broker took the cancel of {_name(order)} {order.broker_order_id}"


def _on_refused_change(news: PlainNews, order: PlainOrder) -> Said:
    act = news.kind.partition("_")[0]
    return (
        "order_change_refused",
        f"The {act} of {_name(order)} {order.broker_order_id} was refused: {news.reason}",
    )


def _on_unknown_change(news: PlainNews, order: PlainOrder) -> Said:
    act = news.kind.partition("_")[0]
    return (
        "order_change_unknown",
        f"The broker has not confirmed the {act} of {_name(order)} {order.broker_order_id}: look at its book",
    )


def _name(order: PlainOrder) -> str:
    return "GTT" if order.kind is PlainKind.GTT else "order"


_WORDS: dict[str, Callable[[PlainNews, PlainOrder], Said]] = {
    "accepted": _on_accepted,
    "rejected": _on_rejected,
    "not_sent": _on_not_sent,
    "unknown": _on_unknown,
    "absent": _on_absent,
    "unresolved": _on_unresolved,
    "modify_acknowledged": _on_changed,
    "modify_refused": _on_refused_change,
    "modify_unknown": _on_unknown_change,
    "cancel_acknowledged": _on_cancelled,
    "cancel_refused": _on_refused_change,
    "cancel_unknown": _on_unknown_change,
}
