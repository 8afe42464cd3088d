"""What books prove of a bracket whose record is older than they are, and what they do not."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from services.adoption import Books, Finding, Verdict, judge, strangers
from services.bracket.events import Event
from services.bracket.lifecycle import answer
from services.bracket.model import (
    Bracket,
    GttLegRow,
    GttRow,
    GttStatus,
    Leg,
    LegKind,
    LegStatus,
    OrderRow,
    OrderType,
    Purpose,
    Role,
    RowStatus,
    Side,
    Slice,
    State,
    Topology,
)
from services.bracket.tags import tag_of
from tests.builders import NINE_THIRTY, a_bracket, a_leg, a_moment

KNOWN = ("E1",)


def entered(**leg: Any) -> Bracket:
    """Return a bracket whose entry rests, as the backup knew it."""
    bracket = a_bracket(state=State.ENTRY_OPEN)
    entry = a_leg(seq=1, role=Role.ENTRY, tag=tag_of(bracket.id, Role.ENTRY, 1), side=Side.BUY)
    plain = replace(entry, status=LegStatus.OPEN, purpose=Purpose.ENTRY, broker_order_id="E1")
    return replace(bracket, legs=(replace(plain, **leg),), version=4)


def row(bracket: Bracket, role: Role, seq: int, **overrides: Any) -> OrderRow:
    plan, is_entry = bracket.plan, role is Role.ENTRY
    plain = OrderRow(
        broker_order_id=f"{role}{seq}",
        tag=tag_of(bracket.id, role, seq),
        exchange=plan.instrument.exchange,
        symbol=plan.instrument.symbol,
        product=plan.product,
        side=plan.side if is_entry else plan.side.opposite,
        order_type=OrderType.LIMIT if is_entry else OrderType.SL,
        quantity=plan.quantity,
        status=RowStatus.FILLED if is_entry else RowStatus.TRIGGER_PENDING,
        filled=plan.quantity if is_entry else 0,
        price=Decimal("800") if is_entry else Decimal("785"),
        trigger_price=None if is_entry else Decimal("790"),
        average_price=Decimal("800") if is_entry else None,
    )
    return replace(plain, **overrides)


def a_gtt(bracket: Bracket, **overrides: Any) -> GttRow:
    instrument = bracket.plan.instrument
    plain = GttRow(
        trigger_id="G1",
        exchange=instrument.exchange,
        symbol=instrument.symbol,
        product=bracket.plan.product,
        side=bracket.plan.side.opposite,
        status=GttStatus.ACTIVE,
        legs=(GttLegRow(trigger_price=Decimal(790), price=Decimal(789), quantity=10),),
        created_at=NINE_THIRTY,
    )
    return replace(plain, **overrides)


def judged(
    bracket: Bracket,
    *rows: OrderRow,
    gtts: tuple[GttRow, ...] | None = None,
    known: tuple[str, ...] = ("E1",),
) -> Finding:
    return judge(bracket, Books(orders=rows, gtts=gtts), known)


def after(bracket: Bracket, events: tuple[Event, ...]) -> Bracket:
    for event in events:
        bracket = answer(bracket, event, a_moment(3600)).bracket
    return bracket


def test_a_bracket_whose_orders_are_all_shown_is_kept_as_it_is() -> None:
    bracket = entered()

    found = judged(bracket, row(bracket, Role.ENTRY, 1, status=RowStatus.OPEN, filled=0))

    assert (found.verdict, found.events) == (Verdict.KEPT, ())


def test_a_stop_sent_since_the_backup_is_taken_back_with_the_fill_it_protects() -> None:
    bracket = entered()

    found = judged(bracket, row(bracket, Role.ENTRY, 1), row(bracket, Role.EXIT, 2))

    protected = after(bracket, found.events)
    assert found.verdict is Verdict.ADOPTED
    assert protected.state is State.PROTECTED
    assert [leg.tag for leg in protected.legs] == [
        tag_of(bracket.id, Role.ENTRY, 1),
        tag_of(bracket.id, Role.EXIT, 2),
    ]
    assert (protected.leg(2).status, protected.leg(2).broker_order_id) == (LegStatus.TRIGGER_PENDING, "X2")
    assert protected.leg(2).purpose is Purpose.STOP


def test_an_exit_that_filled_since_the_backup_ends_the_bracket() -> None:
    bracket = entered()
    stop = row(
        bracket,
        Role.EXIT,
        2,
        status=RowStatus.FILLED,
        filled=bracket.plan.quantity,
        average_price=Decimal(790),
    )

    found = judged(bracket, stop, row(bracket, Role.ENTRY, 1))

    assert after(bracket, found.events).state is State.CLOSED


def test_an_entry_that_no_book_shows_is_given_into_a_persons_hands_and_nothing_is_sent_for_it() -> None:
    bracket = entered()

    found = judged(bracket)

    over = after(bracket, found.events)
    assert found.verdict is Verdict.HANDED_OVER
    assert over.handed_over
    assert [alarm.kind for alarm in over.alarms] == ["restored"]


def over_night(bracket: Bracket) -> Bracket:
    return replace(bracket, legs=(replace(bracket.legs[0], status=LegStatus.FILLED, filled=10),))


def with_a_known_stop(bracket: Bracket) -> Bracket:
    stop = a_leg(seq=2, role=Role.EXIT, tag=tag_of(bracket.id, Role.EXIT, 2), side=Side.SELL)
    return replace(bracket, legs=(*bracket.legs, replace(stop, status=LegStatus.TRIGGER_PENDING)))


def as_stored(bracket: Bracket) -> Bracket:
    return bracket


def brought_with_the_entry(bracket: Bracket) -> Bracket:
    return replace(bracket, plan=replace(bracket.plan, topology=Topology.NATIVE))


UNPROVEN = [
    ("a stop that rested is in no book", with_a_known_stop, lambda b: (row(b, Role.ENTRY, 1),), None),
    ("nothing of it is shown today", over_night, lambda b: (), None),
    (
        "an order between is in no book",
        as_stored,
        lambda b: (row(b, Role.ENTRY, 1), row(b, Role.EXIT, 3)),
        None,
    ),
    ("an unwind was sent", as_stored, lambda b: (row(b, Role.ENTRY, 1), row(b, Role.UNWIND, 2)), None),
    (
        "another symbol",
        as_stored,
        lambda b: (row(b, Role.ENTRY, 1), row(b, Role.EXIT, 2, symbol="INFY")),
        None,
    ),
    (
        "an order that may have brought exits",
        brought_with_the_entry,
        lambda b: (row(b, Role.ENTRY, 1), row(b, Role.EXIT, 2)),
        None,
    ),
    ("a GTT that may be its exit", as_stored, lambda b: (row(b, Role.ENTRY, 1),), a_gtt),
]


@pytest.mark.parametrize(
    ("shape", "rows", "gtt"), [one[1:] for one in UNPROVEN], ids=[one[0] for one in UNPROVEN]
)
def test_what_nobody_can_prove_is_handed_over(shape: Any, rows: Any, gtt: Any) -> None:
    bracket = shape(entered())

    found = judged(bracket, *rows(bracket), gtts=None if gtt is None else (gtt(bracket),))

    assert found.verdict is Verdict.HANDED_OVER


def test_which_of_several_slices_an_exit_was_for_is_not_guessed() -> None:
    bracket = entered()
    parts = tuple(Slice(index=index, quantity=5, target=bracket.plan.targets[0].price) for index in range(2))
    bracket = replace(bracket, slices=parts)

    found = judged(bracket, row(bracket, Role.ENTRY, 1), row(bracket, Role.EXIT, 2))

    assert found.verdict is Verdict.HANDED_OVER


def test_a_gtt_that_the_record_knows_keeps_its_bracket() -> None:
    bracket = over_night(entered())
    oco = a_leg(seq=2, role=Role.EXIT, tag=tag_of(bracket.id, Role.EXIT, 2), side=Side.SELL)
    held: Leg = replace(oco, kind=LegKind.GTT, status=LegStatus.TRIGGER_PENDING, broker_order_id="G1")
    bracket = replace(bracket, legs=(*bracket.legs, held))

    found = judged(bracket, gtts=(a_gtt(bracket),), known=("E1", "G1"))

    assert found.verdict is Verdict.KEPT


def test_orders_with_our_tag_and_gtts_that_nobody_accounts_for_are_told() -> None:
    bracket, gone = entered(), a_bracket()
    ours, unknown = row(bracket, Role.ENTRY, 1), row(gone, Role.EXIT, 2)
    somebody = replace(ours, tag="manual", broker_order_id="M")
    books = Books(orders=(ours, unknown, somebody), gtts=(a_gtt(bracket), a_gtt(bracket, trigger_id="G2")))

    found = strangers([bracket], books, known_ids=("E1", "G2"))

    assert [one.order_id for one in found] == ["X2", "G1"]
    assert unknown.tag is not None
    assert unknown.tag in found[0].words


@pytest.mark.parametrize(("status", "is_told"), [(RowStatus.OPEN, True), (RowStatus.FILLED, False)])
def test_an_order_of_a_closed_bracket_is_told_while_it_lives(status: RowStatus, is_told: bool) -> None:
    closed = a_bracket()
    books = Books(orders=(row(closed, Role.EXIT, 2, status=status),), gtts=None)

    assert bool(strangers([], books, known_ids=("X2",))) is is_told
