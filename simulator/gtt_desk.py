"""The desk that keeps GTTs and turns the ones that fire into orders."""

from dataclasses import replace
from datetime import datetime

from services.bracket.model import GttLegRow, GttRequest, GttStatus, RefusalKind
from simulator.gtt import (
    Gtt,
    check_condition,
    check_gtt_product,
    child_request,
    expiry,
    fired,
    fired_leg,
    legs_of,
)
from simulator.ledger import Ledger
from simulator.news import News
from simulator.order_desk import OrderDesk
from simulator.orders import Key
from simulator.refusals import Refused
from simulator.risk import check_contract, check_price, check_product, check_quantity
from simulator.settings import ExchangeSettings
from utils.constants import EXCHANGE_ZONE


class GttDesk:
    """Works on the ledger; children go through the order desk like anybody's orders."""

    def __init__(self, ledger: Ledger, orders: OrderDesk, *, settings: ExchangeSettings, news: News) -> None:
        self._ledger = ledger
        self._orders = orders
        self._settings = settings
        self._news = news

    def place(self, account_id: str, request: GttRequest, *, now: datetime) -> str:
        """Keep a new GTT and return its trigger id. Raises Refused."""
        legs = self._checked_legs(request, now=now)
        key = request.exchange, request.symbol
        active = sum(1 for gtt in self._ledger.gtts if _is_active_of(gtt, account_id))
        if active >= self._settings.active_gtts:
            raise Refused(
                RefusalKind.UNCLASSIFIED,
                f"Maximum allowed active GTT orders ({self._settings.active_gtts}) exceeded.",
            )
        gtt = Gtt(
            trigger_id=str(self._ledger.next_number(self._settings)),
            account_id=account_id,
            exchange=request.exchange,
            symbol=request.symbol,
            product=request.product,
            side=request.side,
            legs=legs,
            rises=legs[0].trigger_price > request.last_price,
            created_at=now,
            updated_at=now,
            expires_at=expiry(self._orders.instrument(key), now),
            tag=request.tag,
        )
        self._put(gtt)
        return gtt.trigger_id

    def modify(self, account_id: str, trigger_id: str, *, request: GttRequest, now: datetime) -> None:
        """Replace an active GTT as a whole. Raises Refused."""
        gtt = self._active(account_id, trigger_id)
        if gtt.key != (request.exchange, request.symbol):
            raise Refused(RefusalKind.UNCLASSIFIED, "A GTT cannot move to another instrument.")
        legs = self._checked_legs(request, now=now)
        self._put(
            replace(
                gtt,
                product=request.product,
                side=request.side,
                legs=legs,
                rises=legs[0].trigger_price > request.last_price,
                updated_at=now,
            )
        )

    def delete(self, account_id: str, trigger_id: str, *, now: datetime) -> None:
        """Delete an active GTT; it stays listed as deleted. Raises Refused."""
        gtt = self._active(account_id, trigger_id)
        self._put(replace(gtt, status=GttStatus.DELETED, updated_at=now))

    def price_moved(self, key: Key, *, now: datetime) -> None:
        """Fire the GTTs whose condition the last price meets."""
        for gtt in self._ledger.active_gtts(key):
            market = self._ledger.market(key)
            index = None if market is None else fired_leg(gtt, market.last)
            if index is not None:
                self._fire(gtt, index, now=now)

    def expire_due(self, now: datetime) -> None:
        """End the GTTs whose life is over."""
        for gtt in tuple(self._ledger.gtts):
            if gtt.status is GttStatus.ACTIVE and gtt.expires_at <= now:
                self._put(replace(gtt, status=GttStatus.EXPIRED, updated_at=now))

    def forget_old(self, now: datetime) -> None:
        """Take ended GTTs off the list once they were shown long enough."""
        for gtt in tuple(self._ledger.gtts):
            old = now - gtt.updated_at > self._settings.ended_gtts_listed
            if gtt.status is not GttStatus.ACTIVE and old:
                self._ledger.gtts.drop(gtt.trigger_id)

    def _fire(self, gtt: Gtt, index: int, *, now: datetime) -> None:
        # Marked as fired first: the child's own fill must not find the trigger still waiting.
        leg = gtt.legs[index]
        self._put(fired(gtt, index, leg=leg, now=now))
        placed = self._child(gtt, leg, now=now)
        self._put(fired(gtt, index, leg=placed, now=now))

    def _child(self, gtt: Gtt, leg: GttLegRow, *, now: datetime) -> GttLegRow:
        try:
            order_id = self._orders.place(gtt.account_id, child_request(gtt, leg), now=now)
        except Refused as refused:
            return replace(leg, child_reason=refused.reason, child_refusal=refused.kind)
        return replace(leg, child_order_id=order_id)

    def _checked_legs(self, request: GttRequest, *, now: datetime) -> tuple[GttLegRow, ...]:
        instrument = self._orders.instrument((request.exchange, request.symbol))
        check_gtt_product(request)
        check_product(instrument, request.product)
        check_contract(instrument, now.astimezone(EXCHANGE_ZONE).date())
        check_quantity(request.terms.quantity, instrument)
        legs = legs_of(request)
        for leg in legs:
            # The band is not looked at: it is the day's, and a GTT may wait for months.
            check_price("Trigger price", leg.trigger_price, instrument=instrument, market=None)
            check_price("Price", leg.price, instrument=instrument, market=None)
        check_condition(legs, request.last_price, minimum_distance=self._settings.gtt_minimum_distance)
        return legs

    def _active(self, account_id: str, trigger_id: str) -> Gtt:
        gtt = self._ledger.gtts.get(trigger_id)
        if gtt is None or gtt.account_id != account_id:
            raise Refused(RefusalKind.NOT_FOUND, f"Couldn't find that trigger_id {trigger_id}.")
        if gtt.status is not GttStatus.ACTIVE:
            raise Refused(RefusalKind.ALREADY_DONE, f"The GTT is not active, it is {gtt.status.value}.")
        return gtt

    def _put(self, gtt: Gtt) -> None:
        self._ledger.put_gtt(gtt)
        self._news.accounts.add(gtt.account_id)


def _is_active_of(gtt: Gtt, account_id: str) -> bool:
    return gtt.status is GttStatus.ACTIVE and gtt.account_id == account_id
