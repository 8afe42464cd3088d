"""Commands for webhooks: make one, say what it may do and how it reads, pause it, list them."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from ipaddress import ip_network
from typing import Any, TypeVar

import click

from cli.office import Office, Refused, account_called
from database import auth_db
from database.auth_db import WebhookEntry
from database.session import Database
from database.webhook_settings import (
    TRADINGVIEW_ADDRESSES,
    OnExit,
    PriceUnit,
    RiskUnit,
    WebhookLimits,
    WebhookSettings,
)
from services.alerts.native import ORDER_FIELDS
from services.bracket.opposite import OnOpposite
from services.bracket.request import parse_price
from utils.constants import VALID_PRODUCT_TYPES

Command = TypeVar("Command", bound=Callable[..., None])

_NONE = "none"
_HOURS = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]")
_SYMBOL = re.compile(r"[A-Z]+:[A-Z0-9&_.!-]+")
_DEFAULTS = ORDER_FIELDS - {"symbol", "action", "client_order_id", "targets", "trailing_sl", "max_slippage"}


def _price(_: click.Context, __: click.Parameter, text: str | None) -> Decimal | str | None:
    if text is None or text == _NONE:
        return text
    try:
        value = parse_price(text)
    except ValueError:
        raise click.BadParameter(f"{text} is no number") from None
    if value <= 0:
        raise click.BadParameter(f"{text} must be greater than 0")
    return value


def _count(context: click.Context, parameter: click.Parameter, text: str | None) -> int | str | None:
    value = _price(context, parameter, text)
    if not isinstance(value, Decimal):
        return value
    if value != value.to_integral_value():
        raise click.BadParameter(f"{text} must be a whole number")
    return int(value)


def _hours(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    if text is None or text == _NONE:
        return text
    begin, end = text[:5], text[6:]
    if _HOURS.fullmatch(text) is None or begin >= end:
        raise click.BadParameter(f"{text} must be HH:MM-HH:MM exchange time, such as 09:20-15:00")
    return text


def _symbols(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> frozenset[str]:
    found = frozenset(text.upper() for text in texts if text != _NONE)
    for text in found:
        if _SYMBOL.fullmatch(text) is None:
            raise click.BadParameter(f"{text} must be EXCHANGE:SYMBOL")
    return found


def _addresses(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> frozenset[str]:
    found: set[str] = set()
    for text in texts:
        if text == "tradingview":
            found.update(TRADINGVIEW_ADDRESSES)
        elif text != _NONE:
            found.add(_network(text))
    return frozenset(found)


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise click.BadParameter(f"{text} is no IP address or network") from None


def _pairs(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter(f"{text} must be NAME=VALUE; NAME= takes it away")
        found[name.strip()] = value.strip()
    return found


def _choice(words: type[StrEnum], *more: str) -> click.Choice[str]:
    return click.Choice([*(one.value for one in words), *more])


_LIMITS = (
    click.option("--max-quantity", callback=_count, help="Shares in one bracket; none takes a limit away."),
    click.option("--max-value", callback=_price, help="Rupees of one bracket at its entry."),
    click.option("--max-open", "max_open_brackets", callback=_count, help="Open brackets of the account."),
    click.option("--symbol", "symbols", multiple=True, callback=_symbols, help="EXCHANGE:SYMBOL; repeat it."),
    click.option(
        "--product",
        "products",
        multiple=True,
        type=click.Choice([*VALID_PRODUCT_TYPES, _NONE]),
        help="Repeat it.",
    ),
    click.option("--hours", callback=_hours, help="HH:MM-HH:MM exchange time, for entries."),
    click.option(
        "--ip",
        "addresses",
        multiple=True,
        callback=_addresses,
        help="An address or network alerts may come from, or tradingview for its four; repeat it.",
    ),
)
_SETTINGS = (
    click.option("--default", "defaults", multiple=True, callback=_pairs, help="FIELD=VALUE of an order."),
    click.option(
        "--map",
        "symbol_map",
        multiple=True,
        callback=_pairs,
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
    if name == "defaults":
        for field in pairs:
            if field not in _DEFAULTS:
                raise Refused(f"{field} cannot have a default; fields are: {', '.join(sorted(_DEFAULTS))}")
        return dict(pairs)
    found = {ours.upper(): theirs.upper() for ours, theirs in pairs.items()}
    for theirs in found.values():
        if theirs and _SYMBOL.fullmatch(theirs) is None:
            raise Refused(f"{theirs} must be EXCHANGE:SYMBOL")
    return found


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
