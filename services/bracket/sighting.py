"""From rows to facts: what a complete read proves about each leg, and what stays in doubt.

The row rule: a row is merged whole or not at all. The absence rule: an order that never showed is
absent only after the quiescence, three complete reads and a position that agrees. Nothing here acts.
"""

from dataclasses import replace
from datetime import timedelta

from services.bracket import events as ev
from services.bracket.adoption import (
    adopt_exits,
    is_alike,
    is_lost_order,
    is_missed_for_good,
    may_be,
    shown_terms,
)
from services.bracket.gtt_rows import count_lost_alike, gtt_terms, is_lost_gtt, may_be_gtt, stop_leg
from services.bracket.model import (
    UNSEEN,
    ChangeKind,
    ChangeStatus,
    GttLegRow,
    GttRow,
    GttStatus,
    Leg,
    LegKind,
    LegStatus,
    OrderRow,
    OrderType,
    Overlay,
    Purpose,
    Role,
    RowStatus,
    Terms,
)
from services.bracket.native import is_held_back, is_native_exit
from services.bracket.observation import Read
from services.bracket.step import Step
from services.bracket.tags import tag_of

# An unknown word of the broker's counts as live, and never as protective: pessimism on both sides.
_ORDER_STATUS = {
    RowStatus.PENDING: LegStatus.PENDING,
    RowStatus.TRIGGER_PENDING: LegStatus.TRIGGER_PENDING,
    RowStatus.OPEN: LegStatus.OPEN,
    RowStatus.FILLED: LegStatus.FILLED,
    RowStatus.CANCELLED: LegStatus.CANCELLED,
    RowStatus.REJECTED: LegStatus.REJECTED,
    RowStatus.EXPIRED: LegStatus.EXPIRED,
    RowStatus.UNKNOWN: LegStatus.PENDING,
}

# A disabled GTT (corporate action) guards nothing any more, so it counts as gone.
_GTT_STATUS = {
    GttStatus.ACTIVE: LegStatus.TRIGGER_PENDING,
    GttStatus.TRIGGERED: LegStatus.PENDING,  # until its child is known
    GttStatus.DISABLED: LegStatus.CANCELLED,
    GttStatus.EXPIRED: LegStatus.EXPIRED,
    GttStatus.CANCELLED: LegStatus.CANCELLED,
    GttStatus.REJECTED: LegStatus.REJECTED,
    GttStatus.DELETED: LegStatus.CANCELLED,
    GttStatus.UNKNOWN: LegStatus.PENDING,
}


def take_in(step: Step) -> None:
    """Record what this look's read, if there is one, proves about the legs."""
    doubt_unanswered(step)
    read = step.seen.read
    if read is None:
        return
    # A GTT has no tag: one that shows up belongs to a leg that is still missed before one given up.
    for leg in sorted(step.bracket.legs, key=lambda one: not one.is_live):
        _take_in_leg(step, leg, read)
    for leg in adopt_exits(step, read):
        _take_in_leg(step, leg, read)


def begin_session(step: Step) -> None:
    """Begin the new day for the bracket, once a read with positions has been taken in."""
    read = step.seen.read
    if read is not None and read.position_agrees is not None and step.bracket.session != step.seen.session.id:
        step.record(ev.SessionBegan(session=step.seen.session.id))


def doubt_unanswered(step: Step) -> None:
    """A sent order or change that no call of this process waits for lost its answer with a crash."""
    for leg in step.bracket.legs:
        if leg.seq in step.seen.in_flight:
            continue
        if leg.status is LegStatus.SENT:
            step.record(ev.LegBecameUnknown(seq=leg.seq, reason="no answer was recorded"))
        elif leg.change is not None and leg.change.status is ChangeStatus.SENT:
            step.record(ev.ChangeBecameUnknown(seq=leg.seq, reason="no answer was recorded"))


def _take_in_leg(step: Step, leg: Leg, read: Read) -> None:
    if leg.status is LegStatus.NOT_SENT:
        return
    if leg.kind is LegKind.GTT:
        _take_in_gtt(step, leg, read)
        return
    if is_lost_order(step.bracket, leg) and (_is_awaited(step, leg) or _is_too_early(leg, read)):
        return
    rows = _rows_of(step, leg, read)
    if len(rows) > 1 or any(_is_undated(leg, row) for row in rows):
        # One of them may be ours: the leg is neither this one nor absent.
        step.need_attention("ambiguous", f"{len(rows)} orders may be {leg.tag}: none of them is taken for it")
        return
    row = rows[0] if rows else None
    if row is None:
        _miss(step, leg, read)
    elif row.side is not leg.side:
        _disbelieve(step, leg, row)
    elif _is_news(leg, row):
        step.record(sighting_of(leg, row))
        _note_lapse(step, leg.seq, read)
    else:
        _check_bust(step, leg, row, read)
        _note_lapse(step, leg.seq, read)


def _is_too_early(lost: Leg, read: Read) -> bool:
    """Whether a read may be older than an order or a GTT: one that says the same is not the only one then.

    A native entry comes with its exits, which are taken in by the same read: with them or not at all.
    """
    if lost.terms.is_native or lost.unknown_at is None:
        return False
    return lost.unknown_at.since(read.started) > timedelta(0)


def _disbelieve(step: Step, leg: Leg, row: OrderRow | GttRow) -> None:
    """Take nothing from a purchase that is shown under the id of our sale; it does not prove that absent."""
    asked = f"{leg.purpose} {leg.side} {leg.broker_order_id}"
    step.need_attention("contradiction", f"the broker shows {asked} as a {row.side}: it is not believed")


def _rows_of(step: Step, leg: Leg, read: Read) -> list[OrderRow]:
    """Return the rows that may be the leg's: by broker id, else by tag with symbol and side agreeing.

    Where the broker puts no tag on an order, its content has to do.
    """
    if leg.broker_order_id is not None:
        return [row for row in read.orders if row.broker_order_id == leg.broker_order_id][:1]
    tagged = [row for row in read.orders if _carries(step, leg, row)]
    is_lost = is_lost_order(step.bracket, leg)
    return tagged if tagged or not is_lost else _untagged_rows(step, leg, read)


def _untagged_rows(step: Step, leg: Leg, read: Read) -> list[OrderRow]:
    owned = {other.broker_order_id for other in step.bracket.legs}
    found = []
    for row in read.orders:
        exits = [one for one in read.orders if one.parent_order_id == row.broker_order_id]
        if row.broker_order_id not in owned and may_be(leg, row, exits):
            found.append(row)
    return found


def _is_undated(leg: Leg, row: OrderRow) -> bool:
    """Whether a plain order without tag or time is to be taken for a leg: it may be of this morning."""
    is_by_content = leg.broker_order_id is None and row.tag is None and not leg.terms.is_native
    return is_by_content and row.updated_at is None


def _carries(step: Step, leg: Leg, row: OrderRow) -> bool:
    instrument = step.bracket.plan.instrument
    same_place = row.exchange == instrument.exchange and row.symbol == instrument.symbol
    # The quantity is compared with what was asked at any time: a resize may have overtaken the answer.
    # The side also tells an entry from the exits it brought: some brokers put its tag on them.
    return row.tag == leg.tag and same_place and row.side is leg.side


def _is_news(leg: Leg, row: OrderRow) -> bool:
    if row.filled < leg.filled or _is_older(leg, row):
        return False
    if leg.status is LegStatus.FILLED:
        # Filled for good; but some brokers tell the average price only later.
        return row.status is RowStatus.FILLED and leg.average_price is None and row.average_price is not None
    known = (leg.status, leg.filled, leg.average_price, leg.terms, leg.broker_order_id)
    shown = (_ORDER_STATUS[row.status], row.filled, row.average_price or leg.average_price, _terms(row, leg))
    # Shown again, a native exit is missed no more; an entry's misses count the exits that it lacks.
    is_back = leg.parent is not None and leg.missed_reads > 0
    return leg.sighted_at is None or is_back or known != (*shown, row.broker_order_id)


def _is_older(leg: Leg, row: OrderRow) -> bool:
    if leg.row_updated_at is None or row.updated_at is None:
        return False
    return row.updated_at < leg.row_updated_at


def _terms(row: OrderRow, leg: Leg) -> Terms:
    # A stop that fired shows as LIMIT at some brokers and keeps its trigger, as does one that we turned
    # into a limit: the price tells which of the two it is.
    is_our_limit = any(
        terms is not None and terms.trigger_price is None and terms.price == row.price
        for terms in (leg.asked_terms, leg.agreed_terms)
    )
    is_limit = row.order_type is OrderType.LIMIT and is_our_limit
    shown = shown_terms(row)
    if leg.terms.is_native:  # the exits that an entry brought are rows of their own
        shown = replace(
            shown,
            stop_trigger=leg.terms.stop_trigger,
            stop_limit=leg.terms.stop_limit,
            target_price=leg.terms.target_price,
        )
    return replace(shown, trigger_price=None) if is_limit else shown


def sighting_of(leg: Leg, row: OrderRow) -> ev.LegSighted:
    """Return the event that takes a leg's row in."""
    return ev.LegSighted(
        seq=leg.seq,
        broker_order_id=row.broker_order_id,
        status=_ORDER_STATUS[row.status],
        filled=row.filled,
        average_price=row.average_price,
        terms=_terms(row, leg),
        row_updated_at=row.updated_at,
        reason=row.reason,
        refusal=row.refusal,
    )


def _check_bust(step: Step, leg: Leg, row: OrderRow, read: Read) -> None:
    """A fill goes down only when a newer row and the whole trade book say so together."""
    if row.filled >= leg.filled or _is_older(leg, row) or row.updated_at is None or read.trades is None:
        return
    traded = sum(t.quantity for t in read.trades if t.broker_order_id == leg.broker_order_id)
    is_newer = leg.row_updated_at is not None and row.updated_at > leg.row_updated_at
    if is_newer and traded == row.filled:
        step.record(ev.FillCorrected(seq=leg.seq, filled=row.filled))
        step.need_attention("trade_bust", f"the fill of order {leg.broker_order_id} fell to {row.filled}")


def _note_lapse(step: Step, seq: int, read: Read) -> None:
    """A change that a later read does not show, well after its answer, is asked for again."""
    leg = step.bracket.leg(seq)
    change = leg.change
    if change is None or change.status is ChangeStatus.SENT:
        return
    answered = change.answered_at or change.sent_at
    wait = step.timing.change_lapse * (1 if change.status is ChangeStatus.ACKED else 2)
    if read.started.since(answered) >= wait and step.age(answered) >= wait:
        step.record(ev.ChangeLapsed(seq=seq))


def _miss(step: Step, leg: Leg, read: Read) -> None:
    if leg.status in UNSEEN:
        _count_absence(step, leg, read)
    elif leg.is_live and _is_over_with_its_day(step, leg) and read.position_agrees is not None:
        # The day's book is gone and the order with it: over at its last proven fill.
        step.record(ev.LegExpired(seq=leg.seq))
    elif leg.is_live and is_native_exit(step.bracket, leg):
        _miss_listed(step, leg, read)


def _is_over_with_its_day(step: Step, leg: Leg) -> bool:
    may_survive = step.bracket.plan.survives_day and is_native_exit(step.bracket, leg)
    return leg.session != step.seen.session.id and not may_survive


def _count_absence(step: Step, leg: Leg, read: Read) -> None:
    if leg.status is LegStatus.SENT:
        return
    if leg.kind is LegKind.ORDER and leg.session != step.seen.session.id:
        _give_up_overnight(step, leg, read)
        return
    if read.position_agrees is not True or not _is_quiet(step, leg, read):
        return
    step.record(ev.LegMissed(seq=leg.seq))
    needed = step.timing.absent_reads + (leg.sent_at.boot != step.now.boot)
    if step.bracket.leg(leg.seq).missed_reads >= needed:
        step.record(ev.LegProvedAbsent(seq=leg.seq))


def _is_quiet(step: Step, leg: Leg, read: Read) -> bool:
    """Whether the read began after the quiescence; what an earlier boot sent has it anew in this one.

    Only the wall clock knows how long ago that was; set forward meanwhile, it would prove absent what is on
    its way. The first read that misses such a leg begins its quiescence, and is none of the three.
    """
    if leg.sent_at.boot == step.now.boot:
        return read.started.since(leg.sent_at) > step.timing.quiescence
    since = leg.missed_since
    if since is None or since.boot != step.now.boot:
        return True
    return read.started.since(since) > step.timing.quiescence


def _give_up_overnight(step: Step, leg: Leg, read: Read) -> None:
    """The book that would have shown the order is gone with its day: nothing proves it absent any more."""
    if read.position_agrees is None:
        return
    step.record(ev.LegExpired(seq=leg.seq))
    step.need_attention(
        "lost_overnight",
        f"order {leg.tag} was not answered before the day ended, and its book is gone: compare the position",
    )


def _take_in_gtt(step: Step, leg: Leg, read: Read) -> None:
    if read.gtts is None or (is_lost_gtt(leg) and _is_too_early(leg, read)):
        return
    rows = _gtt_rows_of(step, leg, read.gtts)
    if not rows:
        _miss_gtt(step, leg, read)
    elif leg.broker_order_id is None and _is_awaited(step, leg):
        return
    elif len(rows) > max(1, count_lost_alike(step.bracket, leg)):
        step.need_attention("ambiguous", f"{len(rows)} GTTs may be {leg.tag}: none of them is taken for it")
    elif rows[0].side is not leg.side:
        _disbelieve(step, leg, rows[0])
    else:
        _take_in_gtt_row(step, leg, rows[0], read)


def _take_in_gtt_row(step: Step, leg: Leg, row: GttRow, read: Read) -> None:
    # One cancels the other, says the broker; when both came to life, both are ours to deal with.
    fired = [part for part in row.legs if part.child_order_id is not None]
    refused = next((part for part in row.legs if part.child_reason is not None), None)
    for part in fired:
        _adopt_child(step, leg, row, part)
    if not fired and leg.status is not LegStatus.TRIGGERED:
        _sight_gtt(step, leg, row, refused)
        _note_lapse(step, leg.seq, read)


def _gtt_rows_of(step: Step, leg: Leg, rows: tuple[GttRow, ...]) -> list[GttRow]:
    """Return the leg's trigger by its id; without one, those that nobody owns and that may be it."""
    if leg.broker_order_id is not None:
        return [row for row in rows if row.trigger_id == leg.broker_order_id][:1]
    owned = {other.broker_order_id for other in step.bracket.legs}
    return [row for row in rows if row.trigger_id not in owned and may_be_gtt(step.bracket, leg, row)]


def _is_awaited(step: Step, lost: Leg) -> bool:
    """Whether the answer to another of this content is under way: it will say which one it is, or none."""
    return any(leg.status is LegStatus.SENT and is_alike(leg, lost) for leg in step.bracket.legs)


def _sight_gtt(step: Step, leg: Leg, row: GttRow, refused: GttLegRow | None) -> None:
    status = LegStatus.REJECTED if refused is not None else _GTT_STATUS[row.status]
    terms = gtt_terms(row, leg.side)
    known = (leg.status, leg.terms, leg.broker_order_id, leg.expires_at)
    is_repeated = leg.sighted_at is not None and known == (status, terms, row.trigger_id, row.expires_at)
    # Sighted again, it is missed no more: three bad pages far apart prove nothing.
    if is_repeated and not leg.missed_reads:
        return
    step.record(
        ev.LegSighted(
            seq=leg.seq,
            broker_order_id=row.trigger_id,
            status=status,
            filled=0,
            average_price=None,
            terms=terms,
            row_updated_at=row.updated_at,
            reason=None if refused is None else refused.child_reason,
            refusal=None if refused is None else refused.child_refusal,
            expires_at=row.expires_at,
        )
    )


def _adopt_child(step: Step, leg: Leg, row: GttRow, fired: GttLegRow) -> None:
    known = {other.broker_order_id for other in step.bracket.legs}
    if fired.child_order_id is None or fired.child_order_id in known:
        return
    is_stop = fired is stop_leg(row, leg.side)
    seq = len(step.bracket.legs) + 1
    terms = Terms(order_type=OrderType.LIMIT, quantity=fired.quantity, price=fired.price)
    step.record(
        ev.ChildSighted(
            seq=seq,
            parent=leg.seq,
            trigger_id=row.trigger_id,
            tag=tag_of(step.bracket.id, Role.EXIT, seq),
            broker_order_id=fired.child_order_id,
            purpose=Purpose.STOP if is_stop else Purpose.TARGET,
            terms=terms,
        )
    )


def _miss_gtt(step: Step, leg: Leg, read: Read) -> None:
    if leg.status in UNSEEN:
        _count_absence(step, leg, read)
    elif leg.is_live:
        _miss_listed(step, leg, read)


def _miss_listed(step: Step, leg: Leg, read: Read) -> None:
    """What was listed and is not any more is as hard to believe as what never was.

    A list that lacks it for some seconds would have us place a second exit beside a living one.
    """
    step.record(ev.LegMissed(seq=leg.seq))
    if is_missed_for_good(step, step.bracket.leg(leg.seq), read):
        step.record(ev.LegExpired(seq=leg.seq))


def flag_unknowns(step: Step) -> None:
    """Show while any leg's existence is unknown, and alarm when it stays so."""
    unknown = [leg for leg in step.bracket.legs if leg.status is LegStatus.UNKNOWN]
    step.set_overlay(Overlay.UNKNOWN_LEG, bool(unknown))
    late = [leg for leg in unknown if step.age(leg.sent_at) >= step.timing.unknown_alarm_after]
    stuck = [leg for leg in step.bracket.legs if _is_stuck(step, leg) or _is_missed(step, leg)]
    if late or stuck:
        words = ", ".join(f"{leg.purpose} order {leg.tag} ({leg.status})" for leg in late + stuck)
        step.raise_alarm("unknown_leg", f"the broker does not confirm: {words}")
    elif not unknown:
        step.clear_alarm("unknown_leg")


def _is_stuck(step: Step, leg: Leg) -> bool:
    waits = leg.status in (LegStatus.ACKED, LegStatus.PENDING) and not is_held_back(step.bracket, leg)
    return waits and step.age(leg.sent_at) >= step.timing.unknown_alarm_after


def _is_missed(step: Step, leg: Leg) -> bool:
    """Whether an exit that was listed has been missing for so long that somebody should know."""
    since = leg.missed_since if leg.is_live and leg.is_working else None
    return since is not None and step.age(since) >= step.timing.alarm_after


def is_cancelling(leg: Leg) -> bool:
    return leg.change is not None and leg.change.kind is ChangeKind.CANCEL
