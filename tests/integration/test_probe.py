"""`broker probe` at simulated brokers: what holds, what fails, what it costs, what is claimed afterwards."""

import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from broker.base import AccountCredentials, BrokerSettings, OrderRejected, OutcomeUnknown, RateLimited
from broker.zerodha import capabilities as kite_can
from cli import register_commands
from database.account_db import account_named
from database.session import Database
from database.settings import SettingScope, set_kill_switch
from database.symbol import Listing, replace_instruments
from services.bracket.model import (
    GttRequest,
    GttStatus,
    Instrument,
    KillMode,
    OrderAck,
    OrderRequest,
    OrderRow,
    OrderType,
    Product,
    Quote,
    RefusalKind,
    RowStatus,
    Side,
    Terms,
    Topology,
)
from services.bracket.terms import survives_day, topology_of
from services.bracket_supervisor import connect_broker
from services.probe import Bench, Cost, ProbeFailed, cost_of, held_products, probe
from services.probe.report import (
    Check,
    Finding,
    ProbeReport,
    ReportUnreadable,
    Verdict,
    keep_report,
    narrowed,
    read_reports,
)
from tests.contract.adapters import ADAPTERS, Rig
from tests.openalgo_served import KEY, HastyClock, ServedOpenalgo
from utils.clock import SystemClock
from utils.config import Config

SBIN = Instrument(exchange="NSE", symbol="SBIN", tick_size=Decimal("0.05"), lot_size=1)
ALIVE = (RowStatus.OPEN, RowStatus.TRIGGER_PENDING, RowStatus.PENDING)
ORDER_CHECKS = (Check.SL_TO_LIMIT, Check.LIMIT_TO_SL, Check.TOTAL_QUANTITY)


class Odd:
    """An account whose broker does one thing otherwise."""

    def __init__(self, account: Any, **others: Callable[..., Any]) -> None:
        self._account = account
        self._others = others

    def __getattr__(self, name: str) -> Any:
        return self._others.get(name) or getattr(self._account, name)


@pytest.fixture
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    with ADAPTERS[getattr(request, "param", "paper")](tmp_path) as ready:
        yield ready


def bench_of(account: Any) -> Bench:
    """Return a bench on which a second passes from look to look."""
    return Bench(account, SBIN, clock=HastyClock(), wait=lambda _: None, say=lambda _: None)


def odd(rig: Rig, **others: Callable[..., Any]) -> Bench:
    return bench_of(Odd(rig.account, **others))


def stop_order(instrument: Instrument) -> OrderRequest:
    """Return somebody else's order that says what the probe's first one does."""
    terms = Terms(
        order_type=OrderType.SL, quantity=1, price=Decimal("517.60"), trigger_price=Decimal("515.00")
    )
    return OrderRequest(
        tag="elsewhere0",
        exchange=instrument.exchange,
        symbol=instrument.symbol,
        product=Product.MIS,
        side=Side.BUY,
        terms=terms,
    )


def outcome(findings: list[Finding]) -> dict[Check, Verdict]:
    return {one.check: one.verdict for one in findings}


def live_orders(rig: Rig) -> int:
    return sum(row.status in ALIVE for row in rig.act_elsewhere().order_book())


def position(rig: Rig) -> int:
    return sum(
        row.quantity for row in rig.account.positions() if row.symbol == "SBIN" and row.product == "MIS"
    )


@pytest.mark.parametrize("rig", sorted(ADAPTERS), indirect=True)
def test_at_a_broker_that_does_what_its_adapter_declares_everything_holds_and_nothing_is_left(
    rig: Rig,
) -> None:
    pause = threading.Event()
    share = replace(SBIN, exchange=rig.share[0], symbol=rig.share[1])
    bench = Bench(rig.account, share, clock=SystemClock(), wait=lambda _: pause.wait(0.2), say=lambda _: None)
    has_tags = rig.account.capabilities.tag_length > 0
    held = topology_of(rig.account.capabilities, Product.CNC, exchange=rig.share[0])

    found = probe(bench, Product.CNC)

    changes_types = rig.account.capabilities.sl_to_limit
    orders = dict.fromkeys(ORDER_CHECKS if changes_types else ORDER_CHECKS[2:], Verdict.HOLDS)
    orders |= {Check.TAG: Verdict.HOLDS} if has_tags else {}
    assert outcome(found) == orders | ({Check.GTT: Verdict.HOLDS} if held is Topology.OCO else {})
    assert (bench.leftovers, live_orders(rig), position(rig)) == ([], 0, 0)
    assert not any(row.status is GttStatus.ACTIVE for row in rig.account.gtt_book())


def test_a_refused_change_fails_and_ends_the_steps_that_would_begin_from_it(rig: Rig) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OrderRejected("order type cannot be modified")

    found = probe(odd(rig, modify_order=refuse), Product.MIS)

    assert outcome(found) == {Check.TAG: Verdict.HOLDS, Check.SL_TO_LIMIT: Verdict.FAILS}
    assert live_orders(rig) == 0


def test_a_refusal_for_want_of_margin_says_nothing_of_the_broker(rig: Rig) -> None:
    def modify(order_id: str, terms: Terms, **words: Any) -> None:
        if terms.quantity > 1:
            raise OrderRejected("margin shortfall", RefusalKind.MARGIN)
        rig.account.modify_order(order_id, terms, **words)

    found = probe(odd(rig, modify_order=modify), Product.MIS)

    assert outcome(found)[Check.TOTAL_QUANTITY] is Verdict.UNKNOWN
    assert live_orders(rig) == 0


def test_what_the_rate_limit_held_back_is_sent_when_there_is_room(rig: Rig) -> None:
    held_back = iter([True, True])

    def modify(order_id: str, terms: Terms, **words: Any) -> None:
        if next(held_back, False):
            raise RateLimited("no room")
        rig.account.modify_order(order_id, terms, **words)

    found = probe(odd(rig, modify_order=modify), Product.MIS)

    assert outcome(found)[Check.TOTAL_QUANTITY] is Verdict.HOLDS


def test_a_quantity_that_is_added_is_found_out(rig: Rig) -> None:
    def modify(order_id: str, terms: Terms, **words: Any) -> None:
        added = replace(terms, quantity=terms.quantity + 1) if terms.quantity > 1 else terms
        rig.account.modify_order(order_id, added, **words)

    found = probe(odd(rig, modify_order=modify), Product.MIS)

    assert outcome(found)[Check.TOTAL_QUANTITY] is Verdict.FAILS


def test_a_change_that_changes_nothing_is_no_change(rig: Rig) -> None:
    found = probe(odd(rig, modify_order=lambda *_, **__: None), Product.MIS)

    assert outcome(found)[Check.SL_TO_LIMIT] is Verdict.FAILS


def test_a_book_without_the_tag_fails_and_the_rest_goes_on(rig: Rig) -> None:
    def book() -> tuple[OrderRow, ...]:
        return tuple(replace(row, tag=None) for row in rig.account.order_book())

    found = probe(odd(rig, order_book=book), Product.MIS)

    assert outcome(found)[Check.TAG] is Verdict.FAILS
    assert outcome(found)[Check.TOTAL_QUANTITY] is Verdict.HOLDS


def test_what_a_broker_buys_at_once_is_sold_again(rig: Rig) -> None:
    def place(order: OrderRequest) -> OrderAck:
        market = Terms(order_type=OrderType.MARKET, quantity=order.terms.quantity)
        return rig.account.place_order(replace(order, terms=market))

    bench = odd(rig, place_order=place)

    with pytest.raises(ProbeFailed, match="does not rest"):
        probe(bench, Product.MIS)

    sides = [row.side for row in rig.account.order_book() if row.filled]
    assert (sorted(sides), position(rig), bench.leftovers) == (["BUY", "SELL"], 0, [])


@pytest.mark.parametrize("shows_tags", [True, False])
def test_an_order_that_nobody_answered_for_is_looked_for_and_not_sent_again(
    rig: Rig, shows_tags: bool
) -> None:
    def place(order: OrderRequest) -> OrderAck:
        rig.account.place_order(order)
        raise OutcomeUnknown("no answer")

    def book() -> tuple[OrderRow, ...]:
        rows = rig.account.order_book()
        return rows if shows_tags else tuple(replace(row, tag=None) for row in rows)

    older = rig.account.place_order(stop_order(SBIN)).broker_order_id
    found = probe(odd(rig, place_order=place, order_book=book), Product.MIS)

    assert outcome(found)[Check.TOTAL_QUANTITY] is Verdict.HOLDS
    rows = {row.broker_order_id: row for row in rig.account.order_book()}
    assert len(rows) == 2
    assert rows[older].status is RowStatus.TRIGGER_PENDING


def test_a_lost_order_that_no_book_shows_is_left_to_a_person(rig: Rig) -> None:
    def place(_order: OrderRequest) -> OrderAck:
        raise OutcomeUnknown("no answer")

    bench = odd(rig, place_order=place)

    with pytest.raises(ProbeFailed, match="nobody answered"):
        probe(bench, Product.MIS)

    assert "may still arrive" in bench.leftovers[0]


def test_an_order_that_cannot_be_cancelled_is_left_to_a_person(rig: Rig) -> None:
    def cancel(_order_id: str) -> None:
        raise OutcomeUnknown("no answer")

    bench = odd(rig, cancel_order=cancel)

    probe(bench, Product.MIS)

    assert "may still rest" in bench.leftovers[0]


def test_a_refused_gtt_fails_and_one_that_is_not_shown_too(rig: Rig) -> None:
    def refuse(_gtt: GttRequest) -> OrderAck:
        raise OrderRejected("GTT is not offered for this product")

    refused = probe(odd(rig, place_gtt=refuse), Product.CNC)
    hidden = probe(odd(rig, gtt_book=lambda: ()), Product.CNC)

    assert outcome(refused)[Check.GTT] is Verdict.FAILS
    assert outcome(hidden)[Check.GTT] is Verdict.FAILS


def test_a_product_that_is_not_held_is_not_probed(rig: Rig) -> None:
    bench = bench_of(rig.account)

    with pytest.raises(ProbeFailed, match="not held"):
        probe(bench, Product.MTF)

    assert held_products(bench) == [Product.CNC, Product.MIS]
    assert rig.account.order_book() == ()


def test_the_cost_is_that_of_two_lots_at_the_dearest_price_and_the_band_must_have_room() -> None:
    quote = Quote(last=Decimal(500), at=SystemClock().now())

    assert cost_of(SBIN, quote) == Cost(quantity=2, rupees=Decimal(1036))
    with pytest.raises(ProbeFailed, match="price band"):
        cost_of(SBIN, replace(quote, upper_band=Decimal(515)))


# What is claimed after a probe.


def failed(check: Check, product: Product, *, verdict: Verdict = Verdict.FAILS) -> Finding:
    return Finding(
        check=check, product=product, exchange="NSE", verdict=verdict, words="", at=SystemClock().now()
    )


def reported(*findings: Finding) -> ProbeReport:
    return ProbeReport(account="main", broker="zerodha", findings=findings)


def test_a_product_whose_stop_cannot_become_its_target_is_not_held_there_any_more() -> None:
    can = narrowed(kite_can(), reported(failed(Check.SL_TO_LIMIT, Product.MIS)))

    assert topology_of(can, Product.MIS, exchange="NSE") is None
    assert topology_of(can, Product.MIS, exchange="BSE") is Topology.MORPH
    assert topology_of(can, Product.CNC, exchange="NSE") is Topology.OCO


def test_a_product_without_its_gtt_is_held_by_the_day() -> None:
    can = narrowed(kite_can(), reported(failed(Check.GTT, Product.CNC)))

    assert topology_of(can, Product.CNC, exchange="NSE") is Topology.MORPH
    assert not survives_day(can, Product.CNC, exchange="NSE", topology=Topology.MORPH)
    assert survives_day(can, Product.CNC, exchange="BSE", topology=Topology.OCO)


def test_a_product_with_neither_is_not_held_in_whatever_order_it_was_found() -> None:
    both = (failed(Check.SL_TO_LIMIT, Product.CNC), failed(Check.GTT, Product.CNC))

    for findings in (both, both[::-1]):
        assert topology_of(narrowed(kite_can(), reported(*findings)), Product.CNC, exchange="NSE") is None


def test_a_native_bracket_needs_what_would_take_its_place() -> None:
    native = replace(kite_can(), topologies={"MIS": Topology.NATIVE}, fallbacks={"MIS": Topology.MORPH})

    can = narrowed(native, reported(failed(Check.LIMIT_TO_SL, Product.MIS)))

    assert topology_of(can, Product.MIS, exchange="NSE") is None
    assert topology_of(can, Product.MIS, exchange="NFO") is Topology.NATIVE


def test_tags_and_quantities_that_fail_are_not_claimed_and_what_was_not_found_out_changes_nothing() -> None:
    tags = narrowed(kite_can(), reported(failed(Check.TAG, Product.MIS)))
    quantities = narrowed(kite_can(), reported(failed(Check.TOTAL_QUANTITY, Product.MIS)))
    unknown = (failed(check, Product.CNC, verdict=Verdict.UNKNOWN) for check in Check)

    assert tags == replace(kite_can(), tag_length=0)
    assert (quantities.modify_takes_total_quantity, quantities.modify_after_part_fill) == (False, False)
    assert narrowed(kite_can(), reported(*unknown)) == kite_can()
    assert narrowed(kite_can(), None) == kite_can()


def test_the_newest_of_each_check_is_kept_and_a_damaged_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    old, other = failed(Check.GTT, Product.CNC), failed(Check.TAG, Product.MIS)
    new = replace(old, verdict=Verdict.HOLDS)

    keep_report(file, "a1", reported(old, other))
    keep_report(file, "a1", reported(new))

    assert set(read_reports(file)["a1"].findings) == {new, other}
    assert read_reports(tmp_path / "none.json") == {}
    file.write_text('{"a1": {"account"')
    with pytest.raises(ReportUnreadable, match="CAPABILITIES_FILE"):
        read_reports(file)


def test_another_brokers_findings_are_not_carried_over(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    keep_report(file, "a1", reported(failed(Check.TAG, Product.MIS)))

    keep_report(file, "a1", ProbeReport(account="main", broker="fyers"))

    assert read_reports(file)["a1"].findings == ()


# As an operator types it.


@pytest.fixture
def served() -> Iterator[ServedOpenalgo]:
    with ServedOpenalgo(has_limits=False) as ready:
        yield ready


@pytest.fixture
def config(served: ServedOpenalgo, tmp_path: Path) -> Config:
    return Config(
        api_key_pepper=b"p" * 32,
        encryption_keys=(urlsafe_b64encode(b"k" * 32).decode(),),
        secret_key="s" * 32,
        database_url=f"sqlite:///{tmp_path / 'openbracket.db'}",
        broker_api_roots={"openalgo": served.server.url},
        capabilities_file=str(tmp_path / "found.json"),
    )


class Commands:
    """The command line of a database with one account at the simulated server, which lists SBIN."""

    def __init__(self, config: Config) -> None:
        app = Flask("test")
        register_commands(app, config=config, clock=SystemClock(), brokers={"paper", "openalgo"})
        self._runner = app.test_cli_runner()
        self.run("db", "upgrade")
        self.run("account", "add", "--name", "oa", "--broker", "openalgo", "--auth-token", KEY)
        self.run("account", "add", "--name", "paper", "--broker", "paper")
        self.db = Database(config.database_url)
        at = SystemClock().now()
        replace_instruments(self.db, [Listing(instrument=SBIN)], broker="openalgo", exchange="NSE", at=at)

    def run(self, *words: str) -> tuple[int, str]:
        answer = self._runner.invoke(args=words)
        return answer.exit_code, answer.output

    def probe(self, *words: str, name: str = "oa", symbol: str = "SBIN") -> tuple[int, str]:
        return self.run("broker", "probe", name, "--exchange", "NSE", "--symbol", symbol, *words)


@pytest.fixture
def commands(config: Config) -> Iterator[Commands]:
    made = Commands(config)
    yield made
    made.db.close()


def orders_at(served: ServedOpenalgo) -> int:
    return len(served.told("orderbook")["data"]["orders"])


@pytest.mark.parametrize("words", [(), ("--accept-cost", "1035")])
def test_without_the_cost_accepted_nothing_is_sent_and_the_cost_is_named(
    commands: Commands, served: ServedOpenalgo, words: tuple[str, ...]
) -> None:
    code, said = commands.probe(*words)

    assert code == 2
    assert "--accept-cost 1036" in said
    assert orders_at(served) == 0


def test_what_holds_is_told_and_kept_and_nothing_is_left(
    commands: Commands, served: ServedOpenalgo, config: Config
) -> None:
    code, said = commands.probe("--product", "MIS", "--accept-cost", "1036")

    (report,) = read_reports(Path(config.capabilities_file)).values()
    (row,) = served.told("orderbook")["data"]["orders"]
    assert code == 0
    assert said.count(": holds (") == 3
    assert outcome(list(report.findings)) == dict.fromkeys(ORDER_CHECKS, Verdict.HOLDS)
    assert row["order_status"] == "cancelled"


def test_what_is_found_is_kept_and_honoured_by_the_next_service(
    commands: Commands, served: ServedOpenalgo, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.probe.bench.PATIENCE_SECONDS", 0.2)
    served.let("internal error before acceptance", method="POST", path="modifyorder$")
    _, said = commands.probe("--product", "MIS", "--accept-cost", "1040")
    assert "an SL order becomes a LIMIT: fails (the book shows SL 1 at" in said
    owner = account_named(commands.db, "oa")
    assert owner is not None
    credentials = AccountCredentials(account_id=owner.id, auth_token=KEY)

    account = connect_broker(
        "openalgo",
        credentials,
        BrokerSettings.of(config),
        reports=read_reports(Path(config.capabilities_file)),
    )

    assert topology_of(account.capabilities, Product.MIS, exchange="NSE") is None


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"name": "paper"}, "the paper market is our own"),
        ({"symbol": "INFY"}, "does not list NSE:INFY"),
        ({"name": "nobody"}, "no account named"),
    ],
)
def test_what_cannot_be_probed_is_refused(commands: Commands, words: dict[str, str], why: str) -> None:
    code, said = commands.probe("--accept-cost", "9999", **words)

    assert code == 2
    assert why in said


def test_nothing_is_placed_while_the_kill_switch_is_on(commands: Commands, served: ServedOpenalgo) -> None:
    owner = account_named(commands.db, "oa")
    assert owner is not None
    set_kill_switch(
        commands.db,
        SettingScope.ACCOUNT,
        subject_id=owner.id,
        mode=KillMode.BLOCK_ENTRIES,
        at=SystemClock().now(),
    )

    code, said = commands.probe("--accept-cost", "9999")

    assert (code, orders_at(served)) == (2, 0)
    assert "kill switch" in said
