"""What must be true of the exchange and of the disk at every instant, whatever our own books say.

The names I1 to I18 and L1 to L4 are explained in docs/simulation.md.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import Future

from database.bracket_db import events_of, history_of, load, verify_chain
from services.bracket.clocks import naked_cause
from services.bracket.lifecycle import replay
from services.bracket.model import (
    Bracket,
    GttRequest,
    GttStatus,
    KillMode,
    Leg,
    LegKind,
    LegStatus,
    Moment,
    OrderRequest,
    RefusalKind,
    Role,
    RowStatus,
    Side,
    State,
)
from services.bracket.quantities import net
from services.bracket.tags import is_ours
from services.bracket_replay import rerun
from services.event_codec import decode_event
from services.replay_file import recorded
from simulator.faults import Call
from simulator.gtt import Gtt
from simulator.orders import Order
from worlds.resting import Resting
from worlds.world import Broken, World

# Refusals that only a fault in our own arithmetic can bring.
_OUR_FAULT = frozenset({RefusalKind.TICK, RefusalKind.FREEZE, RefusalKind.MODIFICATION_CAP})
_LIVE_ROWS = frozenset({RowStatus.PENDING, RowStatus.TRIGGER_PENDING, RowStatus.OPEN})
_DEAD = frozenset(
    {LegStatus.REJECTED, LegStatus.CANCELLED, LegStatus.EXPIRED, LegStatus.ABSENT, LegStatus.NOT_SENT}
)
# What cannot be told from the outside where others trade, or move our orders, too.
_NOT_ONLY_OURS = frozenset({"I1", "I2", "I3", "I6", "I8", "I12", "belief"})
_NAKED_BOUND = 60.0  # T2 + Q + three polls, and a calm cadence before anybody looks
_ALARM_BOUND = 30.0
_UNKNOWN_BOUND = 40.0  # Q + three polls
_REVERSED_BOUND = 90.0
_LEAVING_BOUND = 90.0
_MOST_CALLS = 400  # of one bracket in one life of a world
_ENTRY_MAX_AGE = 12.0  # ten seconds, and what a call takes to leave

Mine = list[tuple[Role, Order]]
Place = tuple[str, str]  # symbol, product


class Truth:
    """Looks at one world after every step."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._naked_since: dict[str, float] = {}
        self._causes: dict[str, str] = {}
        self._reversed_since: dict[str, float] = {}
        self._leaving_since: dict[str, float] = {}
        self._calls: Counter[str] = Counter()
        self._sent_gtts: set[tuple[str, int]] = set()
        self._sound_since = math.inf
        self._kill_since = math.inf
        self._seen_alarms: dict[str, set[str]] = defaultdict(set)
        self._book: dict[str, Order] = {}
        self._mine: dict[str, Mine] = defaultdict(list)
        self._resting = Resting(world.exchange)
        self.naked: list[tuple[str, float]] = []
        self.fills_before = 0
        self.left_to_people = 0
        world.on_change = self.compare  # type: ignore[method-assign]  # the world asks whoever judges it
        world.check_sending = self.check_sending  # type: ignore[method-assign]

    def expect_soundness(self) -> None:
        """From now on the broker works: what was excused by trouble is not any more."""
        self._sound_since = self._world.seconds

    def before_night(self) -> None:
        """Remember what the day's orders did before its books are emptied."""
        world = self._world
        self._book |= {o.order_id: o for o in world.exchange.peek(lambda ledger: tuple(ledger.orders))}
        self.fills_before += world.exchange.peek(lambda ledger: sum(1 for _ in ledger.trades))

    def after_night(self, seconds: float) -> None:
        """Leave the night out of every clock."""
        for since in (self._naked_since, self._reversed_since, self._leaving_since):
            for bracket_id in since:
                since[bracket_id] += seconds
        self._world.has_news = True

    # --- after each step

    def check(self) -> None:
        """Raise Broken when something contradicts the promise."""
        world = self._world
        if world.has_news:
            world.has_news = False
            self._mine = self._orders_by_bracket()
            self._check_news()
        for bracket in world.brackets.values():
            self._check_clocks(bracket, self._mine[bracket.id])
        self._check_replies()

    def _check_news(self) -> None:
        self._check_tags()
        for bracket in self._world.brackets.values():
            mine = self._mine[bracket.id]
            self._check_entries(bracket, mine)
            self._check_capacity(bracket, mine)
            self._check_single_exit(bracket, mine)
            self._check_closed(bracket, mine)
            self._check_beliefs(bracket, mine)
        self._check_account()

    def _is_excused(self, bracket: Bracket, invariant: str) -> bool:
        world = self._world
        if invariant in world.excuses:
            return True
        if place_of(bracket) in world.touched and invariant in _NOT_ONLY_OURS:
            return True
        if self._was_lost_overnight(bracket) and invariant in ("I1", "I2", "I12", "belief"):
            return True
        may_double = bracket.plan.policies.unknown_stop == "duplicate_stop"
        return may_double and invariant in ("I1", "I2", "I6", "I12", "I8")

    def _fail(self, invariant: str, text: str, bracket: Bracket | None = None) -> None:
        if bracket is None or not self._is_excused(bracket, invariant):
            raise Broken(invariant, f"{text} at {self._world.seconds:.2f}")

    # --- the exchange

    def _orders_by_bracket(self) -> dict[str, Mine]:
        world = self._world
        children = self._children()
        found: dict[str, Mine] = defaultdict(list)
        # The books are emptied at night; what an order had done by then stays true.
        self._book |= {o.order_id: o for o in world.exchange.peek(lambda ledger: tuple(ledger.orders))}
        for order in self._book.values():
            if order.tag is not None and is_ours(order.tag):
                owner = world.owner_of(order.tag)
                role = Role(order.tag[8])
            else:
                owner, role = children.get(order.order_id) or self._owner_of_parent(order), Role.EXIT
            if owner is not None:
                found[owner].append((role, order))
        return found

    def _owner_of_parent(self, order: Order) -> str | None:
        """Return the bracket whose native entry brought an exit."""
        entry = self._book.get(order.parent_id or "")
        return None if entry is None else self._world.owner_of(entry.tag)

    def _children(self) -> dict[str, str]:
        owners = {
            leg.broker_order_id: bracket.id
            for bracket in self._world.brackets.values()
            for leg in bracket.legs
            if leg.kind is LegKind.GTT and leg.broker_order_id is not None
        }
        gtts = self._world.exchange.peek(lambda ledger: tuple(ledger.gtts))
        return {
            part.child_order_id: owners[gtt.trigger_id]
            for gtt in gtts
            for part in gtt.legs
            if part.child_order_id is not None and gtt.trigger_id in owners
        }

    def _check_tags(self) -> None:
        """I4: every tagged order names a bracket, a role and a leg on disk."""
        for order in self._world.exchange.peek(lambda ledger: tuple(ledger.orders)):
            if order.tag is not None and self._world.owner_of(order.tag) is None:
                self._fail("I4", f"order {order.order_id} carries the unknown tag {order.tag}")

    def _check_entries(self, bracket: Bracket, mine: Mine) -> None:
        """I5: one entry at most was ever taken in, unless the first was proved absent."""
        entries = [order for role, order in mine if role is Role.ENTRY and _was_taken(order)]
        if len(entries) > 1:
            self._fail("I5", f"{len(entries)} entries of {bracket.id} at the broker", bracket)

    def _check_capacity(self, bracket: Bracket, mine: Mine) -> None:
        """I1, I2: live exits could take at most what is held; what is held never changes its sign."""
        held = held_of(bracket, mine)
        if held < 0:
            self._reversed_since.setdefault(bracket.id, self._world.seconds)
            self._fail("I2", f"{bracket.id} is reversed: {held}", bracket)
        else:
            self._reversed_since.pop(bracket.id, None)
        could_take = self._could_take(bracket, mine)
        if could_take > max(0, held):
            self._fail("I1", f"exits of {bracket.id} could take {could_take} of {held}", bracket)

    def _could_take(self, bracket: Bracket, mine: Mine) -> int:
        live = [o for role, o in mine if role is Role.EXIT and o.status in _LIVE_ROWS and not o.is_held]
        resting = sum(order.remaining for order in live if order.parent_id is None)
        # The two exits of a native bracket take together what one of them takes.
        brought = max((order.remaining for order in live if order.parent_id is not None), default=0)
        return resting + brought + self._gtt_quantity(bracket)

    def _gtt_quantity(self, bracket: Bracket) -> int:
        ids = {leg.broker_order_id for leg in bracket.legs if leg.kind is LegKind.GTT}
        if not ids:
            return 0
        gtts = self._world.exchange.peek(lambda ledger: tuple(ledger.gtts))
        return sum(
            gtt.legs[0].quantity for gtt in gtts if gtt.status is GttStatus.ACTIVE and gtt.trigger_id in ids
        )

    def _check_single_exit(self, bracket: Bracket, mine: Mine) -> None:
        """I6: one live exit a slice."""
        parts = {leg.tag: leg.slice for leg in bracket.legs}
        slices = Counter(
            parts[order.tag]
            for role, order in mine
            if role is Role.EXIT and order.status in _LIVE_ROWS and order.tag in parts
        )
        if any(order.parent_id is not None and order.status in _LIVE_ROWS for _, order in mine):
            slices[0] += 1  # both exits that the broker brought count as one; they are of the only slice
        if any(count > 1 for count in slices.values()):
            self._fail("I6", f"two live exits in one slice of {bracket.id}", bracket)

    def _check_closed(self, bracket: Bracket, mine: Mine) -> None:
        """I12: closed means flat and nothing live."""
        if not bracket.state.is_closed or bracket.state is State.HANDED_OVER:
            return
        if held_of(bracket, mine) or any(order.status in _LIVE_ROWS for _, order in mine):
            self._fail("I12", f"{bracket.id} is {bracket.state} but not flat or not quiet", bracket)
        if self._gtt_quantity(bracket):
            self._fail("I12", f"{bracket.id} is {bracket.state} with a live GTT", bracket)

    def _check_beliefs(self, bracket: Bracket, mine: Mine) -> None:
        """I18: no read, and no lack of an answer, makes us think dead what lives, or two of one."""
        ids = [leg.broker_order_id for leg in bracket.legs if leg.broker_order_id is not None]
        if len(set(ids)) < len(ids):
            self._fail("belief", f"two legs of {bracket.id} are taken for one order", bracket)
        live = {order.tag: order for _, order in mine if order.status in _LIVE_ROWS and order.tag}
        brought = {o.order_id for _, o in mine if o.status in _LIVE_ROWS and o.parent_id is not None}
        for leg in bracket.legs:
            lives = leg.tag in live or leg.broker_order_id in brought
            if leg.status in _DEAD and lives and leg.kind is LegKind.ORDER:
                self._fail("belief", f"{leg.tag} lives and is believed {leg.status}", bracket)

    def _check_account(self) -> None:
        """I8: what our exits of a symbol could take is at most what the account holds of it."""
        world = self._world
        positions = world.broker.positions()
        held = {(row.symbol, row.product): row.quantity for row in positions}
        could: Counter[tuple[Place, Side]] = Counter()
        for bracket in world.brackets.values():
            could[place_of(bracket), bracket.plan.side] += self._could_take(bracket, self._mine[bracket.id])
        excused = self._excused_places()
        for (place, side), quantity in could.items():
            if place not in excused and quantity > max(0, held.get(place, 0) * side.sign):
                self._fail("I8", f"exits in {place} could take {quantity} of {held.get(place, 0)}")

    def _excused_places(self) -> set[Place]:
        """Return where a bracket may have an exit too many."""
        brackets = self._world.brackets.values()
        excused = (b for b in brackets if self._is_excused(b, "I1") or self._is_excused(b, "I8"))
        return {place_of(bracket) for bracket in excused}

    # --- clocks

    def _check_clocks(self, bracket: Bracket, mine: Mine) -> None:
        self._check_naked(bracket, mine)
        self._check_unknown(bracket)
        self._check_leaving(bracket)
        self._check_reversal(bracket)

    def _check_reversal(self, bracket: Bracket) -> None:
        """An excused reversal is over within a bound, unless a person has to say whose shares it is."""
        began = self._reversed_since.get(bracket.id)
        if began is None or bracket.handed_over or self._was_lost_overnight(bracket):
            return
        if self._world.seconds - max(began, self._sound_since) > _REVERSED_BOUND:
            raise Broken("I2", f"{bracket.id} stays reversed at {self._world.seconds:.2f}")

    def _check_naked(self, bracket: Bracket, mine: Mine) -> None:
        """I3: shares without a resting exit are alarmed, and not for long while all is sound."""
        world, now = self._world, self._world.seconds
        held = held_of(bracket, mine)
        is_naked = held > self._could_take(bracket, mine) and bracket.state is not State.HANDED_OVER
        if not is_naked:
            began = self._naked_since.pop(bracket.id, None)
            if began is not None:
                self.naked.append((self._causes.pop(bracket.id, "unseen"), now - began))
            return
        self._note_cause(bracket)
        seconds = now - self._naked_since.setdefault(bracket.id, now)
        if world.is_up and world.session.is_open:  # else nobody sees it, or nothing can be sent
            self._judge_naked(bracket, seconds)

    def _judge_naked(self, bracket: Bracket, seconds: float) -> None:
        now, up_since = self._world.seconds, self._world.down_until
        watched = min(seconds, now - up_since)
        if self._is_left_to_a_person(bracket):
            return
        if watched > _ALARM_BOUND + 35 and not bracket.alarms and self._can_see():
            self._fail("I3", f"{bracket.id} naked for {seconds:.0f} s without any alarm", bracket)
        if min(watched, now - self._sound_since) > _NAKED_BOUND:
            self._fail("I3", f"{bracket.id} naked for {seconds:.0f} s with a sound broker", bracket)

    def _can_see(self) -> bool:
        return self._world.is_up

    def _was_lost_overnight(self, bracket: Bracket) -> bool:
        """Whether a book went with its day before we had seen the end of it, and a person was told.

        Then the account's position is all there is, and it does not say whose shares are gone.
        """
        return any(
            alarm.kind == "lost_overnight"
            for one in self._world.brackets.values()
            if place_of(one) == place_of(bracket)
            for alarm in one.alarms
        )

    def _note_cause(self, bracket: Bracket) -> None:
        """Remember why shares stand naked: what the bracket says last, else that nobody is there."""
        if bracket.naked is not None:
            self._causes[bracket.id] = naked_cause(bracket)
        elif not self._world.is_up:
            self._causes[bracket.id] = "process_down"
        elif bracket.handed_over:
            self._causes[bracket.id] = "handed_over"

    def _check_unknown(self, bracket: Bracket) -> None:
        """L1: with a sound broker every unknown is resolved within the quiescence and three polls."""
        world = self._world
        since = max(self._sound_since, world.down_until)
        if world.seconds - since < _UNKNOWN_BOUND:
            return
        if self._is_left_to_a_person(bracket):
            return
        for leg in bracket.legs:
            age = world.engine.now.since(leg.sent_at).total_seconds() if world.engine is not None else 0.0
            if leg.status is LegStatus.UNKNOWN and age > _UNKNOWN_BOUND:
                self._fail("L1", f"{leg.tag} is still unknown")

    def _is_left_to_a_person(self, bracket: Bracket) -> bool:
        """Whether positions did not add up and somebody was called: nothing is done then without proof.

        Where others have traded, or converted, that may be for good: an unknown order stays one, aloud.
        """
        place = place_of(bracket)
        calls = {"position_short", "lost_overnight"}
        if place in self._world.touched:
            calls |= {"unknown_leg", "exit_refused"}
        return any(
            alarm.kind in calls
            for one in self._world.brackets.values()
            if place_of(one) == place
            for alarm in one.alarms
        )

    def _check_leaving(self, bracket: Bracket) -> None:
        """L3: what has to leave at the market has left once the ladder is climbed."""
        world = self._world
        if bracket.exit_reason is None or bracket.state.is_closed or net(bracket) <= 0:
            self._leaving_since.pop(bracket.id, None)
            return
        began = self._leaving_since.setdefault(bracket.id, world.seconds)
        if not world.session.is_open or self._is_excused(bracket, "I2"):
            return
        if self._is_left_to_a_person(bracket):
            return
        since = max(began, self._sound_since, world.down_until)
        if world.seconds - since > _LEAVING_BOUND:
            self._fail("L3", f"{bracket.id} still holds {net(bracket)} on its way out")

    # --- what leaves us

    def check_sending(self, call: Call, order: OrderRequest | GttRequest | None, order_id: str) -> None:
        """I7, I11, I13, R1: what leaves is on disk, is ours, is fresh and is allowed."""
        if isinstance(order, OrderRequest):
            self._check_placing(order)
        elif isinstance(order, GttRequest):
            self._check_placing_gtt(order)
        else:
            self._check_change(call, order_id)

    def _check_placing(self, order: OrderRequest) -> None:
        world = self._world
        owner = world.owner_of(order.tag)
        if owner is None or not world.store.has_tag(order.tag):
            raise Broken("I13", f"{order.tag} leaves and is not on disk")
        self._count_call(owner)
        if order.tag[8] != "E":
            self._check_exit(order, owner)
            return
        age = world.seconds - world.received_at.get(owner, world.seconds)
        if age > _ENTRY_MAX_AGE:
            raise Broken("R1", f"the entry of {owner} leaves {age:.1f} s after it was received")
        if world.kill_mode is not KillMode.OFF and world.seconds - world.kill_set_at > 2.0:
            raise Broken("I11", f"the entry of {owner} leaves while the kill switch is set")

    def _check_placing_gtt(self, gtt: GttRequest) -> None:
        """A GTT has no tag: there has to be a leg on disk that asks for it, and none is sent for twice."""
        for bracket_id in self._world.brackets:
            stored = load(self._world.store.db, bracket_id)
            for leg in () if stored is None else stored.legs:
                if (bracket_id, leg.seq) not in self._sent_gtts and _asks_for(stored, leg, gtt):
                    self._sent_gtts.add((bracket_id, leg.seq))
                    self._count_call(bracket_id)
                    return
        raise Broken("I13", f"a GTT for {gtt.symbol} leaves and is not on disk")

    def _check_exit(self, order: OrderRequest, owner: str) -> None:
        """I3: what protects comes first; only who leaves places anything but a stop."""
        is_exit, is_stop = order.tag[8] == "X", order.terms.trigger_price is not None
        stored = load(self._world.store.db, owner) if is_exit and not is_stop else None
        if stored is not None and stored.exit_reason is None:
            raise Broken("I3", f"{order.tag} is the first exit of its shares and no stop")

    def _check_change(self, call: Call, order_id: str) -> None:
        world = self._world
        owner = self._owner_of_id(order_id, call)
        if owner is None:
            raise Broken("I7", f"{call.kind} of {order_id}, which is not ours")
        self._count_call(owner)
        world.change_calls[owner] += 1
        if world.store.count_events(owner, "ChangeIntended") < world.change_calls[owner]:
            raise Broken("I13", f"{call.kind} of {order_id} leaves and is not on disk")

    def _owner_of_id(self, order_id: str, call: Call) -> str | None:
        if call.order is not None and call.order.tag is not None:
            return self._world.owner_of(call.order.tag)
        return next(
            (
                bracket.id
                for bracket in self._world.brackets.values()
                for leg in bracket.legs
                if leg.broker_order_id == order_id
            ),
            None,
        )

    def _count_call(self, bracket_id: str) -> None:
        """L4: nothing is tried for ever."""
        self._calls[bracket_id] += 1
        if self._calls[bracket_id] > _MOST_CALLS:
            raise Broken("L4", f"{bracket_id} has made {self._calls[bracket_id]} calls")

    # --- what the worker makes of it

    def compare(self, before: Bracket | None, after: Bracket) -> None:
        """I9, I10, I16, belief: fills only grow, a stop only tightens, what counts as resting has rested."""
        self._note_naked_end(before, after)
        self._check_protection(after)
        if before is None:
            return
        for old, new in zip(before.legs, after.legs, strict=False):
            if new.filled < old.filled:
                self._fail("I16", f"the fill of {old.tag} fell from {old.filled} to {new.filled}", after)
            if new.refusal is not old.refusal:
                self._check_refusal(new)
        was_told = before.stop != after.stop
        if before.trail_stop is not None and after.trail_stop is not None and not was_told:
            gain = (after.trail_stop - before.trail_stop) * after.plan.side.sign
            if gain < 0:
                self._fail("I9", f"the trailing stop of {after.id} went back by {gain}")

    def _check_protection(self, after: Bracket) -> None:
        """I18: an order works once a book showed it so, for so many shares; an answer does not do."""
        for leg in after.legs:
            if not self._resting.has_shown(leg):
                raise Broken("belief", f"{leg.tag} is believed {leg.status}, and no book ever showed it so")

    def _note_naked_end(self, before: Bracket | None, after: Bracket) -> None:
        """What the bracket itself measured is what its users are told; both go into the histogram."""

    def _check_refusal(self, leg: Leg) -> None:
        reason = leg.reason or ""
        if reason.startswith("injected"):
            return
        if leg.refusal in _OUR_FAULT or "lot size" in reason or "cannot be lower" in reason:
            self._fail("I10", f"the exchange refused {leg.tag}: {reason}")

    def _check_replies(self) -> None:
        """I15: whoever was answered was answered after the commit."""
        left = []
        for bracket_id, reply in self._world.replies:
            if not isinstance(reply, Future) or not reply.done():
                left.append((bracket_id, reply))
            elif reply.exception() is None:
                answered: Bracket = reply.result()
                if self._world.store.version_of(bracket_id) < answered.version:
                    self._fail("I15", f"{bracket_id} was answered before it was stored")
        self._world.replies = left

    # --- the end

    def check_end(self) -> None:
        """L2, I14: everything over, the account flat, nothing left alive, the log is the state."""
        left: set[Place] = set()
        for bracket in self._world.brackets.values():
            self._check_log(bracket)
            if bracket.handed_over:
                left.add(place_of(bracket))
            if bracket.state.is_closed and not self._was_lost_overnight(bracket):
                continue
            if not self._is_left_to_a_person(bracket):
                raise Broken("L2", f"{bracket.id} is still {bracket.state}, net {net(bracket)}")
            self.left_to_people += 1
            left.add(place_of(bracket))
        self._check_flat(left)

    def _check_log(self, bracket: Bracket) -> None:
        db = self._world.store.db
        stored = load(db, bracket.id)
        events = [(decode_event(e.kind, e.payload), Moment(e.at, 0.0, "")) for e in events_of(db, bracket.id)]
        if verify_chain(db, bracket.id) is not None:
            raise Broken("I14", f"the chain of {bracket.id} is broken")
        # Of two engines one may have written what the other has not read yet.
        is_same = stored == bracket or self._world.had_two_engines
        if stored is None or stored.version != len(events) or not is_same:
            raise Broken("I14", f"what is stored of {bracket.id} is not what the worker has")
        folded = replay(events)
        if folded is None or _facts(folded) != _facts(stored):
            raise Broken("I14", f"the events of {bracket.id} do not make what is stored of it")
        self._check_decisions(stored)

    def _check_decisions(self, stored: Bracket) -> None:
        """I14: what was known at each decision is on record, and decides the same again."""
        again = rerun(recorded(history_of(self._world.store.db, stored.id)))
        if again.divergence is not None:
            raise Broken("I14", f"{stored.id} is decided otherwise again: {again.divergence}")
        if again.bracket != stored:
            raise Broken("I14", f"{stored.id} decided again is not what is stored of it")

    def _check_flat(self, left: set[Place]) -> None:
        """L2: nothing lives and nothing is held but where it was left to a person, or is others'."""
        world = self._world
        live = [o for o in world.exchange.peek(lambda ledger: tuple(ledger.orders)) if o.status in _LIVE_ROWS]
        gtts = world.exchange.peek(lambda ledger: tuple(ledger.gtts))
        both: list[Order | Gtt] = [*live, *(gtt for gtt in gtts if gtt.status is GttStatus.ACTIVE)]
        alive = [one for one in both if (one.symbol, one.product.value) not in left]
        if alive:
            raise Broken("L2", f"still live at the broker: {alive}")
        rows = [row for row in world.broker.positions() if row.quantity]
        held = [row for row in rows if (row.symbol, row.product) not in left | world.touched]
        if held:
            raise Broken("L2", f"still held: {held}")


def _facts(bracket: Bracket) -> tuple[object, ...]:
    """Return what of a bracket does not depend on which clock told the time."""
    legs = [(leg.tag, leg.status, leg.filled, leg.terms, leg.broker_order_id) for leg in bracket.legs]
    return bracket.state, bracket.slices, bracket.exit_reason, bracket.stop, bracket.overlays, legs


def place_of(bracket: Bracket) -> Place:
    return bracket.plan.instrument.symbol, bracket.plan.product.value


def _asks_for(bracket: Bracket | None, leg: Leg, gtt: GttRequest) -> bool:
    """Whether a leg is what a GTT on its way out was intended as."""
    if bracket is None or leg.kind is not LegKind.GTT or leg.broker_order_id is not None:
        return False
    instrument = bracket.plan.instrument
    place = instrument.exchange, instrument.symbol, bracket.plan.product
    asked = gtt.exchange, gtt.symbol, gtt.product
    return (*place, leg.side, leg.terms) == (*asked, gtt.side, gtt.terms)


def _was_taken(order: Order) -> bool:
    return order.status is not RowStatus.REJECTED or order.filled > 0


def held_of(bracket: Bracket, mine: Iterable[tuple[Role, Order]]) -> int:
    """Return what the bracket's own orders left in the account, from its entry's side."""
    side = bracket.plan.side
    return sum(order.filled * order.side.sign * side.sign for _, order in mine)
