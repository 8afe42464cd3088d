"""Where the simulated exchange's prices come from, and who hears of them."""

import statistics
import threading
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from services.bracket.model import RowStatus
from simulator import (
    ExchangeSettings,
    SimulatedExchange,
    VirtualClock,
    WalkSettings,
    load_instruments,
)
from simulator.orders import Key
from simulator.prices import RecordedPath, SeededWalk
from tests.unit.simulated import (
    ACCOUNT,
    BUY,
    LIMIT,
    MARKET,
    NIFTY,
    SBIN,
    oco,
    opened,
    order,
    price,
    row,
)

WALKING = ExchangeSettings(walk=WalkSettings(), seed=3)


def walk(*, seed: int = 1, symbol: str = "NSE:SBIN", settings: WalkSettings | None = None) -> SeededWalk:
    return SeededWalk(
        seed=seed,
        symbol=symbol,
        anchor=Decimal("500"),
        tick_size=Decimal("0.05"),
        settings=settings or WalkSettings(),
    )


def last(exchange: SimulatedExchange, key: Key = SBIN) -> Decimal:
    quote = exchange.quote(*key)
    assert quote is not None
    return quote.last


def test_a_walk_is_the_same_for_the_same_seed_symbol_and_step_and_for_no_other() -> None:
    steps = range(200)
    path = [walk().price_at(step) for step in steps]

    assert path == [walk().price_at(step) for step in reversed(steps)][::-1]
    assert path != [walk(seed=2).price_at(step) for step in steps]
    assert path != [walk(symbol="NSE:INFY").price_at(step) for step in steps]


def test_a_walk_begins_at_its_anchor_stays_on_the_tick_and_moves_by_its_volatility() -> None:
    path = [walk().price_at(step) for step in range(7200)]

    changes = [float(after / before - 1) for before, after in pairwise(path)]
    assert path[0] == Decimal("500")
    assert all(value % Decimal("0.05") == 0 for value in path)
    assert 0.00015 < statistics.pstdev(changes) < 0.00025
    assert max(path) - min(path) > Decimal("2.5")


def test_gaps_move_the_price_further_than_any_second_of_the_walk() -> None:
    settings = WalkSettings(gaps_per_hour=Decimal("10"), gap_size=Decimal("0.02"))
    path = [walk(settings=settings).price_at(step) for step in range(3600)]

    jumps = [abs(after - before) for before, after in pairwise(path)]

    assert max(jumps) > Decimal("4")
    assert sum(jump > 2 for jump in jumps) <= 10


def test_gaps_come_at_seconds_nobody_can_foresee() -> None:
    settings = WalkSettings(gaps_per_hour=Decimal("60"), gap_size=Decimal("0.05"))
    path = [walk(settings=settings).price_at(step) for step in range(3600)]

    seconds_of_minute = {
        step % 60 for step, (before, after) in enumerate(pairwise(path), start=1) if abs(after - before) > 5
    }

    assert len(seconds_of_minute) > 10


def test_a_recorded_path_ends_on_its_last_price() -> None:
    path = RecordedPath((Decimal("500"), Decimal("499")))

    assert [path.price_at(step) for step in (0, 1, 9)] == [500, 499, 499]


def test_the_same_seed_and_calls_give_the_same_fills_and_ids() -> None:
    def run() -> tuple[object, ...]:
        clock = VirtualClock()
        exchange = opened(WALKING, clock)
        exchange.place(ACCOUNT, order(BUY, LIMIT, price="499.50"))
        exchange.place_gtt(ACCOUNT, oco(stop="498", stop_limit="497", target="502"))
        for _ in range(600):
            clock.advance(timedelta(seconds=1))
            exchange.tick()
        return exchange.order_book(ACCOUNT), exchange.trade_book(ACCOUNT), last(exchange)

    assert run() == run()


def test_a_price_does_not_depend_on_how_often_anybody_looked() -> None:
    clock = VirtualClock()
    watched, lonely = opened(WALKING, clock), opened(WALKING, clock)
    for _ in range(100):
        clock.advance(timedelta(seconds=1))
        last(watched)

    assert last(lonely) == last(watched)


def test_a_tick_after_a_pause_matches_at_every_second_in_between() -> None:
    clock = VirtualClock()
    exchange = opened(clock=clock)
    order_id = exchange.place(ACCOUNT, order(BUY, LIMIT, price="495"))
    exchange.follow(*SBIN, path=[Decimal(p) for p in ("500", "494", "510")])

    clock.advance(timedelta(seconds=10))
    exchange.tick()

    assert row(exchange, order_id).average_price == Decimal("494")
    assert last(exchange) == Decimal("510")


def test_a_price_set_by_hand_stays_until_the_symbol_may_walk_again() -> None:
    clock = VirtualClock()
    exchange = opened(WALKING, clock)
    price(exchange, "520")
    clock.advance(timedelta(minutes=5))
    exchange.tick()
    assert last(exchange) == Decimal("520")

    exchange.walk(*SBIN)
    clock.advance(timedelta(minutes=5))

    assert last(exchange) != Decimal("520")


def test_only_the_symbol_set_by_hand_stops_walking() -> None:
    clock = VirtualClock()
    exchange = opened(WALKING, clock)
    exchange.hold(*SBIN)

    clock.advance(timedelta(minutes=5))

    assert last(exchange) == Decimal("500")
    assert last(exchange, NIFTY) != Decimal("25000")


def test_a_price_beyond_the_band_moves_the_band_unless_that_was_set_by_hand() -> None:
    exchange = opened()
    price(exchange, "700")
    assert last(exchange) == Decimal("700")

    exchange.set_band(*SBIN, lower=Decimal("690"), upper=Decimal("710"))

    with pytest.raises(ValueError, match="outside the band 690 to 710"):
        price(exchange, "711")


def test_a_price_off_the_tick_or_of_an_unlisted_symbol_is_an_error() -> None:
    exchange = opened()

    with pytest.raises(ValueError, match=r"500\.03 of NSE:SBIN"):
        price(exchange, "500.03")
    with pytest.raises(ValueError, match="does not list NSE:NOSUCH"):
        price(exchange, "500", key=("NSE", "NOSUCH"))


def test_a_symbol_without_a_price_has_no_quote() -> None:
    assert opened().quote("NSE", "TCS") is None


def test_a_tick_moves_only_what_somebody_waits_for_or_looked_at() -> None:
    clock = VirtualClock()
    exchange = opened(WALKING, clock)
    exchange.place(ACCOUNT, order(BUY, LIMIT, price="450"))
    last(exchange, ("NSE", "INFY"))
    moved: list[Key] = []
    exchange.listen_prices(lambda symbols: moved.extend(sorted(symbols)))

    clock.advance(timedelta(seconds=2))
    exchange.tick()

    assert moved == [("NSE", "INFY"), SBIN]
    clock.advance(timedelta(seconds=61))
    exchange.tick()
    assert moved[2:] == [SBIN]


def test_an_account_hears_of_its_own_changes_once_each_and_of_no_others() -> None:
    exchange = opened()
    heard: list[str] = []
    stop = exchange.listen(ACCOUNT, lambda: heard.append("ours"))
    exchange.listen("other", lambda: heard.append("other"))

    exchange.place(ACCOUNT, order(BUY, LIMIT, price="495"))
    price(exchange, "499")
    price(exchange, "494")
    exchange.place_gtt(ACCOUNT, oco(last="494", stop="480"))

    assert heard == ["ours"] * 3
    stop()
    exchange.place(ACCOUNT, order(BUY, MARKET))
    assert heard == ["ours"] * 3


def test_a_listener_may_ask_the_exchange_back() -> None:
    exchange = opened()
    seen: list[RowStatus] = []
    exchange.listen(ACCOUNT, lambda: seen.extend(r.status for r in exchange.order_book(ACCOUNT)))

    exchange.place(ACCOUNT, order(BUY, MARKET))

    assert seen == [RowStatus.FILLED]


def test_threads_that_trade_at_once_lose_no_share() -> None:
    exchange = opened()

    def buy() -> None:
        for _ in range(50):
            exchange.place(ACCOUNT, order(BUY, MARKET, quantity=1))

    threads = [threading.Thread(target=buy) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (position,) = exchange.positions(ACCOUNT)
    assert position.quantity == len({r.broker_order_id for r in exchange.order_book(ACCOUNT)}) == 250


def test_every_bundled_instrument_opens_on_its_tick_and_is_listed_once() -> None:
    listings = load_instruments()

    assert len({listing.key for listing in listings}) == len(listings) > 100
    assert all(item.reference_price % item.instrument.tick_size == 0 for item in listings)
    assert {item.instrument.exchange for item in listings} == {"NSE", "BSE", "NFO", "BFO", "MCX"}


def test_cash_equities_have_the_tick_of_their_price_slab() -> None:
    slabs = [(250, "0.01"), (1000, "0.05"), (5000, "0.10"), (10000, "0.50"), (20000, "1.00")]
    for listing in load_instruments():
        if listing.instrument.kind == "EQ":
            price_ = listing.reference_price
            tick = next((tick for top, tick in slabs if price_ < top), "5.00")
            assert listing.instrument.tick_size == Decimal(tick), listing.key
