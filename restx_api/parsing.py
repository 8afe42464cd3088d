"""A request's body as a JSON object, strictly, by its content and never by its Content-Type."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from restx_api.errors import RequestInvalid

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # an escape of its own, not an escaped backslash before u0000


class _Unreadable(ValueError):
    """The text is JSON by the letter and still refused; the message is ours."""


def parse_object(body: bytes) -> dict[str, object]:
    """Return the JSON object in body; numbers with a point are Decimals of the text as written.

    Raises RequestInvalid for anything else: another encoding than UTF-8, another value than an object,
    a key twice, NaN, Infinity, nesting beyond reason, characters no database can store.
    """
    try:
        parsed = json.loads(
            body.decode("utf-8-sig"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=Decimal,
        )
        _check_characters(parsed)
    except RecursionError:
        raise RequestInvalid("The body is nested too deeply") from None
    except InvalidOperation:
        raise RequestInvalid("The body has a number that is out of all bounds") from None
    except UnicodeError:
        raise RequestInvalid("The body must be JSON in UTF-8, with whole characters") from None
    except ValueError as exc:
        raise RequestInvalid(_sentence(exc, body)) from None
    if not isinstance(parsed, dict):
        raise RequestInvalid("The body must be a JSON object")
    return parsed


def _sentence(error: ValueError, body: bytes) -> str:
    if not body.strip():
        return "No JSON payload provided"
    # Only the place and the kind of the fault: the text around it may be a key.
    if isinstance(error, json.JSONDecodeError):
        return f"The body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    reason = str(error) if isinstance(error, _Unreadable) else "a number is out of all bounds"
    return f"The body is not valid JSON: {reason}"


def _without_duplicates(pairs: list[tuple[str, object]]) -> Mapping[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Unreadable(f"{twice[:64]} is there twice")
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise _Unreadable(f"{word} is no JSON number")


def _check_characters(parsed: object) -> None:
    # Half a surrogate pair and NUL are legal in JSON's escapes; neither UTF-8 nor PostgreSQL takes them.
    text = json.dumps(parsed, ensure_ascii=False, default=str)
    text.encode()
    if _NUL.search(text):
        raise _Unreadable("a text has a NUL character")


def plain(value: object) -> object:
    """Return a parsed value as JSON can write it again: numbers with a point as the text they were."""
    match value:
        case Decimal():
            return str(value)
        case Mapping():
            return {name: plain(inner) for name, inner in value.items()}
        case list():
            return [plain(inner) for inner in value]
        case _:
            return value
