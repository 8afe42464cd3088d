"""What Swagger tells of bodies and answers. Requests come from the schemas that read them."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask_restx import Namespace
from marshmallow import INCLUDE, Schema, fields

from restx_api.errors import HTTP_STATUS
from restx_api.fields import Day, Flag, Price, Quantity, Text, Whole
from restx_api.schemas import Message, RequestSchema

View = TypeVar("View", bound=Callable[..., object])

# What any call with a key may meet.
_ALWAYS = (
    "request_invalid",
    "scope_missing",
    "body_too_large",
    "rate_limited",
    "internal_error",
    "not_stored",
)
_KEY = {"type": "string", "description": "API key; or send it as X-API-KEY or Authorization: Bearer"}

_TYPES: tuple[tuple[Any, str], ...] = (
    (Text, "string"),
    (Price, "string"),
    (Quantity, "integer"),
    (Whole, "integer"),
    (Flag, "boolean"),
    (Message, "object"),
    (Day, "string"),
)


class Told(Schema):
    """A part of an answer; an answer may grow fields."""

    class Meta:
        unknown = INCLUDE


class Error(Told):
    """Every refusal and failure."""

    status = fields.String(metadata={"enum": ["error"]})
    message = fields.String(metadata={"description": "A sentence for people"})
    code = fields.String(metadata={"description": "Stable; branch on this", "enum": sorted(HTTP_STATUS)})
    errors = fields.Dict(
        keys=fields.String(), values=fields.List(fields.String()), metadata={"description": "Per bad field"}
    )
    request_id = fields.String()
    mode = fields.String(metadata={"enum": ["live", "analyze"]})


class SurvivesShutdown(Told):
    stop = fields.Boolean()
    target = fields.Boolean()


class ProtectionTold(Told):
    """Who holds the exits."""

    topology = fields.String(
        metadata={"description": "A one morphing order, B broker's OCO, C two orders, D broker's bracket"}
    )
    held_by = fields.String()
    survives_shutdown = fields.Nested(SurvivesShutdown)
    warnings = fields.List(fields.String())


class LegTold(Told):
    """One order of a bracket. Prices are strings."""

    seq = fields.Integer()
    role = fields.String(metadata={"enum": ["entry", "exit", "unwind"]})
    purpose = fields.String()
    status = fields.String()
    side = fields.String()
    order_id = fields.String(allow_none=True)
    quantity = fields.Integer()
    filled_quantity = fields.Integer()
    average_price = fields.String(allow_none=True)
    price = fields.String(allow_none=True)
    trigger_price = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    sent_at = fields.String()


class Success(Told):
    """What every success has."""

    status = fields.String(metadata={"enum": ["success"]})
    message = fields.String()
    request_id = fields.String()
    mode = fields.String(metadata={"enum": ["live", "analyze"]})


class BracketTold(Success):
    """A bracket. Prices are strings, times ISO-8601 in UTC."""

    bracket_id = fields.String(allow_none=True)
    entry_order_id = fields.String(
        allow_none=True, metadata={"description": "null while the broker has not confirmed it"}
    )
    orderid = fields.String(allow_none=True, metadata={"description": "The same as entry_order_id"})
    symbol = fields.String()
    exchange = fields.String()
    product = fields.String()
    action = fields.String()
    quantity = fields.Integer()
    entry_price = fields.String(allow_none=True)
    sl_price = fields.String(allow_none=True)
    target_price = fields.String(allow_none=True)
    strategy = fields.String()
    state = fields.String()
    overlays = fields.List(fields.String())
    filled_quantity = fields.Integer()
    average_price = fields.String(allow_none=True)
    naked_seconds = fields.Float()
    protection = fields.Nested(ProtectionTold)
    legs = fields.List(fields.Nested(LegTold))
    duplicate = fields.Boolean()
    ignored = fields.Boolean(metadata={"description": "true: on_opposite ignore, nothing was placed"})


class MomentTold(Told):
    seq = fields.Integer()
    kind = fields.String()
    at = fields.String()
    words = fields.String(allow_none=True)


class BracketWithTimeline(BracketTold):
    """A bracket and its history."""

    timeline = fields.List(fields.Nested(MomentTold))


class BracketBook(Success):
    """One page of brackets, newest first."""

    brackets = fields.List(fields.Nested(BracketTold))
    next_cursor = fields.String(allow_none=True, metadata={"description": "null on the last page"})


class ExplanationTold(Success):
    """Why a bracket is as it is."""

    bracket_id = fields.String()
    state = fields.String()
    desired = fields.Dict()
    slices = fields.List(fields.Dict())
    clocks = fields.Dict()
    last_read_age_seconds = fields.Float(allow_none=True)
    next_look_seconds = fields.Float(allow_none=True)
    next = fields.String()


class KillSwitchTold(Success):
    kill_switch = fields.String(metadata={"description": "The account's own switch"})
    in_force = fields.String(metadata={"description": "The stricter of the account's and its owner's"})


class NakedCauseTold(Told):
    """How long shares stood without a working stop, for one reason."""

    cause = fields.String()
    spells = fields.Integer()
    seconds = fields.Float()
    longest_seconds = fields.Float()


class NakedTold(Told):
    spells = fields.Integer()
    seconds = fields.Float()
    longest_seconds = fields.Float()
    by_cause = fields.List(fields.Nested(NakedCauseTold))
    now = fields.List(fields.Dict(), metadata={"description": "bracket_id, cause, quantity, seconds"})


class CountedTold(Told):
    count = fields.Integer()
    bracket_ids = fields.List(fields.String())


class BracketsCountedTold(Told):
    placed = fields.Integer()
    open = fields.Integer()
    states = fields.Dict(metadata={"description": "State now of those placed, with their number"})


class SpreadTold(Told):
    """Seconds; 0 without measurements."""

    count = fields.Integer()
    middle = fields.Float()
    worst = fields.Float()


class BrokerLatencyTold(Told):
    """One broker, measured on our own orders."""

    broker = fields.String()
    acceptance_seconds = fields.Nested(SpreadTold)
    book_staleness_seconds = fields.Nested(SpreadTold)
    quiescence_seconds = fields.Float(metadata={"description": "Q: quiet time before absence is believed"})
    needed_quiescence_seconds = fields.Float(
        metadata={"description": "Twice the worst acceptance and the worst staleness"}
    )
    quiescence_is_enough = fields.Boolean()


class SafetyReportTold(Success):
    """How well the promise was kept. Counts are of the days asked for; what is open or naked is so now."""

    since = fields.String()
    until = fields.String()
    brackets = fields.Nested(BracketsCountedTold)
    naked = fields.Nested(NakedTold)
    emergency_exits = fields.Nested(CountedTold)
    unwinds = fields.Nested(CountedTold)
    zombies = fields.Nested(CountedTold)
    unknown_outcomes = fields.Integer()
    alarms = fields.Dict(metadata={"description": "Kind, with how often it was raised anew"})
    unresolved = fields.List(fields.Dict(), metadata={"description": "bracket_id, why: []"})
    brokers = fields.List(fields.Nested(BrokerLatencyTold))


class AnalyzerTold(Success):
    data = fields.Dict(metadata={"description": "analyze_mode, mode, total_logs"})


class LegToCome(Told):
    purpose = fields.String()
    side = fields.String()
    quantity = fields.Integer()
    pricetype = fields.String()
    price = fields.String(allow_none=True, metadata={"description": "null where only the fill will tell"})
    trigger_price = fields.String(allow_none=True)


class AlertTested(Success):
    """What an alert would do. accepted false: code, message and refusals say why it would be refused."""

    accepted = fields.Boolean()
    dialect = fields.String(allow_none=True)
    signal = fields.String(metadata={"enum": ["enter", "exit", "cancel"]})
    side = fields.String(allow_none=True)
    order = fields.Dict(metadata={"description": "The fields of placebracketorder it comes to"})
    plan = fields.Dict()
    protection = fields.Nested(ProtectionTold)
    reference_price = fields.String(allow_none=True)
    legs = fields.List(fields.Nested(LegToCome))
    rounding = fields.List(fields.Dict())
    ignored_fields = fields.List(fields.String())
    code = fields.String()
    refusals = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))


class Pong(Success):
    time = fields.String()


class PongToKey(Success):
    data = fields.Dict(metadata={"description": "message, broker"})


def documented(
    api: Namespace,
    *,
    answers: type[Schema],
    takes: type[Schema] | None = None,
    refuses: Iterable[str] = (),
    wrong_key: str = "invalid_api_key",
) -> Callable[[View], View]:
    """Say in Swagger what a method takes, answers and refuses; refusals are codes of the one table."""
    told = _models(api, [answers, Error, *([] if takes is None else [takes])])
    by_status: dict[int, list[str]] = {}
    for code in (*refuses, *(() if takes is None else (*_ALWAYS, wrong_key))):
        by_status.setdefault(HTTP_STATUS[code], []).append(code)

    def decorate(view: View) -> View:
        if takes is not None:
            view = api.expect(told[takes], validate=False)(view)
        view = api.response(200, "Success", told[answers])(view)
        for status, codes in sorted(by_status.items()):
            view = api.response(status, ", ".join(codes), told[Error])(view)
        return view

    return decorate


def _models(api: Namespace, schemas: list[type[Schema]]) -> dict[type[Schema], Any]:
    plugin = MarshmallowPlugin(schema_name_resolver=_name)
    spec = APISpec(title="", version="", openapi_version="2.0", plugins=[plugin])
    assert plugin.converter is not None  # noqa: S101  # narrows: the spec has just made it
    for field, kind in _TYPES:
        plugin.converter.field_mapping[field] = (kind, None)
    for schema in schemas:
        if _name(schema) not in spec.components.schemas:
            spec.components.schema(_name(schema), schema=schema)
    definitions = spec.to_dict()["definitions"]
    if bodies := [_name(schema) for schema in schemas if issubclass(schema, RequestSchema)]:
        properties = definitions[bodies[0]].setdefault("properties", {})
        definitions[bodies[0]]["properties"] = {"apikey": _KEY, **properties}
    found = {name: api.schema_model(name, definition) for name, definition in definitions.items()}
    return {schema: found[_name(schema)] for schema in schemas}


def _name(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    name = str(kind.__name__)
    # What is asked and what is told may have one name in the code, but not in what is published.
    if name.endswith("Schema"):
        return f"{name.removesuffix('Schema')}Request"
    return name.removesuffix("Told")
