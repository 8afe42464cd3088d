"""Looks for plain orders of which nobody knows whether they exist, and rests while there are none."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from broker.base import AuthDead, BrokerAccount, ReadFailed
from database.order_owner import known_order_ids
from database.plain_order_db import (
    PlainKind,
    PlainOrder,
    PlainOrderChanged,
    PlainStatus,
    open_plain_orders,
)
from database.session import StorageError
from services.bracket.model import GttRow, Mode, OrderRow
from services.desk import Desk
from services.errors import BrokerUnavailable
from services.plain.evidence import Evidence, day_has_ended, found_id, is_absent
from services.plain.keeping import keep

logger = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 1.0
_REST_SECONDS = 30.0
_READ_SECONDS = 10.0
# Longer than any call can take: an order that is still SENT then lost its answer.
_ANSWERED_BY = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class _Books:
    read_at: datetime
    orders: tuple[OrderRow, ...]
    gtts: tuple[GttRow, ...]


class PlainOrderFinder:
    """The body of one thread for all accounts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._started = desk.clock.now()
        self._evidence: dict[str, Evidence] = {}

    def run(self, stop: threading.Event) -> None:
        """Look about once a second while something is unknown. Set plain_order_lost to be heard sooner."""
        while not stop.is_set():
            self._desk.plain_order_lost.wait(_LOOK_EVERY_SECONDS if self.look() else _REST_SECONDS)
            self._desk.plain_order_lost.clear()

    def look(self) -> bool:
        """Look once for each unknown order, and return whether any is left."""
        try:
            waiting = open_plain_orders(self._desk.db)
            lost = sorted(filter(self._is_lost, waiting), key=_account)
            for (account_id, mode), orders in groupby(filter(self._is_ours, lost), key=_account):
                self._look_in(account_id, Mode(mode), list(orders))
        except StorageError:
            logger.exception("unknown plain orders could not be looked for; trying again")
        except Exception:  # the top of this thread: were it to die, nobody would look any more
            logger.exception("the search for unknown plain orders failed")
        else:
            return bool(waiting)
        return True

    def _is_lost(self, order: PlainOrder) -> bool:
        is_from_before = order.sent_at < self._started
        is_late = self._desk.clock.now() - order.sent_at > _ANSWERED_BY
        return order.status is PlainStatus.UNKNOWN or is_from_before or is_late

    def _is_ours(self, order: PlainOrder) -> bool:
        return self._desk.supervisor.works(order.account_id)

    def _look_in(self, account_id: str, mode: Mode, orders: Sequence[PlainOrder]) -> None:
        desk = self._desk
        needs_gtts = any(order.kind is PlainKind.GTT for order in orders)

        def read(broker: BrokerAccount) -> _Books | None:
            read_at, rows = desk.clock.now(), broker.order_book()
            gtts = broker.gtt_book() if needs_gtts else ()
            # An empty book may be a dead session's, and then proves nothing.
            return _Books(read_at, rows, gtts) if rows or broker.session_alive() else None

        try:
            books = (
                desk.supervisor.start_worker(account_id, mode).line.read(read).result(timeout=_READ_SECONDS)
            )
        except (ReadFailed, AuthDead, TimeoutError, BrokerUnavailable) as exc:
            logger.warning("the books could not be read for unknown plain orders: %s", exc)
            return
        if books is not None:
            for order in orders:
                self._judge(order, books)

    def _judge(self, order: PlainOrder, books: _Books) -> None:
        found = found_id(order, books.orders, books.gtts, taken=self._taken(order, books))
        if found is not None:
            self._settle(replace(order, status=PlainStatus.ACCEPTED, broker_order_id=found))
        elif day_has_ended(order, books.read_at):
            logger.critical(
                "plain order %s of %s was never found; look at the broker", order.id, order.symbol
            )
            self._settle(replace(order, status=PlainStatus.UNRESOLVED))
        elif self._is_absent(order, books):
            self._settle(replace(order, status=PlainStatus.ABSENT))
        elif order.status is PlainStatus.SENT:
            self._settle(replace(order, status=PlainStatus.UNKNOWN, reason="no answer was stored"))

    def _taken(self, order: PlainOrder, books: _Books) -> frozenset[str]:
        ids = (row.trigger_id for row in books.gtts)
        return known_order_ids(self._desk.db, order.account_id, order_ids=ids)

    def _is_absent(self, order: PlainOrder, books: _Books) -> bool:
        worker = self._desk.supervisor.start_worker(order.account_id, order.mode)
        return is_absent(
            order,
            frozenset(row.broker_order_id for row in books.orders),
            self._evidence.setdefault(order.id, Evidence()),
            read_at=books.read_at,
            quiescence=worker.quiescence,
        )

    def _settle(self, order: PlainOrder) -> None:
        try:
            keep(self._desk, order, order.status, reason=order.reason)
        except PlainOrderChanged:
            return  # its answer has come after all
        if not order.status.is_open:
            self._evidence.pop(order.id, None)
            logger.warning("plain order %s: %s", order.id, order.status)


def _account(order: PlainOrder) -> tuple[str, str]:
    return (order.account_id, order.mode)
