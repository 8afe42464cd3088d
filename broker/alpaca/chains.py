"""Orders that were replaced: each replacement has another id, and all of them are one order of ours. Pure.

An order goes by the id that it was placed under. `replaces` leads back to it; where Alpaca lists an order
without what it replaced, `links` say what that replaced in turn.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from broker.alpaca.schemas import Order
from broker.alpaca.words import HELD, REPLACED, WORKING

Links = Mapping[str, str | None]  # id of an order -> id of the one it replaced

_STANDS = WORKING | {HELD, "accepted", "filled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One order of ours: what Alpaca has of it, oldest first. first_id is what it goes by."""

    first_id: str
    members: tuple[Order, ...]
    parent_id: str | None = None  # of an exit: what the order that brought it goes by

    @property
    def current(self) -> Order:
        """Return the order that stands: the last one, unless Alpaca has not replaced the one before."""
        at = len(self.members) - 1
        while at > 0 and self.members[at - 1].status in _STANDS and self.members[at - 1].status != REPLACED:
            at -= 1
        return self.members[at]

    @property
    def before(self) -> tuple[Order, ...]:
        """Return those that the current order replaced; what they had filled counts."""
        return self.members[: self.members.index(self.current)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Everything that was read, as orders of ours by the id they go by, in the order of their placing."""

    chains: Mapping[str, Chain]
    first_ids: Mapping[str, str]  # any id -> the one its order goes by

    def exits_of(self, first_id: str) -> list[Chain]:
        return [one for one in self.chains.values() if one.parent_id == first_id]

    def first_of(self, order_id: str) -> str:
        return self.first_ids.get(order_id, order_id)


def flat(orders: Iterable[Order]) -> Iterator[Order]:
    """Yield orders and the legs below them."""
    for order in orders:
        yield order
        yield from order.legs or ()


def unexplained(orders: Iterable[Order], links: Links) -> set[str]:
    """Return the ids of replaced orders of which nobody has said yet what they replaced."""
    listed = {order.id: order for order in flat(orders)}
    ends = {_back_to(order.id, listed, links) for order in listed.values()}
    return {end for end in ends if end not in listed and end not in links}


def arranged(orders: Iterable[Order], links: Links) -> Orders:
    """Return the orders as chains."""
    tops = list(orders)
    listed = {order.id: order for order in flat(tops)}
    first_ids = {order_id: _back_to(order_id, listed, links) for order_id in listed}
    parents = {
        first_ids[leg.id]: first_ids[order.id] for order in tops for leg in order.legs or () if order.legs
    }
    groups: dict[str, list[Order]] = {}
    for order in sorted(listed.values(), key=lambda one: one.submitted_at):
        groups.setdefault(first_ids[order.id], []).append(order)
    chains = {
        first_id: Chain(first_id=first_id, members=_in_order(members), parent_id=parents.get(first_id))
        for first_id, members in groups.items()
    }
    return Orders(chains=chains, first_ids=first_ids)


def _back_to(order_id: str, listed: Mapping[str, Order], links: Links) -> str:
    seen: set[str] = set()
    while order_id not in seen:
        seen.add(order_id)
        known = listed.get(order_id)
        earlier = links.get(order_id) if known is None else known.replaces
        if earlier is None:
            break
        order_id = earlier
    return order_id


def _in_order(members: list[Order]) -> tuple[Order, ...]:
    """Return a chain from its first order to its last, by who replaced whom."""
    by_predecessor = {order.replaces: order for order in members}
    ids = {order.id for order in members}
    at = next((order for order in members if order.replaces not in ids), members[0])
    found = [at]
    while (at_next := by_predecessor.get(at.id)) is not None and len(found) < len(members):
        found.append(at_next)
        at = at_next
    return tuple(found)
