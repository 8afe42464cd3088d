"""From a body to the bracket order it asks for, with the faults of fields and of rules in one answer."""

from collections.abc import Mapping

from database.auth_db import Caller
from restx_api.callers import background
from restx_api.errors import RequestInvalid, Stopping
from restx_api.schemas import BracketOrderSchema, roots, told
from services.bracket.request import BracketOrderRequest
from services.bracket.violations import Violation
from services.bracket_order_service import validate_bracket_order
from services.desk import Desk

_SCHEMA = BracketOrderSchema()
_MISSING = "Missing mandatory field(s): "

# A field is not missing when it was said in another way that could not be read.
_OTHER_WAYS = {
    "sl_price": {"sl_points", "sl_percent", "sl_amount"},
    "target_price": {"target_points", "target_percent", "target_amount", "target_r", "targets"},
    "quantity": {"risk_amount", "lots", "order_value"},
}


def refuse_while_stopping() -> None:
    """Raise Stopping once the service is on its way down: what is placed now would not be watched."""
    if background().is_stopping:
        raise Stopping("The service is stopping: nothing was stored, send it again in a moment")


def read_order(desk: Desk, caller: Caller, body: Mapping[str, object]) -> BracketOrderRequest:
    """Return the order a body asks for. Raises RequestInvalid with every fault of it."""
    asked, faults = _SCHEMA.read_what_is_right(body)
    if faults:
        broken = roots(faults)
        for violation in _of_the_rest(validate_bracket_order(desk, asked, caller).violations, broken):
            faults.setdefault(violation.field, []).append(violation.sentence)
        raise RequestInvalid(told(faults), faults)
    return asked


def with_idempotency_key(body: Mapping[str, object], header: str | None) -> Mapping[str, object]:
    """Return the body with the Idempotency-Key header, quoted or bare, as its client_order_id.

    Raises RequestInvalid when the body has another one.
    """
    key = _unquoted(header)
    if key is None:
        return body
    own = body.get("client_order_id")
    if own is not None and own != key:
        sentence = f"client_order_id {own} and the header Idempotency-Key {key} differ: send one"
        raise RequestInvalid(sentence, {"client_order_id": [sentence]})
    return {**body, "client_order_id": key}


def _unquoted(header: str | None) -> str | None:
    text = "" if header is None else header.strip()
    is_quoted = len(text) >= 2 and text[0] == text[-1] == '"'
    return (text[1:-1] if is_quoted else text) or None


def _of_the_rest(violations: list[Violation], broken: set[str]) -> list[Violation]:
    missing = [
        violation.field
        for violation in violations
        if violation.sentence.startswith(_MISSING)
        and not broken & {violation.field, *_OTHER_WAYS.get(violation.field, ())}
    ]
    sentence = _MISSING + ", ".join(missing)
    rest = []
    for violation in violations:
        if violation.sentence.startswith(_MISSING):
            if violation.field in missing:
                rest.append(Violation(field=violation.field, code=violation.code, sentence=sentence))
        elif not roots({violation.field: []}) & broken:
            rest.append(violation)
    return rest
