"""Bodies of the calls that pages about accounts and settings make."""

from dataclasses import dataclass
from typing import Any

from marshmallow import fields, validate

from database.auth_db import Scope
from restx_api.fields import Flag, Text, Word
from restx_api.schemas import RequestSchema
from services.webhook_form import WebhookForm

MOST_LINES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ActAsked:
    act: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAsked:
    account_id: str = ""
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAsked:
    """form is the whole of what the webhook may do and how it reads."""

    form: WebhookForm
    account_id: str = ""
    name: str = ""
    require_timenow: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HookAsked:
    account_id: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayAsked:
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeAsked:
    may_trade: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzeAsked:
    analyze: bool = False


def _needed(field: str) -> dict[str, Any]:
    return {"required": f"{field} is missing"}


class ActSchema(RequestSchema[ActAsked]):
    makes = ActAsked

    act = Text(required=True, error_messages=_needed("act"))


class KeySchema(RequestSchema[KeyAsked]):
    makes = KeyAsked

    account_id = Text(required=True, error_messages=_needed("account_id"))
    scopes = fields.List(
        Word(list(Scope)),
        required=True,
        validate=validate.Length(min=1, error="scopes must name at least one"),
        error_messages=_needed("scopes"),
    )


class _Lines(fields.List[str]):
    """A list of short texts, not too many."""

    def __init__(self) -> None:
        most = validate.Length(max=MOST_LINES, error=f"at most {MOST_LINES} lines")
        super().__init__(Text(), validate=most)


class WebhookFormSchema(RequestSchema[WebhookForm]):
    makes = WebhookForm

    max_quantity = Text()
    max_value = Text()
    max_open_brackets = Text()
    symbols = _Lines()
    products = _Lines()
    hours = Text()
    addresses = _Lines()
    defaults = _Lines()
    symbol_map = _Lines()
    on_exit = Text()
    on_opposite = Text()
    price_unit = Text()
    risk_unit = Text()
    allow_delayed = Flag()


class NewWebhookSchema(RequestSchema[WebhookAsked]):
    makes = WebhookAsked

    account_id = Text(required=True, error_messages=_needed("account_id"))
    name = Text(validate=validate.Length(max=64, error="name must be at most 64 characters"))
    require_timenow = Flag()
    form = fields.Nested(WebhookFormSchema, required=True, error_messages=_needed("form"))


class WebhookSchema(RequestSchema[WebhookAsked]):
    """A webhook's new settings: all of them, its account excepted, which never changes."""

    makes = WebhookAsked

    name = Text(
        required=True,
        validate=validate.Length(max=64, error="name must be at most 64 characters"),
        error_messages=_needed("name"),
    )
    require_timenow = Flag(required=True, error_messages=_needed("require_timenow"))
    form = fields.Nested(WebhookFormSchema, required=True, error_messages=_needed("form"))


class HookSchema(RequestSchema[HookAsked]):
    makes = HookAsked

    account_id = Text(required=True, error_messages=_needed("account_id"))
    url = Text(required=True, error_messages=_needed("url"))


class ReplaySchema(RequestSchema[ReplayAsked]):
    makes = ReplayAsked

    message_id = Text(required=True, error_messages=_needed("message_id"))


class CodeSchema(RequestSchema[CodeAsked]):
    makes = CodeAsked

    may_trade = Flag(required=True, error_messages=_needed("may_trade"))


class AnalyzeSchema(RequestSchema[AnalyzeAsked]):
    makes = AnalyzeAsked

    analyze = Flag(required=True, error_messages=_needed("analyze"))
