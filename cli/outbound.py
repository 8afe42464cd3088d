"""Commands for those who are told of events: outbound webhooks and the Telegram chat of an account."""

import click

from cli.office import Office, Refused, account_called
from database import outbox_db, telegram_links
from database.account_db import list_accounts
from database.outbox_db import Channel, Destination
from database.session import Database
from services.destinations import Switchboard, add_hook, replay_message, replay_since, telegram_code
from services.errors import BracketDenied
from services.outbound_http import OutboundHttp


def hook_commands(office: Office) -> click.Group:
    """Return the group `hook`."""
    group = click.Group("hook", help="Outbound webhooks: who is sent an account's events.")
    for command in (_add, _list, _remove, _enable, _replay):
        group.add_command(command(office))
    return group


def telegram_commands(office: Office) -> click.Group:
    """Return the group `telegram`."""
    group = click.Group("telegram", help="The Telegram chat of an account.")
    for command in (_link, _unlink):
        group.add_command(command(office))
    return group


def _add(office: Office) -> click.Command:
    @click.command("add")
    @click.option("--account", "name", required=True, help="The account's name.")
    @click.option("--url", required=True, help="Where the events go, such as https://example.com/hook.")
    def add(name: str, url: str) -> None:
        """Add an address and print its id and, once and for all, the secret its webhooks are signed with."""
        http = OutboundHttp(allow=office.config.outbound_webhooks_allow)
        with office.open() as db:
            try:
                added = add_hook(_parts(office, db), account_called(db, name), url, http=http)
            except BracketDenied as exc:
                raise Refused(str(exc)) from exc
        click.echo(f"{added.hook.id}\n{added.secret}")

    return add


def _parts(office: Office, db: Database) -> Switchboard:
    return Switchboard(db=db, box=office.secrets.box, clock=office.clock)


def _list(office: Office) -> click.Command:
    @click.command("list")
    @click.option("--account", "name", help="Only this account's; all accounts without it.")
    def show_all(name: str | None) -> None:
        """List addresses: id, account, URL, what waits, how sending goes."""
        with office.open() as db:
            names = {one.id: one.name for one in list_accounts(db)}
            wanted = None if name is None else account_called(db, name).id
            waits = outbox_db.count_waiting(db)
            for hook in outbox_db.destinations(db, Channel.WEBHOOK, account_id=wanted):
                shown = (hook.id, names[hook.account_id], hook.address, f"{waits.get(hook.id, 0)} wait")
                click.echo("\t".join((*shown, _state(hook))))

    return show_all


def _state(hook: Destination) -> str:
    if hook.disabled_at is not None:
        return f"DISABLED since {hook.disabled_at:%Y-%m-%d %H:%M} UTC: {hook.disabled_reason}"
    if hook.failing_since is not None:
        return f"failing since {hook.failing_since:%Y-%m-%d %H:%M} UTC"
    return "well"


def _remove(office: Office) -> click.Command:
    @click.command("remove")
    @click.argument("hook_id")
    def remove(hook_id: str) -> None:
        """Remove an address, and what waits for it."""
        with office.open() as db:
            outbox_db.remove_destinations(db, [_hook(db, hook_id).id])
        click.echo(f"hook {hook_id} removed")

    return remove


def _enable(office: Office) -> click.Command:
    @click.command("enable")
    @click.argument("hook_id")
    def enable(hook_id: str) -> None:
        """Send to a disabled address again, beginning with what it missed."""
        with office.open() as db:
            if not outbox_db.enable(db, _hook(db, hook_id).id):
                raise Refused(f"hook {hook_id} is not disabled")
        click.echo(f"hook {hook_id} enabled")

    return enable


def _replay(office: Office) -> click.Command:
    @click.command("replay")
    @click.argument("hook_id")
    @click.option("--id", "message", help="The webhook-id of one message.")
    @click.option("--since-seq", type=click.IntRange(min=1), help="Every event from this seq on.")
    def replay(hook_id: str, message: str | None, since_seq: int | None) -> None:
        """Send one message, or all events from a seq on, again under the same ids."""
        if (message is None) == (since_seq is None):
            raise Refused("name either --id or --since-seq")
        with office.open() as db:
            hook = _hook(db, hook_id)
            if since_seq is not None:
                replay_since(_parts(office, db), hook, since_seq)
            elif not replay_message(_parts(office, db), hook, message or ""):
                raise Refused(f"the outbox has no message {message}; --since-seq reads older events anew")
        click.echo("it is sent within a second while the service runs")

    return replay


def _hook(db: Database, hook_id: str) -> Destination:
    found = outbox_db.destination(db, hook_id)
    if found is None or found.channel is not Channel.WEBHOOK:
        raise Refused(f"there is no hook {hook_id}")
    return found


def _link(office: Office) -> click.Command:
    @click.command("link")
    @click.option("--account", "name", required=True, help="The account's name.")
    @click.option("--read-only", is_flag=True, help="The chat may look, but change nothing.")
    def link(name: str, read_only: bool) -> None:
        """Print a code that links one private chat to the account; it works once, for ten minutes."""
        has_bot = office.config.telegram_bot_token is not None
        with office.open() as db:
            parts, owner = _parts(office, db), account_called(db, name)
            try:
                code = telegram_code(parts, owner, may_trade=not read_only, has_bot=has_bot)
            except BracketDenied as exc:
                raise Refused(str(exc)) from exc
        click.echo(f"/start {code}")
        click.echo("Send that line to your bot, in a private chat, within ten minutes.", err=True)

    return link


def _unlink(office: Office) -> click.Command:
    @click.command("unlink")
    @click.option("--account", "name", required=True, help="The account's name.")
    def unlink(name: str) -> None:
        """End the account's link: its chat hears nothing more and its commands are ignored."""
        with office.open() as db:
            if not telegram_links.unlink(db, account_called(db, name).id):
                raise Refused(f"account {name} is not linked")
        click.echo(f"account {name} is not linked any more")

    return unlink
