"""The settings as a page may show them: what each is, where from, what for. Never a secret.

A field that `Config` does not print is a secret here too, so a new one is hidden unless somebody says
otherwise; of addresses that may hold a password the rest is shown.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from utils.config import EXAMPLE_FILE, FAMILIES, SETTING_FIELDS, Config

DEFAULT = "default"
_ADDRESSES = frozenset({"database_url", "redis_url"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingShown:
    """One variable. value is None while it is not set; of a secret it only says whether it is."""

    name: str
    value: str | None
    source: str
    is_secret: bool
    sentence: str


def shown_settings(config: Config) -> list[SettingShown]:
    """Return every setting in the order of `Config`."""
    return [shown for each in SETTING_FIELDS for shown in _shown(config, each.name, is_secret=not each.repr)]


def _shown(config: Config, field: str, *, is_secret: bool) -> Iterator[SettingShown]:
    value = getattr(config, field)
    family = FAMILIES.get(field)
    if family is None:
        yield _one(
            config, field.upper(), value, is_secret=is_secret and field not in _ADDRESSES, told=field.upper()
        )
    elif isinstance(value, Mapping):
        for broker, address in sorted(value.items()):
            name = family.replace("<BROKER>", str(broker).upper())
            yield _one(config, name, address, is_secret=is_secret, told=family)


def _one(config: Config, name: str, value: object, *, is_secret: bool, told: str) -> SettingShown:
    source = config.sources.get(name)
    text = ("set, not shown" if value else None) if is_secret else _text(value)
    return SettingShown(
        name=name,
        value=text,
        source=DEFAULT if source is None else str(source),
        is_secret=is_secret,
        sentence=_sentences(EXAMPLE_FILE).get(told, ""),
    )


def _text(value: object) -> str | None:
    match value:
        case None:
            return None
        case timedelta():
            return f"{value.total_seconds():g}"
        case time():
            return f"{value:%H:%M}"
        case frozenset():
            return ", ".join(sorted(str(one) for one in value)) or None
        case _:
            return _without_password(str(value)) or None


def _without_password(text: str) -> str:
    """Return an address without user, password and query, any of which may be a secret."""
    if "://" not in text:
        return text
    parts = urlsplit(text)
    host = parts.netloc.rpartition("@")[2]
    hidden = "" if (host, parts.query) == (parts.netloc, "") else " (user, password and query not shown)"
    return f"{parts.scheme}://{host}{parts.path}{hidden}"


@cache
def _sentences(file: Path) -> dict[str, str]:
    """Return the comment above each variable of the example."""
    found: dict[str, str] = {}
    words: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        named = re.match(r"#?\s?([A-Z<>_]+)=", line)
        if named is not None:
            text = " ".join(words)
            family = re.match(r"(<BROKER>_\w+): ", text)
            text = text.removeprefix(family[0] if family else "")
            found[family[1] if family else named[1]] = text[:1].upper() + text[1:]
            words = []
        elif line.startswith("#"):
            words.append(line.lstrip("# ").strip())
        else:
            words = []
    return found
