"""The kinds of values a request holds: each reads JSON strictly and says what is wrong in a sentence."""

import re
from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields

from services.bracket.request import parse_price, parse_quantity

LONGEST_TEXT = 256
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Text(fields.Field[str]):
    """A JSON string; numbers and booleans are none."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError(f"{attr} must be a text")
        if len(value) > LONGEST_TEXT:
            raise ValidationError(f"{attr} must be at most {LONGEST_TEXT} characters, not {len(value)}")
        return value


class Word(Text):
    """One of a closed list of words, in any case."""

    def __init__(self, words: Collection[str], **kwargs: Any) -> None:
        self.words = tuple(str(word) for word in words)
        told = {"enum": list(self.words), **kwargs.pop("metadata", {})}
        super().__init__(metadata=told, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs).strip().lower()
        if text not in self.words:
            raise ValidationError(f"{attr} {text} is not valid. Must be one of: {', '.join(self.words)}")
        return text


class Price(fields.Field[Decimal]):
    """An exact amount in rupees or per cent: a JSON number or a plain numeric string."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        try:
            return parse_price(value)
        except ValueError as exc:
            raise ValidationError(str(exc)) from exc


class Quantity(fields.Field[int]):
    """A whole number of shares: 1, "1" or "1.0"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        try:
            return parse_quantity(value)
        except ValueError as exc:
            raise ValidationError(str(exc)) from exc


class Whole(fields.Field[int]):
    """A whole number that counts something else than shares."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        try:
            return parse_quantity(value)
        except ValueError as exc:
            raise ValidationError(f"{attr} must be a whole number") from exc


class Day(fields.Field[date]):
    """A date as YYYY-MM-DD."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        if not isinstance(value, str) or _DAY.fullmatch(value) is None:
            raise ValidationError(f"{attr} must look like 2026-12-31")
        try:
            return date.fromisoformat(value)
        except ValueError as exc:
            raise ValidationError(f"{attr} {value} is not a date") from exc


class Flag(fields.Field[bool]):
    """true or false; not 1, not "yes"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError(f"{attr} must be true or false")
        return value
