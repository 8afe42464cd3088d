"""Our GTTs as the record has them, for brokers who do not say what became of one."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from broker.base import BrokerAccount, FollowsGtts, GttRequest, PlacedGtt, ReadFailed
from database.account_db import Account
from database.bracket_db import load_open
from database.order_owner import known_order_ids
from database.session import Database, NotRead
from services.bracket.model import Bracket, Leg, LegKind, LegStatus, Mode


def remind_of_gtts(db: Database, owner: Account, broker: BrokerAccount) -> None:
    """Tell the account's broker of our GTTs that may be alive, and how to know our other orders."""
    if not isinstance(broker, FollowsGtts):
        return

    def placed() -> list[PlacedGtt]:
        return [one for bracket in load_open(db, [owner.id]) for one in placed_gtts(bracket, owner.broker)]

    def owned(order_ids: Iterable[str]) -> frozenset[str]:
        try:
            return known_order_ids(db, owner.id, order_ids=order_ids)
        except NotRead as exc:
            raise ReadFailed("the record does not say which orders are ours") from exc

    broker.follow(placed, owned)


def placed_gtts(bracket: Bracket, broker: str) -> Iterator[PlacedGtt]:
    """Yield a bracket's GTTs that may be alive at a broker, each with all that it may say by now."""
    if bracket.plan.mode is not Mode.LIVE or bracket.plan.broker != broker:
        return
    for leg in bracket.legs:
        if leg.kind is LegKind.GTT and leg.is_live and leg.status is not LegStatus.NOT_SENT:
            yield from _versions(bracket, leg)


def _versions(bracket: Bracket, leg: Leg) -> Iterator[PlacedGtt]:
    said = (leg.terms, leg.agreed_terms, leg.asked_terms)
    instrument = bracket.plan.instrument
    for terms in dict.fromkeys(terms for terms in said if terms is not None and terms.trigger_price):
        yield PlacedGtt(
            trigger_id=leg.broker_order_id,
            sent_at=leg.sent_at.wall,
            request=GttRequest(
                exchange=instrument.exchange,
                symbol=instrument.symbol,
                product=bracket.plan.product,
                side=leg.side,
                terms=terms,
                last_price=Decimal(0),  # of the moment when it was placed; nothing is placed by this
                tag=leg.tag,
            ),
        )
