"""What the words of a refusal mean: rows of patterns and kinds, the first that matches wins. Pure."""

import re

from services.bracket.model import RefusalKind

Wording = tuple[tuple[re.Pattern[str], RefusalKind], ...]


def wording(*rows: tuple[str, RefusalKind]) -> Wording:
    """Return a broker's wording; its patterns are searched for without regard to capitals."""
    return tuple((re.compile(pattern, re.IGNORECASE), kind) for pattern, kind in rows)


def kind_by(words: Wording, text: str) -> RefusalKind:
    """Return what a text calls for; UNCLASSIFIED if none of the words is in it."""
    return next((kind for pattern, kind in words if pattern.search(text)), RefusalKind.UNCLASSIFIED)
