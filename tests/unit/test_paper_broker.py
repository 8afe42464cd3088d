"""The paper broker beyond the contract: its market, its opening prices, its pushes."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from broker import paper
from broker.base import AccountCredentials, BrokerAccount, BrokerModule, BrokerSettings
from broker.paper.market import PaperMarkets
from services.bracket.model import Product, Topology
from simulator import VirtualClock
from tests.unit.simulated import BUY, LIMIT, MARKET, SELL, oco, order

PRICES = "NSE:SBIN=500, NSE:INFY=1500"


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[BrokerSettings]:
    chosen = BrokerSettings(api_roots={}, paper_state=str(tmp_path / "new" / "paper.db"), paper_prices=PRICES)
    yield chosen
    paper.close_market(chosen)


def account(settings: BrokerSettings, name: str = "P1") -> BrokerAccount:
    return paper.connect(AccountCredentials(account_id=name, auth_token=""), settings)


def test_the_package_is_a_broker_module() -> None:
    module: BrokerModule = paper

    assert module.capabilities().topologies["MIS"] is Topology.MORPH


def test_accounts_of_one_state_file_share_one_market_and_keep_separate_books(
    settings: BrokerSettings,
) -> None:
    account(settings, "P1").place_order(order(BUY, MARKET))

    assert paper.market_of(settings) is paper.market_of(settings)
    assert account(settings, "P2").positions() == ()
    assert [row.quantity for row in account(settings, "P1").positions()] == [100]


def test_only_the_symbols_named_in_paper_prices_have_one(settings: BrokerSettings) -> None:
    market = paper.market_of(settings).exchange
    market.hold("NSE", "SBIN")

    quotes = account(settings).quotes(frozenset({("NSE", "SBIN"), ("NSE", "TCS")}))

    assert [(key, quote.last) for key, quote in quotes.items()] == [(("NSE", "SBIN"), Decimal("500"))]


def test_without_paper_prices_every_bundled_symbol_opens(tmp_path: Path) -> None:
    settings = BrokerSettings(api_roots={}, paper_state=str(tmp_path / "p.db"), paper_prices="")
    symbols = frozenset({("NSE", "TCS"), ("NFO", "NIFTY29DEC26FUT"), ("MCX", "GOLD05FEB27FUT")})

    quotes = account(settings).quotes(symbols)

    assert set(quotes) == symbols
    paper.close_market(settings)


@pytest.mark.parametrize(
    "part",
    ["SBIN=500", "NSE:SBIN", "NSE:SBIN=", "NSE:SBIN=-1", "NSE:SBIN=500.01", "NSE:NO=5", "NSE:SBIN=NaN"],
)
def test_a_price_that_cannot_be_read_is_named(part: str, tmp_path: Path) -> None:
    settings = BrokerSettings(
        api_roots={}, paper_state=str(tmp_path / "p.db"), paper_prices=f"NSE:INFY=1500,{part}"
    )

    with pytest.raises(ValueError, match=f"PAPER_PRICES: '{part}'"):
        account(settings)


def test_a_new_file_never_gives_an_id_again_that_a_deleted_one_gave() -> None:
    clock = VirtualClock()
    settings = BrokerSettings(api_roots={}, paper_state="", paper_prices=PRICES)

    def some_ids() -> set[str]:
        exchange = PaperMarkets(clock).at(settings).exchange
        return {exchange.place_gtt("P1", oco()) for _ in range(20)}

    first = some_ids()
    clock.advance(timedelta(days=1))

    assert not first & some_ids()


def test_delivery_positions_are_holdings_and_todays_trades_together(
    settings: BrokerSettings,
) -> None:
    ours = account(settings)
    ours.place_order(order(BUY, MARKET, product=Product.CNC))
    paper.market_of(settings).exchange.end_of_day()
    ours.place_order(order(SELL, MARKET, quantity=30, product=Product.CNC))
    ours.place_order(order(BUY, MARKET, quantity=5))

    held = {row.product: row.quantity for row in ours.positions()}

    assert held == {"CNC": 70, "MIS": 5}


def test_a_price_wakes_an_account_only_when_it_waits_for_or_holds_the_symbol(
    settings: BrokerSettings,
) -> None:
    exchange = paper.market_of(settings).exchange
    waiting, idle = account(settings, "P1"), account(settings, "P2")
    waiting.place_order(order(BUY, LIMIT, price="450"))
    woken: list[str] = []
    waiting.listen(lambda: woken.append("waiting"))
    idle.listen(lambda: woken.append("idle"))

    exchange.set_price("NSE", "SBIN", last=Decimal("501"))

    assert woken == ["waiting"]
    waiting.close()
    exchange.set_price("NSE", "SBIN", last=Decimal("502"))
    assert woken == ["waiting"]


def test_the_heartbeat_moves_the_market_until_it_is_stopped(settings: BrokerSettings) -> None:
    market = paper.market_of(settings)
    ours = account(settings)
    ours.quotes(frozenset({("NSE", "SBIN")}))
    moved = threading.Event()
    market.exchange.listen_prices(lambda _symbols: moved.set())
    stop = threading.Event()
    heart = threading.Thread(target=market.run, args=(stop,), name="paper-market")

    heart.start()

    assert moved.wait(timeout=10)
    stop.set()
    heart.join(timeout=5)
    assert not heart.is_alive()
