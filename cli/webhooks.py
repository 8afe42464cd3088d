"""Commands for webhooks: make one, say what it may do and how it reads, pause it, list them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, TypeVar

import click

from cli.office import Office, Refused, account_called
from database import auth_db
from database.auth_db import WebhookEntry
from database.session import Database
from database.webhook_settings import (
    OnExit,
    PriceUnit,
    RiskUnit,
    WebhookLimits,
    WebhookSettings,
)
from services.bracket.opposite import OnOpposite
from services.webhook_words import (
    WordsUnfit,
    addresses_of,
    amount_of,
    count_of,
    defaults_of,
    hours_of,
    pairs_of,
    symbol_map_of,
    symbols_of,
)
from utils.constants import VALID_PRODUCT_TYPES

Command = TypeVar("Command", bound=Callable[..., None])
Read = TypeVar("Read")

_NONE = "none"


def _one(read: Callable[[str], Read]) -> Callable[..., Read | str | None]:
    """Return click's callback for an option that is given once, or none to take it away."""

    def callback(_: click.Context, __: click.Parameter, text: str | None) -> Read | str | None:
        return text if text is None or text == _NONE else _fit(read, text)

    return callback


def _many(read: Callable[[Iterable[str]], Read]) -> Callable[..., Read]:
    """Return click's callback for an option that is repeated."""

    def callback(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> Read:
        return _fit(read, [text for text in texts if text != _NONE])

    return callback


def _fit(read: Callable[[Any], Read], given: Any) -> Read:
    try:
        return read(given)
    except WordsUnfit as exc:
        raise click.BadParameter(str(exc)) from None


def _choice(words: type[StrEnum], *more: str) -> click.Choice[str]:
    return click.Choice([*(one.value for one in words), *more])


_LIMITS = (
    click.option(
        "--max-quantity", callback=_one(count_of), help="Shares in one bracket; none takes a limit away."
    ),
    click.option("--max-value", callback=_one(amount_of), help="Money in one bracket at its entry."),
    click.option(
        "--max-open", "max_open_brackets", callback=_one(count_of), help="Open brackets of the account."
    ),
    click.option(
        "--symbol", "symbols", multiple=True, callback=_many(symbols_of), help="EXCHANGE:SYMBOL; repeat it."
    ),
    click.option(
        "--product",
        "products",
        multiple=True,
        type=click.Choice([*VALID_PRODUCT_TYPES, _NONE]),
        help="Repeat it.",
    ),
    click.option("--hours", callback=_one(hours_of), help="HH:MM-HH:MM exchange time, for entries."),
    click.option(
        "--ip",
        "addresses",
        multiple=True,
        callback=_many(addresses_of),
        help="An address or network alerts may come from, or tradingview for its four; repeat it.",
    ),
)
_SETTINGS = (
    click.option(
        "--default", "defaults", multiple=True, callback=_many(pairs_of), help="FIELD=VALUE of an order."
    ),
    click.option(
        "--map",
        "symbol_map",
        multiple=True,
        callback=_many(pairs_of),
        help="TradingView's name=EXCHANGE:SYMBOL, such as BANKNIFTY=NFO:BANKNIFTY1!",
    ),
    click.option("--on-exit", type=_choice(OnExit), help="What an exit signal does."),
    click.option("--on-opposite", type=_choice(OnOpposite)),
    click.option("--price-unit", type=_choice(PriceUnit, _NONE), help="Of a bare sl= or tp=."),
    click.option("--risk-unit", type=_choice(RiskUnit, _NONE), help="Of PineConnector's risk=."),
    click.option("--allow-delayed/--refuse-delayed", default=None, help="Alerts on delayed prices."),
)


def _options(command: Command) -> Command:
    for option in reversed(_LIMITS + _SETTINGS):
        command = option(command)
    return command


def webhook_commands(office: Office) -> click.Group:
    """Return the group `webhook`."""
    group = click.Group("webhook", help="TradingView webhooks of an account.")
    for command in (_create, _limit, _list):
        group.add_command(command(office))
    for name, words, act in _ACTS:
        group.add_command(_act_command(office, name, words, act))
    return group


def _create(office: Office) -> click.Command:
    @click.command("create")
    @click.option("--account", "account_name", required=True, help="The account's name.")
    @click.option("--name", default="", help="Your own name for it.")
    @click.option("--no-require-timenow", is_flag=True, help="Accept alerts that do not say when they fired.")
    @_options
    def create(account_name: str, name: str, no_require_timenow: bool, **given: Any) -> None:
        """Make a webhook and print its token."""
        limits, settings = _changed(WebhookLimits(), WebhookSettings(), given)
        with office.open() as db:
            token = auth_db.create_webhook(
                db,
                office.secrets,
                account_called(db, account_name).id,
                require_timenow=not no_require_timenow,
                limits=limits,
                settings=settings,
                name=name,
                at=office.clock.now(),
            )
        click.echo(token)

    return create


def _limit(office: Office) -> click.Command:
    @click.command("limit")
    @click.argument("webhook_id")
    @_options
    def limit(webhook_id: str, **given: Any) -> None:
        """Change what a webhook may do and how it reads, and show it; what is not named stays."""
        with office.open() as db:
            found = _found(db, webhook_id)
            limits, settings = _changed(found.limits, found.settings, given)
            auth_db.set_webhook(db, webhook_id, limits=limits, settings=settings)
            found = _found(db, webhook_id)
        click.echo("\n".join(_lines(found)))

    return limit


def _list(office: Office) -> click.Command:
    @click.command("list")
    @click.option("--account", "account_name", required=True, help="The account's name.")
    def show_all(account_name: str) -> None:
        """List an account's webhooks with their limits and settings; never a token."""
        with office.open() as db:
            for found in auth_db.list_webhooks(db, account_called(db, account_name).id):
                click.echo("\n".join(_lines(found)))

    return show_all


def _pause(db: Database, webhook_id: str, _: Office) -> bool:
    return auth_db.pause_webhook(db, webhook_id, paused=True)


def _resume(db: Database, webhook_id: str, _: Office) -> bool:
    return auth_db.pause_webhook(db, webhook_id, paused=False)


def _revoke(db: Database, webhook_id: str, office: Office) -> bool:
    return auth_db.revoke_webhook(db, webhook_id, at=office.clock.now())


_ACTS = (
    ("pause", "paused", _pause),
    ("resume", "resumed", _resume),
    ("revoke", "revoked", _revoke),
)


def _act_command(
    office: Office, name: str, words: str, act: Callable[[Database, str, Office], bool]
) -> click.Command:
    @click.command(name, help=f"The webhook with this id, the eight letters after wh_, is {words}.")
    @click.argument("webhook_id")
    def command(webhook_id: str) -> None:
        with office.open() as db:
            if not act(db, webhook_id, office):
                raise Refused("there is no active webhook with this id")
        click.echo(f"webhook {webhook_id} {words}")

    return command


def _found(db: Database, webhook_id: str) -> WebhookEntry:
    found = auth_db.find_webhook(db, webhook_id)
    if found is None:
        raise Refused("there is no active webhook with this id")
    return found


def _changed(
    limits: WebhookLimits, settings: WebhookSettings, given: Mapping[str, Any]
) -> tuple[WebhookLimits, WebhookSettings]:
    """Return both with what was given; none takes a limit away, NAME= a default or a mapped symbol."""
    context = click.get_current_context()
    said: dict[str, Any] = {
        name: None if value == _NONE else value
        for name, value in given.items()
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    if "products" in said:
        said["products"] = frozenset(one for one in said["products"] if one != _NONE)
    for name in ("defaults", "symbol_map"):
        if name in said:
            said[name] = _merged(getattr(settings, name), _checked(name, said[name]))
    if "on_exit" in said:
        said["on_exit"] = OnExit(said["on_exit"])
    for name, unit in (("price_unit", PriceUnit), ("risk_unit", RiskUnit)):
        if said.get(name) is not None:
            said[name] = unit(said[name])
    ours = {name: value for name, value in said.items() if hasattr(limits, name)}
    theirs = {name: value for name, value in said.items() if hasattr(settings, name)}
    return replace(limits, **ours), replace(settings, **theirs)


def _checked(name: str, pairs: Mapping[str, str]) -> dict[str, str]:
    try:
        return defaults_of(pairs) if name == "defaults" else symbol_map_of(pairs)
    except WordsUnfit as exc:
        raise Refused(str(exc)) from exc


def _merged(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in {**old, **new}.items() if value}


def _lines(found: WebhookEntry) -> Iterable[str]:
    state = "revoked" if found.revoked_at else "paused" if found.paused else "active"
    time = "timenow required" if found.require_timenow else "timenow optional"
    yield f"{found.id}\t{state}\t{time}\t{found.name}".rstrip()
    for part in (found.limits, found.settings):
        for name in part.__slots__:
            value = getattr(part, name)
            if value:
                yield f"  {name}: {_shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={said}" for name, said in sorted(value.items()))
    return str(value)
