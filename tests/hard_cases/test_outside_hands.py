"""Other hands on the account: the user at another terminal, the broker's risk desk, other brackets."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from services.bracket.model import (
    LegStatus,
    OrderRequest,
    OrderRow,
    OrderType,
    Outcome,
    Overlay,
    PositionRow,
    Product,
    Role,
    RowStatus,
    Side,
    State,
    Terms,
    TradeRow,
)
from services.bracket.quantities import net
from services.errors import SymbolConflict
from tests.hard_cases.line import lost_request
from tests.hard_cases.story import Story

D = Decimal
SELL, BUY = Side.SELL, Side.BUY


def test_h19_position_closed_by_hand_takes_our_stop_away(story: Story) -> None:
    """The user closes the whole position at another terminal.

    Must: see it in the trade book, twice, then cancel our exit and close the bracket.
    Must never: put the stop back.
    """
    story.hold()
    story.expect_surplus()

    story.somebody(SELL, 10)

    assert (story.state(), story.bracket.outcome) == (State.CLOSED, Outcome.EXITED)
    assert [row.status for row in story.orders(Role.EXIT)] == [RowStatus.CANCELLED]
    assert story.position() == 0


def test_h20_stop_cancelled_by_hand_is_put_back_once(story: Story) -> None:
    """The user cancels or changes our stop at another terminal.

    Must: put it back once, aloud (`respect`: leave it so); the second time leave it, and call the user.
    Must never: fight for ever.
    """
    story.hold()

    story.cancel_elsewhere(story.exit())
    assert story.exit().trigger_price == D(790)
    assert "exit_touched" in story.alarms()
    assert not story.needs_attention()

    story.cancel_elsewhere(story.exit(), after=60)
    assert story.exits() == []
    assert len(story.orders(Role.EXIT)) == 2
    assert story.needs_attention()


def test_h21_position_closed_in_part_shrinks_our_exit(story: Story) -> None:
    """The user closes a part of the position at another terminal.

    Must: shrink our exits first; the newest bracket of the symbol gives first.
    Must never: leave exits for more than is held.
    """
    older = story.hold()
    newer = story.hold()
    story.expect_surplus()

    story.somebody(SELL, 4)

    assert (net(story.again(older)), net(story.again(newer))) == (10, 6)
    assert [row.quantity for row in story.exits()] == [10, 6]
    assert story.position() == 16


def test_h22_shares_added_by_hand_are_not_ours(story: Story) -> None:
    """The user buys more of the symbol at another terminal.

    Must: leave it alone.
    Must never: protect it, or sell it.
    """
    story.hold()

    story.somebody(BUY, 7)
    assert (story.exit().quantity, net(story.bracket)) == (10, 10)

    story.price("789", after=3)
    assert (story.state(), story.position()) == (State.CLOSED, 7)


def test_h23_converted_position_keeps_its_stop_and_calls_the_user(story: Story) -> None:
    """The user converts the position from intraday to delivery.

    Must: keep the stop, since no trade proves that shares are gone, and call the user.
    Must never: take the position as closed, or drop the exit in silence.
    Here: the bracket does not move to the other product by itself.
    """
    story.hold()

    story.line.lie("positions", _converted)
    story.wait(70)

    assert (story.exit().quantity, story.exit().status) == (10, RowStatus.TRIGGER_PENDING)
    assert story.needs_attention()
    assert "position_short" in story.alarms()
    assert story.state() is State.PROTECTED


def _converted(rows: tuple[PositionRow, ...]) -> tuple[PositionRow, ...]:
    return tuple(replace(row, product=Product.CNC) for row in rows)


def test_h25_cancelled_entry_that_fills_after_all_is_revived(story: Story) -> None:
    """An order that the broker called cancelled executes later.

    Must: go on watching closed brackets, come back to life, and protect what was bought.
    Must never: forget an order because it was called dead.
    """
    story.place()
    story.line.lie("orders", _all_cancelled)
    story.wait(5)
    assert story.state() is State.CANCELLED

    story.line.heal()
    story.price("799", after=70)

    assert story.exit().quantity == 10
    assert (story.state(), "revived" in story.alarms()) == (State.PROTECTED, True)


def _all_cancelled(rows: tuple[OrderRow, ...]) -> tuple[OrderRow, ...]:
    return tuple(replace(row, status=RowStatus.CANCELLED) for row in rows)


def test_h39_brokers_square_off_is_not_sold_again(story: Story) -> None:
    """The broker's risk desk squares the position off.

    Must: see that its trades closed the position, and close the bracket.
    Must never: sell again.
    """
    story.hold()

    story.exchange.square_off(Product.MIS)
    story.wait(8)

    assert (story.state(), story.position()) == (State.CLOSED, 0)
    assert [row.filled for row in story.orders(Role.EXIT)] == [0]


def test_h53_brackets_of_one_symbol_keep_to_their_own_shares(story: Story) -> None:
    """Two brackets of one side hold the same symbol.

    Must: let each have its own exit for its own shares.
    Must never: let the exit of one eat the shares of the other.
    """
    first = story.hold(sl_price=D(795))
    second = story.hold(sl_price=D(785), quantity=5)

    story.price("794", after=5)

    assert story.again(first).state is State.CLOSED
    assert story.again(second).state is State.PROTECTED
    assert (story.position(), story.exit().quantity, story.exit().trigger_price) == (5, 5, D(785))


def test_h54_opposite_bracket_in_one_symbol_is_refused(story: Story) -> None:
    """A bracket of the other side comes while one is open in the symbol.

    Must: refuse it, naming the bracket that is in its way.
    Must never: let the two net each other out at the broker.
    """
    held = story.hold()

    with pytest.raises(SymbolConflict, match=held.id):
        story.ask_to_place(action="SELL", entry_price=D(800), sl_price=D(810), target_price=D(785))

    assert len(story.orders(Role.ENTRY)) == 1


def test_h58_busted_trade_lowers_the_exit_first_and_calls_the_user(story: Story) -> None:
    """The exchange cancels a trade: the entry's fill goes down.

    Must: believe it only when order and trade book say so together; lower the exit first; call the user.
    Must never: believe one row, or keep an exit for shares that are gone.
    """
    story.hold()
    story.expect_surplus()
    bust = _bust(story)

    story.line.lie("orders", bust)
    story.wait(70)
    assert net(story.bracket) == 10  # the trade book still knows all of it

    story.line.lie("trades", lambda rows: tuple(map(_cut, rows)))
    story.line.lie("positions", lambda rows: tuple(replace(row, quantity=6) for row in rows))
    story.wait(70)

    assert (net(story.bracket), story.exit().quantity) == (6, 6)
    assert story.needs_attention()
    assert "trade_bust" in story.alarms()


def _bust(story: Story) -> Callable[[tuple[OrderRow, ...]], tuple[OrderRow, ...]]:
    at = story.world.now()

    def bust(rows: tuple[OrderRow, ...]) -> tuple[OrderRow, ...]:
        return tuple(replace(r, filled=6, updated_at=at) if r.side is BUY else r for r in rows)

    return bust


def _cut(trade: TradeRow) -> TradeRow:
    return replace(trade, quantity=6) if trade.side is BUY else trade


def test_h70_order_of_somebody_else_with_our_tag_is_not_ours(story: Story) -> None:
    """Another order of the account carries the tag that we look for.

    Must: take an order as ours only when symbol and side agree with the tag.
    Must never: adopt the wrong order.
    """
    story.line.next("place entry", lost_request)
    placed = story.place()
    (entry,) = story.legs(placed, Role.ENTRY)
    terms = Terms(order_type=OrderType.LIMIT, quantity=10, price=D(1490))
    twin = OrderRequest(
        tag=entry.tag, exchange="NSE", symbol="INFY", product=Product.MIS, side=BUY, terms=terms
    )

    story.exchange.place(story.account.id, twin)
    story.wait(20)

    (entry,) = story.legs(story.bracket, Role.ENTRY)
    assert (entry.status, entry.broker_order_id) == (LegStatus.ABSENT, None)
    assert story.state() is State.EXPIRED
    assert Overlay.UNKNOWN_LEG not in story.bracket.overlays
