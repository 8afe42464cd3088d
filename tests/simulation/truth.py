"""What must be true of the exchange at every instant, whatever our own books say."""

from collections import defaultdict

from services.bracket.events import BracketModified, ChangeIntended, LegIntended
from services.bracket.lifecycle import Decision, reconcile, replay
from services.bracket.model import (
    Bracket,
    GttStatus,
    LegKind,
    PositionRow,
    RefusalKind,
    Role,
    Side,
    State,
)
from services.bracket.quantities import net
from services.bracket.tags import is_ours
from simulator.orders import Order
from tests.simulation.world import ACCOUNT, LIVE_ROWS, TIMING, Tracked, World

# Refusals that only a fault in our own arithmetic can bring.
_OUR_FAULT = frozenset({RefusalKind.TICK, RefusalKind.FREEZE, RefusalKind.MODIFICATION_CAP})
_NAKED_BOUND = 60.0  # T2 + Q + three polls, with reads that fail in between
_ALARM_BOUND = 30.0


class Broken(AssertionError):
    """An invariant does not hold; carries the world's diary."""


class Truth:
    """Looks at one world after every step."""

    def __init__(self, world: World, *, may_reverse: bool = False) -> None:
        self._world = world
        self._may_reverse = may_reverse
        self._naked_since: dict[str, float] = {}
        world.after_look = self._check_look

    # --- the exchange

    def check(self) -> None:
        """Raise Broken when something at the exchange contradicts the promise."""
        orders, owners = self._orders_by_bracket()
        self._check_tags(owners)
        for one in self._world.tracked.values():
            mine = orders[one.bracket.id]
            self._check_entries(one, mine)
            if one.bracket.id in self._world.hand_made or self._may_reverse:
                continue
            self._check_capacity(one, mine)
            self._check_single_exit(one, mine)
            self._check_closed(one, mine)
            self._check_naked(one, mine)
        self._check_refusals()

    def _orders_by_bracket(self) -> tuple[dict[str, list[tuple[Role, Order]]], dict[str, str]]:
        by_tag = {tag_body(one.bracket.id): one.bracket.id for one in self._world.tracked.values()}
        children = self._children()
        found: dict[str, list[tuple[Role, Order]]] = defaultdict(list)
        owners: dict[str, str] = {}
        for order in self._world.exchange._ledger.orders:
            if order.tag is not None and is_ours(order.tag):
                owner = by_tag.get(order.tag[:8])
                role = Role(order.tag[8])
            else:
                owner, role = children.get(order.order_id), Role.EXIT
            if owner is not None:
                found[owner].append((role, order))
                owners[order.order_id] = owner
        return found, owners

    def _children(self) -> dict[str, str]:
        triggers = {
            leg.broker_order_id: one.bracket.id
            for one in self._world.tracked.values()
            for leg in one.bracket.legs
            if leg.kind is LegKind.GTT and leg.broker_order_id is not None
        }
        return {
            part.child_order_id: triggers[gtt.trigger_id]
            for gtt in self._world.exchange._ledger.gtts
            for part in gtt.legs
            if part.child_order_id is not None and gtt.trigger_id in triggers
        }

    def _check_tags(self, owners: dict[str, str]) -> None:
        """I4: every tagged order names a bracket we know."""
        for order in self._world.exchange._ledger.orders:
            if order.tag is not None and order.order_id not in owners:
                self._fail(f"I4 order {order.order_id} carries the unknown tag {order.tag}")

    def _check_entries(self, one: Tracked, mine: list[tuple[Role, Order]]) -> None:
        """I5: one entry at most was ever taken in."""
        entries = [order for role, order in mine if role is Role.ENTRY]
        if len(entries) > 1 and not one.bracket.plan.entry.retry_absent:
            self._fail(f"I5 {len(entries)} entries of {one.bracket.id} at the broker")

    def _check_capacity(self, one: Tracked, mine: list[tuple[Role, Order]]) -> None:
        """I1, I2: live exits could take at most what is held; what is held never changes its sign."""
        held = held_of(one.bracket, mine)
        if held < 0:
            self._fail(f"I2 {one.bracket.id} is reversed: {held}")
        could_take = sum(o.remaining for role, o in mine if role is Role.EXIT and o.status in LIVE_ROWS)
        could_take += self._gtt_quantity(one.bracket)
        if could_take > held:
            self._fail(f"I1 exits of {one.bracket.id} could take {could_take} of {held}")

    def _gtt_quantity(self, bracket: Bracket) -> int:
        ids = {leg.broker_order_id for leg in bracket.legs if leg.kind is LegKind.GTT}
        active = (g for g in self._world.exchange._ledger.gtts if g.status is GttStatus.ACTIVE)
        return sum(gtt.legs[0].quantity for gtt in active if gtt.trigger_id in ids)

    def _check_single_exit(self, one: Tracked, mine: list[tuple[Role, Order]]) -> None:
        """I6: one live exit a slice."""
        slices: dict[int, int] = defaultdict(int)
        parts = {leg.tag: leg.slice for leg in one.bracket.legs}
        for role, order in mine:
            if role is Role.EXIT and order.status in LIVE_ROWS and order.tag is not None:
                slices[parts[order.tag]] += 1
        if any(count > 1 for count in slices.values()):
            self._fail(f"I6 two live exits in one slice of {one.bracket.id}")

    def _check_closed(self, one: Tracked, mine: list[tuple[Role, Order]]) -> None:
        """I12: closed means flat and nothing live."""
        if not one.bracket.state.is_closed or one.bracket.state is State.HANDED_OVER:
            return
        if held_of(one.bracket, mine) or any(order.status in LIVE_ROWS for _, order in mine):
            self._fail(f"I12 {one.bracket.id} is {one.bracket.state} but not flat or not quiet")
        if self._gtt_quantity(one.bracket):
            self._fail(f"I12 {one.bracket.id} is {one.bracket.state} with a live GTT")

    def _check_naked(self, one: Tracked, mine: list[tuple[Role, Order]]) -> None:
        """I3: shares without a resting exit are alarmed, and not for long."""
        bracket, now = one.bracket, self._world.seconds
        held = held_of(bracket, mine)
        resting = sum(o.remaining for role, o in mine if role is Role.EXIT and o.status in LIVE_ROWS)
        if held <= resting + self._gtt_quantity(bracket) or bracket.state is State.HANDED_OVER:
            self._naked_since.pop(bracket.id, None)
            return
        seconds = now - self._naked_since.setdefault(bracket.id, now)
        if seconds > _ALARM_BOUND and not bracket.alarms:
            self._fail(f"I3 {bracket.id} naked for {seconds:.0f} s without any alarm")
        if min(seconds, now - self._world.sound_since) > _NAKED_BOUND:
            self._fail(f"I3 {bracket.id} naked for {seconds:.0f} s with a sound broker")

    def _check_refusals(self) -> None:
        """I10: prices on tick, quantities in lots and below the freeze, modifications below the cap."""
        for kind, reason in self._world.refusals:
            if kind in _OUR_FAULT or "lot size" in reason or "cannot be lower" in reason:
                self._fail(f"I10 the exchange refused: {reason}")

    # --- every look

    def _check_look(self, tracked: Tracked, before: Bracket, decision: Decision) -> None:
        after = tracked.bracket
        self._check_monotone(before, after, decision)
        if decision.next_look is not None and decision.next_look.total_seconds() <= 0:
            self._fail("next_look in the past: a busy loop")
        seen = self._world.seen(tracked)
        again = reconcile(after, seen, self._world.now, timing=TIMING)
        if again.events:
            self._fail(f"a second look at the same things decided again: {again.events}")

    def _check_monotone(self, before: Bracket, after: Bracket, decision: Decision) -> None:
        for old, new in zip(before.legs, after.legs, strict=False):
            if new.filled < old.filled:
                self._fail(f"I16 the fill of leg {old.seq} fell from {old.filled} to {new.filled}")
        was_told = any(isinstance(event, BracketModified) for event in decision.events)
        if before.trail_stop is not None and after.trail_stop is not None and not was_told:
            gain = (after.trail_stop - before.trail_stop) * after.plan.side.sign
            if gain < 0:
                self._fail(f"I9 the trailing stop of {after.id} went back by {gain}")
        changed = [e.seq for e in decision.events if isinstance(e, LegIntended | ChangeIntended)]
        if len(changed) != len(set(changed)):
            self._fail(f"two commands for one leg in one look: {decision.events}")

    # --- the end

    def check_end(self) -> None:
        """L1, L2: everything over, the account flat, nothing left alive, the log is the state."""
        world = self._world
        for one in world.tracked.values():
            if replay(one.log) != one.bracket:
                self._fail("I14 the fold of the events is not the bracket")
            if not one.bracket.state.is_closed:
                self._fail(f"L2 {one.bracket.id} is still {one.bracket.state}, net {net(one.bracket)}")
        if any(one.bracket.handed_over for one in world.tracked.values()):
            return
        live = [order.order_id for order in world.exchange._ledger.orders if order.status in LIVE_ROWS]
        live += [g.trigger_id for g in world.exchange._ledger.gtts if g.status is GttStatus.ACTIVE]
        if live:
            self._fail(f"L2 still live at the broker: {live}")
        left = [row for row in world.broker.positions() if not self._is_theirs(row)]
        if left:
            self._fail(f"L2 still held: {left}")

    def _is_theirs(self, row: PositionRow) -> bool:
        """Whether what is left is what somebody bought beside us, or less of it."""
        added = self._world.hand_bought[row.symbol, row.product]
        return min(0, added) <= row.quantity <= max(0, added)

    def _fail(self, text: str) -> None:
        raise Broken(f"{text}\nseed {self._world.seed} at {self._world.seconds:.2f}")


def tag_body(bracket_id: str) -> str:
    return bracket_id[-8:]


def held_of(bracket: Bracket, mine: list[tuple[Role, Order]]) -> int:
    """Return what the bracket's own orders left in the account, from its entry's side."""
    side: Side = bracket.plan.side
    return sum(order.filled * order.side.sign * side.sign for _, order in mine)


def account_is_flat(world: World) -> bool:
    return not any(row.quantity for row in world.exchange.positions(ACCOUNT))
