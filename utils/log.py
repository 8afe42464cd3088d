"""Log lines that say which bracket, account and request they are about, and never a secret."""

import json
import logging
import re
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TextIO

STRUCK_OUT = "[secret]"

_NAMING = r"(?:api[_-]?key|token|secret|passw(?:or)?d|pepper|totp|authorization|cookie|checksum)"

# A name with one of the words in it, then = or :, then the value: quoted, with a scheme, or bare.
# A quote is closed by one with as many backslashes, so JSON inside JSON ends where it should.
# The lengths are bounded, or a hostile text of 64 KiB would keep the search busy for minutes.
_NAMED_SECRET = re.compile(
    rf"""(?P<name>["']?\b[\w-]{{0,40}}{_NAMING}[\w-]{{0,40}}\\*["']?\s*[=:]\s*)
         (?:b?(?P<escape>\\*)(?P<quote>["'])[\s\S]{{0,4096}}?(?<!\\)(?P=escape)(?P=quote)|
         (?:bearer|basic|token)\s+[^\s,;'"}}&]+|[\\"']*[^\s,;'"}}&)\]]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_SHAPED_SECRETS = (
    re.compile(r"\b(bk|wh)_[0-9A-Za-z]{8}_[0-9A-Za-z]{20,}"),  # our keys; the id stays, it is no secret
    re.compile(r"\b(pb_[0-9A-Za-z]+)_[0-9a-f]{32,}"),  # our postback addresses
    re.compile(r"\b(lg_[0-9A-Za-z]+)_[\w-]{40,}"),  # tickets and states of broker logins
    re.compile(r"\d+:[\w-]{35,}"),  # Telegram's bot tokens, also glued to the word bot in an address
    re.compile(r"(?<=\btoken )[\w-]+:[\w-]+", re.IGNORECASE),  # Kite's Authorization header
    re.compile(r"(?<=\bcookie: )[^\n\"']+", re.IGNORECASE),  # a header has more than one cookie
    re.compile(r"(?<=\bBearer )[\w.~+/=-]+", re.IGNORECASE),
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"),  # a JSON Web Token: Dhan's and Upstox's sessions
    re.compile(r"(?<=/webhook/bracket/)[^\s/?\"']+"),
    re.compile(r"(?<=[?&]pin=)[^\s&\"')]+"),  # Dhan's login; urllib3 logs an address with garbled headers
    re.compile(r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"),  # user:password@ of an address
)
_OUR_KEY = re.compile(r"(?:bk|wh)_[0-9A-Za-z]{8}|(?:pb|lg)_[0-9A-Za-z]+")
_SECRET_NAME = re.compile(_NAMING, re.IGNORECASE)
# Most of what is logged is a short word, a number or a time, or a sentence without any of the marks that each
# pattern above needs: nothing can match in it, and asking all of them takes ten times as long.
_PLAIN = re.compile(r"[A-Za-z0-9_+-]{0,24}|[0-9.:TZ+-]{0,32}")
_MARKS = (":", "=", "_", "bearer ", "eyj", "/webhook/")
_NAMES = ("key", "token", "secret", "passw", "pepper", "totp", "authorization", "cookie", "checksum")

Facts = Callable[[], Mapping[str, str]]

_context: ContextVar[Mapping[str, str]] = ContextVar("log_context", default={})  # noqa: B039  # never changed


@contextmanager
def log_context(**names: str | None) -> Generator[None]:
    """Put names such as bracket_id on every line logged inside, by this thread or task."""
    given = {name: value for name, value in names.items() if value is not None}
    token = _context.set({**_context.get(), **given})
    try:
        yield
    finally:
        _context.reset(token)


def redact_text(text: str) -> str:
    """Return text with everything struck out that is named or shaped like a secret."""
    folded = text.casefold()
    if _PLAIN.fullmatch(text) or not _has_any(_MARKS, folded):
        return text
    for shape in _SHAPED_SECRETS:
        text = shape.sub(_strike_out, text)
    if not _has_any(_NAMES, folded):
        return text
    return _NAMED_SECRET.sub(rf"\g<name>{STRUCK_OUT}", text)


def _has_any(words: tuple[str, ...], folded: str) -> bool:
    return any(word in folded for word in words)


def redact(value: object) -> object:
    """Return a copy of JSON-like data with secrets struck out, by key name and by shape."""
    match value:
        case str():
            return redact_text(value)
        case Mapping():
            return {key: _redact_item(str(key), item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redact(item) for item in value]
        case _:
            return value


def set_up_logging(
    *,
    level: str = "INFO",
    as_json: bool = False,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    facts: Facts | None = None,
) -> None:
    """Send every log line of the process to stream (stderr), redacted. `secrets` are struck out by value.

    facts tells what else a line is about, such as the request it was logged in; asked for each line.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(_context_adder(facts or _no_facts))
    handler.setFormatter(RedactingFormatter(as_json=as_json, secrets=secrets))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # They log addresses with tokens in the path, at INFO, for every request.
    # alembic says at each look at the schema which database it is.
    for chatty in ("httpx", "httpcore", "urllib3", "alembic.runtime.migration"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class RedactingFormatter(logging.Formatter):
    """Formats the whole line first and strikes out then: arguments and tracebacks are covered too."""

    def __init__(self, *, as_json: bool = False, secrets: Iterable[str] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s%(context_text)s")
        self._as_json = as_json
        known = sorted((value for value in secrets if len(value) >= 8), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return f"{seconds}.{int(record.msecs):03d}Z"

    def format(self, record: logging.LogRecord) -> str:
        if self._as_json:
            return self._format_json(record)
        context: Mapping[str, str] = getattr(record, "context", {})
        record.context_text = "".join(f" {name}={value}" for name, value in context.items())
        return self._redact(super().format(record))

    def _format_json(self, record: logging.LogRecord) -> str:
        # Redacted field by field: inside finished JSON, escapes would hide a secret from the patterns.
        line: dict[str, str] = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": self._redact(record.getMessage()),
            **{name: self._redact(value) for name, value in getattr(record, "context", {}).items()},
        }
        if record.exc_info:
            line["exception"] = self._redact(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = self._redact(record.stack_info)
        return json.dumps(line, ensure_ascii=False)

    def _redact(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(STRUCK_OUT, text)
        return redact_text(text)


def _context_adder(facts: Facts) -> Callable[[logging.LogRecord], bool]:
    def add(record: logging.LogRecord) -> bool:
        record.context = {**facts(), **_context.get()}
        return True

    return add


def _no_facts() -> Mapping[str, str]:
    return {}


def _redact_item(name: str, item: object) -> object:
    return STRUCK_OUT if _is_secret_name(name) and item is not None else redact(item)


@lru_cache(maxsize=1024)
def _is_secret_name(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _strike_out(found: re.Match[str]) -> str:
    kept = _OUR_KEY.match(found[0])
    return STRUCK_OUT if kept is None else f"{kept[0]}_{STRUCK_OUT}"
