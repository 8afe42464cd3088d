"""`broker probe`: with one lot at a real account, finds out what the matrix of brokers only assumes."""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import click

from broker.base import AccountCredentials, BrokerSettings
from broker.registry import import_broker_module
from cli.office import Office, Refused, account_called
from database.account_db import Account, auth_token_of
from database.order_owner import has_open_bracket
from database.restore_db import hold_of
from database.session import Database
from database.settings import kill_switch
from database.symbol import SymbolTable
from services.bracket.model import KillMode, Mode, Product
from services.instrument_names import ListedNames
from services.probe import Bench, Cost, ProbeFailed, cost_of, held_products, probe
from services.probe.report import Finding, ProbeReport, ReportUnreadable, Verdict, keep_report

_PAPER = "paper"
_PRODUCTS = click.Choice([product.value for product in Product])


def broker_commands(office: Office) -> click.Group:
    group = click.Group("broker", help="What brokers can do.")

    @group.command("probe")
    @click.argument("name")
    @click.option("--exchange", required=True)
    @click.option("--symbol", required=True, help="Something cheap that trades a lot.")
    @click.option("--product", "products", multiple=True, type=_PRODUCTS, help="Default: all that are held.")
    @click.option("--accept-cost", type=int, metavar="RUPEES", help="What it may cost at worst.")
    def probe_command(
        *, name: str, exchange: str, symbol: str, products: tuple[str, ...], accept_cost: int | None
    ) -> None:
        """Check with orders of one lot, at the account NAME, what its broker can do.

        They stand 3 % from the market, are changed and cancelled. Without --accept-cost nothing is sent: it
        tells what the probe costs at worst.
        """
        with office.open() as db:
            owner = account_called(db, name)
            _refuse_if_unsafe(db, owner, exchange=exchange, symbol=symbol)
            with _bench(office, db, owner, exchange=exchange, symbol=symbol) as bench:
                wanted = [Product(word) for word in products] or held_products(bench)
                _refuse_unless_accepted(_cost(bench), accept_cost, wanted)
                _run(office, owner, bench, wanted)

    return group


def _refuse_if_unsafe(db: Database, owner: Account, *, exchange: str, symbol: str) -> None:
    if owner.broker == _PAPER:
        raise Refused("the paper market is our own: there is nothing to find out about it")
    if has_open_bracket(db, owner.id, exchange=exchange, symbol=symbol, mode=Mode.LIVE):
        raise Refused(f"{owner.name} has an open bracket in {symbol}: probe with another symbol")
    if kill_switch(db, owner.id, owner_id=owner.owner_id) is not KillMode.OFF:
        raise Refused("the kill switch is on: nothing is placed")
    if hold_of(db) is not None:
        raise Refused("the database was restored and not confirmed yet: nothing is placed")


@contextmanager
def _bench(office: Office, db: Database, owner: Account, *, exchange: str, symbol: str) -> Generator[Bench]:
    symbols = SymbolTable(db, office.clock)
    instrument = symbols.instrument(exchange, symbol, broker=owner.broker)
    if instrument is None:
        raise Refused(f"{owner.broker} does not list {exchange}:{symbol}; run instruments sync first")
    settings = replace(BrokerSettings.of(office.config), names=ListedNames(symbols))
    token = auth_token_of(db, office.secrets.box, owner.id) or ""
    credentials = AccountCredentials(account_id=owner.id, auth_token=token)
    try:
        account = import_broker_module(owner.broker).connect(credentials, settings)
    except ValueError as exc:
        raise Refused(f"account {owner.name} has no usable broker login") from exc
    try:
        wait = threading.Event().wait
        yield Bench(account, instrument, clock=office.clock, wait=wait, say=click.echo)
    finally:
        account.close()


def _cost(bench: Bench) -> Cost:
    try:
        return cost_of(bench.instrument, bench.quote())
    except ProbeFailed as exc:
        raise Refused(f"nothing was sent: {exc}") from exc


def _refuse_unless_accepted(cost: Cost, accepted: int | None, products: Sequence[Product]) -> None:
    """Each product is probed by itself, and what it bought is sold before the next."""
    names = ", ".join(products) or "none"
    click.echo(
        f"One order of one lot for each product ({names}), 3 % from the market, changed and cancelled."
        f" Should the broker fill it all the same, {cost.quantity} are bought for about {cost.rupees} rupees"
        " and sold again at the market."
    )
    if accepted is None or Decimal(accepted) < cost.rupees:
        raise Refused(f"nothing was sent; to go on, say: --accept-cost {cost.rupees}")


def _run(office: Office, owner: Account, bench: Bench, products: Sequence[Product]) -> None:
    findings: list[Finding] = []
    failed = False
    for product in products:
        try:
            findings += probe(bench, product)
        except ProbeFailed as exc:
            click.echo(f"{product}: {exc}")
            failed = True
        if bench.leftovers:
            break  # nothing more is placed before that is looked after
    _keep(office, owner, tuple(findings))
    if bench.leftovers:
        raise Refused("look after this at the broker, now: " + "; ".join(bench.leftovers))
    if failed or any(one.verdict is Verdict.UNKNOWN for one in findings):
        raise Refused("not everything was found out, see above; what was found counts")


def _keep(office: Office, owner: Account, findings: tuple[Finding, ...]) -> None:
    path = Path(office.config.capabilities_file)
    report = ProbeReport(account=owner.name, broker=owner.broker, findings=findings)
    try:
        keep_report(path, owner.id, report)
    except (OSError, ReportUnreadable) as exc:
        click.echo(f"what was found could not be kept: {exc}")
        return
    count = sum(one.verdict is Verdict.FAILS for one in findings)
    click.echo(f"kept in {path}: {len(findings)} checks, {count} failed; a service takes it up at its start")
