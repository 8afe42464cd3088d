"""Commands for instruments: list them anew from a broker's file, find one, tell its terms."""

from collections.abc import Callable, Sequence
from functools import partial

import click

from broker.base import AuthDead, BrokerSettings, ListedInstrument, ReadFailed
from cli.office import Office, Refused
from database.session import Database
from database.symbol import ListingTerms, enhanced_search_symbols, past_terms, terms_now
from services.instrument_lists import read_instruments, store_instruments

_SHOWN = 20
_MEGABYTE = 1_000_000


def instrument_commands(office: Office, brokers: Sequence[str]) -> click.Group:
    group = click.Group("instruments", help="Symbols and their terms, as brokers list them.")
    choice = click.Choice(brokers)

    @group.command("sync")
    @click.option("--broker", required=True, type=choice)
    def sync(broker: str) -> None:
        """List a broker's instruments anew from its own file; a running service sees them in a minute."""
        with office.open() as db:
            click.echo(f"reading the instruments file of {broker} ...")
            found = _downloaded(office, db, broker)
            with click.progressbar(length=len(found), label=f"{len(found)} instruments") as bar:
                progress = partial(_steps, bar.update)
                store_instruments(db, office.clock, found, broker=broker, progress=progress)
        click.echo("done")

    @group.command("search")
    @click.argument("words", nargs=-1, required=True)
    @click.option("--exchange")
    @click.option("--broker", type=choice)
    def search(words: tuple[str, ...], exchange: str | None, broker: str | None) -> None:
        """Find instruments: `instruments search nifty 25000 ce`."""
        with office.open() as db:
            found = enhanced_search_symbols(db, " ".join(words), exchange, broker=broker, limit=_SHOWN)
        for one in found:
            click.echo(f"{one.exchange}:{one.symbol}\t{one.name}\tlot {one.lot_size}\ttick {one.tick_size}")

    @group.command("show")
    @click.option("--broker", required=True, type=choice)
    @click.argument("exchange")
    @click.argument("symbol")
    def show(broker: str, exchange: str, symbol: str) -> None:
        """Tell a symbol's tick, lot and freeze quantity, and what they were before."""
        with office.open() as db:
            now = terms_now(db, exchange, symbol=symbol, broker=broker)
            if now is None:
                raise Refused(f"{broker} does not list {exchange}:{symbol}")
            for terms in (now, *past_terms(db, exchange, symbol=symbol, broker=broker)):
                click.echo(_told(terms))

    return group


def _downloaded(office: Office, db: Database, broker: str) -> tuple[ListedInstrument, ...]:
    settings, box = BrokerSettings.of(office.config), office.secrets.box
    try:
        return read_instruments(db, box, settings, broker, progress=_megabytes())
    except (ReadFailed, AuthDead) as exc:
        raise Refused(f"the old list still counts: {exc}") from exc


def _megabytes() -> Callable[[int], None]:
    """Return what tells each whole megabyte that has come."""
    told = 0

    def progress(count: int) -> None:
        nonlocal told
        if count // _MEGABYTE > told:
            told = count // _MEGABYTE
            click.echo(f"{told} MB")

    return progress


def _steps(advance: Callable[[int], object]) -> Callable[[int], None]:
    """Return what turns "so many rows by now" into "so many more" for one list."""
    told = 0

    def progress(written: int) -> None:
        nonlocal told
        advance(written - told)
        told = written

    return progress


def _told(terms: ListingTerms) -> str:
    until = "now" if terms.valid_until is None else f"{terms.valid_until:%Y-%m-%d %H:%M}"
    freeze = "not told" if terms.freeze_quantity is None else terms.freeze_quantity
    return (
        f"{terms.valid_from:%Y-%m-%d %H:%M} to {until}\ttick {terms.tick_size}"
        f"\tlot {terms.lot_size}\tfreeze quantity {freeze}"
    )
