"""Whose lots are whose: completeness, foreign trades, the base, and what a hand closed."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from services.bracket.account import (
    claims_of,
    foreign_filled,
    index_book,
    is_complete,
    part_of_read,
    standings,
)
from services.bracket.events import ForeignBaseNoted, LegAcknowledged, LegBecameUnknown
from services.bracket.model import (
    BookRead,
    Bracket,
    GttRow,
    OrderRow,
    PositionRow,
    Product,
    RowStatus,
    Side,
    Topology,
    TradeRow,
)
from services.bracket.observation import Standing
from tests.builders import a_plan, an_instrument
from tests.unit.driver import FILLED, OPEN, TODAY, TOMORROW, Driver

SESSION = {"NSE": TODAY}


def entered(*, base: int = 0, bracket_id: str = "01JDRIVER0000000000BRACKET") -> Driver:
    """A protected bracket of 100 whose foreign base is known."""
    driver = Driver(bracket_id=bracket_id)
    driver.protect()
    driver.answer(ForeignBaseNoted(base=base))
    return driver


def a_foreign(
    side: Side, quantity: int, *, driver: Driver, order_id: str = "F1"
) -> tuple[OrderRow, TradeRow]:
    """Return the row and the trade of somebody's order in SBIN, done now."""
    row = OrderRow(
        broker_order_id=order_id,
        tag=None,
        exchange="NSE",
        symbol="SBIN",
        product="MIS",
        side=side,
        order_type=driver.leg(1).terms.order_type,
        quantity=quantity,
        status=RowStatus.FILLED,
        filled=quantity,
    )
    trade = TradeRow(
        trade_id=f"T{order_id}",
        broker_order_id=order_id,
        exchange="NSE",
        symbol="SBIN",
        product="MIS",
        side=side,
        quantity=quantity,
        price=Decimal(500),
        at=driver.now.wall,
    )
    return row, trade


def books(driver: Driver, held: int, *foreign: tuple[OrderRow, TradeRow]) -> BookRead:
    """Return a full read: the driver's rows, others' orders and trades, and the net position."""
    return BookRead(
        started=driver.now,
        orders=(*driver.rows.values(), *(row for row, _ in foreign)),
        gtts=(),
        trades=tuple(trade for _, trade in foreign),
        positions=(PositionRow(exchange="NSE", symbol="SBIN", product="MIS", quantity=held),),
    )


def standing(driver: Driver, read: BookRead, *others: Bracket, today: str = TODAY) -> Standing:
    found = standings(index_book(read), [driver.bracket, *others], session={"NSE": today})
    return found[driver.bracket.id]


def test_a_read_that_lacks_an_order_seen_live_is_incomplete() -> None:
    driver = entered()
    whole = books(driver, 100)
    torn = replace(whole, orders=whole.orders[:1])

    assert is_complete(whole, [driver.bracket], session=SESSION)
    assert not is_complete(torn, [driver.bracket], session=SESSION)
    assert is_complete(torn, [driver.bracket], session={"NSE": TOMORROW})


def test_an_order_accepted_but_not_sighted_leaves_the_read_complete() -> None:
    driver = Driver()
    driver.look()

    assert is_complete(books(driver, 0), [driver.bracket], session=SESSION)


def test_a_fill_that_this_very_read_shows_is_ours_and_no_base() -> None:
    driver = Driver()
    driver.look()
    driver.show(1, FILLED)

    found = standing(driver, books(driver, 100))

    assert (found.carried, found.base, found.external) == (0, 0, 0)


def test_the_base_is_noted_once_two_reads_agree() -> None:
    driver = Driver()
    driver.look()
    driver.show(1, OPEN)
    stale = standing(driver, books(driver, -60))
    sound = standing(driver, books(driver, 0))

    driver.read(after=0.5, standing=stale)
    driver.read(after=3, standing=sound)
    assert driver.bracket.foreign_base is None
    driver.read(after=3, standing=sound)

    assert driver.bracket.foreign_base == 0


def test_positions_that_lag_for_seconds_do_not_make_a_base() -> None:
    driver = Driver()
    driver.enter()
    lagging = standing(driver, books(driver, 0))

    driver.read(after=0.5, standing=lagging)
    driver.read(after=6, standing=lagging)

    assert driver.bracket.foreign_base is None


def test_a_read_that_waited_long_for_us_is_not_a_later_one() -> None:
    driver = Driver()
    driver.enter()
    lagging = standing(driver, books(driver, 0))
    driver.read(after=0.5, standing=lagging)

    driver.read(after=12, standing=lagging, started=driver.now.plus(timedelta(seconds=1)))
    assert driver.bracket.foreign_base is None
    driver.read(after=1, standing=lagging)

    assert driver.bracket.foreign_base == -100


def test_reads_that_mix_two_instants_in_the_same_way_while_an_order_fills_make_no_base() -> None:
    driver = Driver()
    driver.look()
    driver.show(1, OPEN)
    ahead = standing(driver, books(driver, 60))
    driver.read(after=0.5, standing=ahead)
    driver.show(1, OPEN, filled=30)
    ahead_again = standing(driver, books(driver, 90))

    driver.read(after=3, standing=ahead_again)
    assert (ahead.carried, ahead_again.carried) == (60, 60)
    assert driver.bracket.foreign_base is None
    driver.read(after=10, standing=ahead_again)

    assert driver.bracket.foreign_base == 60


def test_a_trade_that_is_listed_twice_counts_once() -> None:
    driver = entered()
    sold = a_foreign(Side.SELL, 40, driver=driver)

    found = standing(driver, books(driver, 60, sold, sold))

    assert (found.external, found.shortfall, found.agrees) == (40, 0, True)


def test_r9_a_gtt_that_another_bracket_may_have_asked_for_is_nobodys_until_its_answer_is_there() -> None:
    lost, other = (
        Driver(a_plan(product=Product.CNC, topology=Topology.OCO, survives_day=True), bracket_id=name)
        for name in ("01JLOST000000000000BRACKET", "01JOTHER00000000000BRACKET")
    )
    lost.enter()
    lost.answer(LegBecameUnknown(seq=2, reason="time-out"))
    other.enter()
    other.show_gtt(2, trigger_id="G9")
    index = index_book(replace(books(lost, 0), gtts=tuple(other.gtts.values())))

    def shown_to(driver: Driver) -> tuple[GttRow, ...] | None:
        claims = claims_of([lost.bracket, other.bracket])
        return part_of_read(driver.bracket, index, claims=claims, agrees=True).gtts

    assert shown_to(lost) is None
    assert shown_to(other) == index.read.gtts
    other.answer(LegAcknowledged(seq=2, broker_order_id="G9"))
    assert shown_to(lost) == ()


def test_both_sides_of_a_trade_with_ourselves_count_though_they_carry_one_number() -> None:
    driver = entered()
    sold, bought = (
        a_foreign(side, 40, driver=driver, order_id=order)
        for side, order in ((Side.SELL, "F1"), (Side.BUY, "F2"))
    )
    twin = (bought[0], replace(bought[1], trade_id=sold[1].trade_id))

    found = standing(driver, books(driver, 100, sold, twin))

    assert (found.external, found.shortfall, found.agrees) == (0, 0, True)


def test_r9_a_gtt_on_its_way_in_another_share_hides_no_list() -> None:
    lost = Driver(a_plan(product=Product.CNC, topology=Topology.OCO, survives_day=True))
    lost.enter()
    lost.answer(LegBecameUnknown(seq=2, reason="time-out"))
    infy = replace(an_instrument(), symbol="INFY")
    other = Driver(
        a_plan(product=Product.CNC, topology=Topology.OCO, survives_day=True, instrument=infy),
        bracket_id="01JOTHER00000000000BRACKET",
    )
    other.enter()
    claims = claims_of([lost.bracket, other.bracket])

    found = part_of_read(lost.bracket, index_book(books(lost, 0)), claims=claims, agrees=True)

    assert other.leg(2).terms == lost.leg(2).terms
    assert found.gtts == ()


def test_a_closed_long_does_not_turn_the_sign_of_the_short_that_follows_it() -> None:
    long, short = (
        entered(bracket_id="01JDRIVER00000000000LONG00"),
        Driver(a_plan(side=Side.SELL), bracket_id="01JDRIVER0000000000SHORT00"),
    )
    long.show(2, FILLED, filled=100)
    long.read(after=1)
    short.look()
    short.answer(LegAcknowledged(seq=1, broker_order_id="S1"))
    short.accept(1, FILLED)
    short.answer(ForeignBaseNoted(base=0))
    rows = (*long.rows.values(), *short.rows.values())
    read = replace(books(short, -100), orders=rows)

    found = standings(index_book(read), [long.bracket, short.bracket], session=SESSION)

    assert long.state.is_closed
    assert found[short.bracket.id].agrees


def test_h19_a_foreign_sale_of_everything_closes_everything() -> None:
    driver = entered()

    found = standing(driver, books(driver, 0, a_foreign(Side.SELL, 100, driver=driver)))

    assert (found.external, found.shortfall, found.agrees) == (100, 0, True)


def test_h22_what_others_buy_is_not_ours_and_is_sold_first() -> None:
    driver = entered()
    bought = a_foreign(Side.BUY, 30, driver=driver)
    sold = a_foreign(Side.SELL, 50, driver=driver, order_id="F2")

    assert standing(driver, books(driver, 130, bought)).external == 0
    assert standing(driver, books(driver, 80, bought, sold)).external == 20


def test_lots_held_before_the_bracket_are_sold_first() -> None:
    driver = entered(base=40)

    found = standing(driver, books(driver, 90, a_foreign(Side.SELL, 50, driver=driver)))

    assert found.external == 10


def test_r6_a_position_that_is_short_without_a_trade_is_a_shortfall_not_a_close() -> None:
    driver = entered()

    found = standing(driver, books(driver, 40))

    assert (found.external, found.shortfall, found.agrees) == (0, 60, False)


def test_a_trade_whose_order_the_book_lacks_makes_the_read_worth_nothing() -> None:
    driver = entered()
    _, trade = a_foreign(Side.SELL, 100, driver=driver)
    read = replace(books(driver, 0), trades=(trade,))

    assert not standings(index_book(read), [driver.bracket], session=SESSION)


def test_an_order_of_ours_shown_as_its_opposite_makes_the_read_worth_nothing() -> None:
    driver = entered()
    driver.show(2, FILLED, side=Side.BUY)

    assert not standings(index_book(books(driver, 100)), [driver.bracket], session=SESSION)


def test_trades_before_the_bracket_came_are_not_counted_against_it() -> None:
    driver = entered()
    row, trade = a_foreign(Side.SELL, 100, driver=driver)
    early = replace(trade, at=driver.bracket.received.wall - timedelta(minutes=5))

    found = standing(driver, books(driver, 100, (row, early)))

    assert found.external == 0


def test_what_others_closed_before_our_stop_fired_is_ours_to_buy_back() -> None:
    driver = entered()
    sold = a_foreign(Side.SELL, 100, driver=driver)
    driver.seconds += 2
    driver.show(2, FILLED)
    driver.read(after=0.5)

    found = standing(driver, books(driver, -100, sold))

    assert found.external == 100


def test_what_others_sell_after_our_stop_fired_is_their_own() -> None:
    driver = entered()
    driver.show(2, FILLED)
    driver.read(after=0.5)
    driver.seconds += 5

    found = standing(driver, books(driver, -100, a_foreign(Side.SELL, 100, driver=driver)))

    assert found.external == 0


def test_h53_the_newest_bracket_of_a_symbol_gives_first() -> None:
    older = entered(bracket_id="01JA0000000000000000000001")
    newer = entered(bracket_id="01JB0000000000000000000002")
    read = books(older, 150, a_foreign(Side.SELL, 50, driver=older))
    read = replace(read, orders=(*read.orders, *newer.rows.values()))

    found = standings(index_book(read), [older.bracket, newer.bracket], session=SESSION)

    assert (found[older.bracket.id].external, found[newer.bracket.id].external) == (0, 50)


def test_what_a_person_took_over_gives_before_any_bracket() -> None:
    taken = entered(bracket_id="01JA0000000000000000000001")
    taken.bracket = replace(taken.bracket, handed_over=True)
    newer = entered(bracket_id="01JB0000000000000000000002")
    read = books(taken, 100, a_foreign(Side.SELL, 100, driver=taken))

    found = standings(index_book(read), [taken.bracket, newer.bracket], session=SESSION)

    assert (found[taken.bracket.id].external, found[newer.bracket.id].external) == (100, 0)


def test_r2_yesterdays_foreign_trades_do_not_count_in_the_evening() -> None:
    driver = entered()

    found = standing(driver, books(driver, 70, a_foreign(Side.BUY, 20, driver=driver)), today=TOMORROW)

    assert (found.external, found.shortfall) == (0, 30)


def test_r2_a_morning_that_holds_less_is_believed_although_no_base_was_noted_the_day_before() -> None:
    driver = Driver()
    driver.protect()

    found = standing(driver, books(driver, 0), today=TOMORROW)

    assert driver.bracket.foreign_base is None
    assert found.shortfall == 100


def test_others_fills_in_our_symbols_are_a_reason_to_read_everything() -> None:
    driver = entered()
    read = books(driver, 60, a_foreign(Side.SELL, 40, driver=driver))

    assert foreign_filled(index_book(books(driver, 100)), [driver.bracket]) == 0
    assert foreign_filled(index_book(read), [driver.bracket]) == 40
