"""Commands that show brackets as they are stored: list, show with the timeline, explain."""

import click

from cli.office import Office, Refused, account_called
from cli.replay import replay_command
from database.account_db import list_accounts
from database.bracket_db import Listed, StoredEvent, events_of, list_brackets, load, verify_chain
from database.session import Database
from services.bracket.explanation import explain
from services.bracket.model import Bracket, Moment
from services.bracket.observation import Seen, TradingSession
from services.bracket.quantities import net
from services.event_codec import decode_event
from services.timeline import terms_in_words, words_of

_MOST = 100


def bracket_commands(office: Office) -> click.Group:
    """Return the group `bracket`."""
    group = click.Group("bracket", help="Brackets: list, show, explain, replay.")
    group.add_command(_list_command(office))
    group.add_command(_show_command(office))
    group.add_command(_explain_command(office))
    group.add_command(replay_command(office))
    return group


def _list_command(office: Office) -> click.Command:
    @click.command("list")
    @click.option("--account", "name", help="Only this account's; all accounts without it.")
    @click.option("--state", type=click.Choice([one.value for one in Listed]), default="open")
    def show_all(name: str | None, state: str) -> None:
        """List brackets, newest first."""
        with office.open() as db:
            accounts = list_accounts(db) if name is None else (account_called(db, name),)
            for account in accounts:
                page = list_brackets(db, account.id, state=Listed(state), limit=_MOST)
                for bracket in page.brackets:
                    click.echo(f"{_line(bracket)}\t{account.name}")

    return show_all


def _line(bracket: Bracket) -> str:
    plan = bracket.plan
    what = f"{plan.side} {plan.quantity} {plan.instrument.exchange}:{plan.instrument.symbol} {plan.product}"
    return f"{bracket.id}\t{bracket.state}\t{what}\tholds {net(bracket)}"


def _show_command(office: Office) -> click.Command:
    @click.command("show")
    @click.argument("bracket_id")
    def show(bracket_id: str) -> None:
        """Show one bracket: its orders, and all that happened to it."""
        with office.open() as db:
            bracket, events = _bracket(db, bracket_id), events_of(db, bracket_id)
            broken = verify_chain(db, bracket_id)
        click.echo(_line(bracket))
        for leg in bracket.legs:
            click.echo(
                f"  {leg.tag}  {leg.purpose:<10} {leg.status:<16} {terms_in_words(leg.terms)}"
                f"  filled {leg.filled}  broker id {leg.broker_order_id or '-'}"
            )
        for stored in events[: bracket.version]:  # what came since has legs this bracket does not know
            click.echo(_told(stored, bracket))
        if broken is not None:
            raise Refused(f"event {broken} was altered: the hash chain breaks there")

    return show


def _told(stored: StoredEvent, bracket: Bracket) -> str:
    event = decode_event(stored.kind, stored.payload)
    return f"{stored.at.isoformat(timespec='milliseconds')}  {stored.kind:<20} {words_of(event, bracket)}"


def _explain_command(office: Office) -> click.Command:
    @click.command("explain")
    @click.argument("bracket_id")
    def tell(bracket_id: str) -> None:
        """Say what is wanted and known per slice, from what is stored (prices are not)."""
        with office.open() as db:
            bracket = _bracket(db, bracket_id)
        seen = Seen(session=TradingSession(id=bracket.session))
        told = explain(bracket, seen, Moment.read(office.clock))
        click.echo(f"{bracket.id} is {bracket.state}: {told.next}")
        for part in told.slices:
            seen_words = "none" if part.observed is None else terms_in_words(part.observed)
            wanted_words = "none" if part.wanted is None else terms_in_words(part.wanted)
            click.echo(f"  slice {part.slice}: holds {part.held}; wanted {wanted_words}; seen {seen_words}")
            click.echo(f"    because {part.why}")

    return tell


def _bracket(db: Database, bracket_id: str) -> Bracket:
    found = load(db, bracket_id)
    if found is None:
        raise Refused(f"there is no bracket {bracket_id}")
    return found
