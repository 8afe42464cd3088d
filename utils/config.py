"""What the service is told from outside. The only reader of the environment.

A setting is a field of `Config`, a line of `.env.example` with a sentence, and nothing else.
"""

import base64
import binascii
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import time, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

PROJECT_ROOT = Path(__file__).resolve().parent.parent
EXAMPLE_FILE = PROJECT_ROOT / ".env.example"

Setting = TypeVar("Setting")

_API_ROOT = re.compile(r"([A-Z][A-Z0-9]*)_API_ROOT")
_WS_ROOT = re.compile(r"([A-Z][A-Z0-9]*)_WS_ROOT")
_QUIESCENCE = re.compile(r"([A-Z][A-Z0-9]*)_QUIESCENCE")
_RATE_LIMIT = re.compile(r"\d+ ?(per|/) ?(\d+ ?)?(second|minute|hour|day)s?([;,] ?.+)?", re.IGNORECASE)
_PAPER_PRICE = re.compile(r"[A-Z]+:[A-Z0-9&_-]+=\d+(\.\d+)?")


class ConfigInvalid(Exception):
    """The environment cannot be used. `faults` has one sentence per setting; no value of a secret."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("The configuration cannot be used:\n" + "\n".join(f"- {fault}" for fault in faults))
        self.faults = faults


class MarketHours(StrEnum):
    """Whether sessions and time exits follow the exchange calendar."""

    ENFORCE = "enforce"
    IGNORE = "ignore"


class LogFormat(StrEnum):
    PLAIN = "plain"
    JSON = "json"


class OutboundLeave(StrEnum):
    """What outbound webhooks may do beyond https to the public internet."""

    PRIVATE = "private"  # addresses of our own network and machine
    HTTP = "http"
    REDIRECTS = "redirects"


class OcoBroker(StrEnum):
    """Brokers whose GTT has two legs of which one takes the other away, as OpenAlgo calls them."""

    ZERODHA = "zerodha"
    DHAN = "dhan"
    FYERS = "fyers"


class Source(StrEnum):
    """Where a setting's value came from; one without a source has its default."""

    PROCESS = "environment"
    FILE = ".env"


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramSettings:
    """How to reach Telegram. The waits are what production uses; tests are in a hurry."""

    bot_token: str = field(repr=False)
    api_root: str
    summary_at: time
    poll_seconds: int = 20  # how long Telegram holds a question for updates
    answer_seconds: float = 10.0
    pace_seconds: float = 1.0  # Telegram takes about one message a second in a chat


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting, checked. A field is named like its variable, in lower case."""

    api_key_pepper: bytes = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)  # the first one writes, all of them read
    secret_key: str = field(repr=False)
    bracket_order_rate_limit: str = "2 per second"
    api_rate_limit: str = "300 per second"
    order_rate_limit: str = "10 per second"
    bracket_order_delay: timedelta = timedelta(seconds=0.5)
    database_url: str = field(default="sqlite:///openbracket.db", repr=False)  # may hold a password
    redis_url: str | None = field(default=None, repr=False)  # may hold a password
    celery_broker_url: str | None = field(default=None, repr=False)  # the same
    instruments_sync_at: time = time(8, 30)  # exchange time
    telegram_bot_token: str | None = field(default=None, repr=False)
    telegram_api_root: str = "https://api.telegram.org"
    telegram_summary_at: time = time(15, 45)  # exchange time
    outbound_webhooks_allow: frozenset[OutboundLeave] = frozenset()
    broker_api_roots: Mapping[str, str] = field(default_factory=dict)  # by broker name in lower case
    broker_ws_roots: Mapping[str, str] = field(default_factory=dict)  # the same for push streams
    broker_quiescence: Mapping[str, timedelta] = field(default_factory=dict)  # Q, by broker name as well
    openalgo_gtt: OcoBroker | None = None  # whom the server is at; None: its GTTs are not used
    capabilities_file: str = "broker-capabilities.json"  # what `broker probe` found
    paper_state: str = "paper-exchange.state"
    paper_prices: str = ""
    work_accounts: bool = True  # on PostgreSQL a process may leave them to others
    market_hours: MarketHours | None = None  # None: live brokers by the calendar, paper at any hour
    port: int = 5000
    worker_port: int | None = None  # where `python -m worker` answers /metrics and /readyz; None: nowhere
    max_sockets: int = 100
    trusted_proxies: int = 0
    metrics_token: str | None = field(default=None, repr=False)  # None: only this machine reads /metrics
    log_level: str = "INFO"
    log_format: LogFormat = LogFormat.PLAIN
    kill_at: str | None = None  # for tests: the checkpoint at which the process kills itself
    # Not a setting: where each variable's value came from, as it was when the process started.
    sources: Mapping[str, "Source"] = field(default_factory=dict, compare=False, repr=False)

    @staticmethod
    def from_env(environ: Mapping[str, str] | None = None, *, env_file: Path = Path(".env")) -> "Config":
        """Return the settings of the process, completed by those of env_file where it exists.

        Raises ConfigInvalid naming every setting that is missing or wrong: the service must not start.
        """
        of_process = os.environ if environ is None else environ
        faults: list[str] = []
        of_file = _read_env_file(env_file, faults)
        reader = _Reader({**of_file, **of_process}, faults)
        settings = dict(_settings(reader))
        if faults:
            raise ConfigInvalid(faults)
        sources = dict.fromkeys(of_file, Source.FILE) | dict.fromkeys(of_process, Source.PROCESS)
        return Config(**settings, sources={name: sources[name] for name in sources if reader.text(name)})

    def telegram(self) -> TelegramSettings | None:
        """Return how to reach Telegram, or None without a bot."""
        if self.telegram_bot_token is None:
            return None
        # Its library reads this when it is asked for a duration; without it each one is a warning.
        os.environ.setdefault("PTB_TIMEDELTA", "true")
        return TelegramSettings(
            bot_token=self.telegram_bot_token,
            api_root=self.telegram_api_root,
            summary_at=self.telegram_summary_at,
        )

    def secret_values(self) -> frozenset[str]:
        """Return every secret as text, for the log to strike out wherever it turns up."""
        optional = (
            self.telegram_bot_token,
            self.metrics_token,
            self.redis_url and urlsplit(self.redis_url).password,
        )
        database = urlsplit(self.database_url).password
        rabbit = self.celery_broker_url and urlsplit(self.celery_broker_url).password
        pepper = (self.api_key_pepper.hex(), base64.urlsafe_b64encode(self.api_key_pepper).decode())
        known = (*pepper, *self.encryption_keys, self.secret_key, *optional, database, rabbit)
        return frozenset(value for value in known if value)


def write_env_file(path: Path, *, example: Path = EXAMPLE_FILE) -> bool:
    """Write path from the example with new random secrets, readable by its owner only.

    Returns False, and writes nothing, when path exists: its secrets open what is stored already.
    """
    text = example.read_text(encoding="utf-8")
    for name, make in _SECRET_MAKERS.items():
        text = re.sub(rf"^{name}=$", f"{name}={make()}", text, flags=re.MULTILINE)
    try:
        # Mode and exclusiveness in the call that creates it: never a moment readable by others.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return True


class _Reader:
    """Reads one variable after the other and collects what is wrong with them."""

    def __init__(self, variables: Mapping[str, str], faults: list[str]) -> None:
        self.variables = variables
        self._faults = faults

    def text(self, name: str) -> str | None:
        """Return the value without spaces round it; an empty one counts as not set."""
        return self.variables.get(name, "").strip() or None

    def optional(
        self, name: str, parse: Callable[[str], Setting], *, default: Setting, expected: str
    ) -> Setting:
        text = self.text(name)
        if text is None:
            return default
        try:
            return parse(text)
        except ValueError:
            shown = f"has {len(text)} characters that do not fit" if "@" in text else f"is {text!r}"
            self._faults.append(f"{name} {shown}, expected {expected}")
            return default

    def secret(
        self, name: str, parse: Callable[[str], Setting], *, missing: Setting, expected: str
    ) -> Setting:
        text = self.text(name)
        if text is None:
            self._faults.append(f"{name} is not set, expected {expected}; `make run` writes one into .env")
            return missing
        return self._unshown(name, text, parse, otherwise=missing, expected=expected)

    def optional_secret(self, name: str, parse: Callable[[str], str], *, expected: str) -> str | None:
        text = self.text(name)
        if text is None:
            return None
        return self._unshown(name, text, parse, otherwise=None, expected=expected)

    def _unshown(
        self, name: str, text: str, parse: Callable[[str], Setting], *, otherwise: Setting, expected: str
    ) -> Setting:
        try:
            return parse(text)
        except ValueError:
            # Never the value: start-up errors end in terminals, issues and chat rooms.
            self._faults.append(f"{name} has {len(text)} characters that do not fit, expected {expected}")
            return otherwise


def _settings(reader: _Reader) -> Iterator[tuple[str, Any]]:
    yield from _secret_settings(reader)
    yield from _order_settings(reader)
    yield from _connection_settings(reader)
    yield from _paper_settings(reader)
    yield from _server_settings(reader)


def _secret_settings(reader: _Reader) -> Iterator[tuple[str, Any]]:
    yield (
        "api_key_pepper",
        reader.secret(
            "API_KEY_PEPPER",
            _random_bytes,
            missing=b"",
            expected="at least 32 random bytes in hex or URL-safe base64",
        ),
    )
    yield (
        "encryption_keys",
        reader.secret(
            "ENCRYPTION_KEYS",
            _fernet_keys,
            missing=_NO_KEYS,
            expected="Fernet keys (32 bytes in URL-safe base64), commas between",
        ),
    )
    yield (
        "secret_key",
        reader.secret("SECRET_KEY", _long_text, missing="", expected="at least 32 random characters"),
    )
    yield (
        "telegram_bot_token",
        reader.optional("TELEGRAM_BOT_TOKEN", str, default=None, expected="a bot token"),
    )


def _order_settings(reader: _Reader) -> Iterator[tuple[str, Any]]:
    yield (
        "bracket_order_rate_limit",
        reader.optional(
            "BRACKET_ORDER_RATE_LIMIT",
            _rate_limit,
            default="2 per second",
            expected="a limit such as '2 per second'",
        ),
    )
    yield (
        "api_rate_limit",
        reader.optional(
            "API_RATE_LIMIT",
            _rate_limit,
            default="300 per second",
            expected="a limit such as '300 per second'",
        ),
    )
    yield (
        "order_rate_limit",
        reader.optional(
            "ORDER_RATE_LIMIT",
            _rate_limit,
            default="10 per second",
            expected="a limit such as '10 per second'",
        ),
    )
    yield (
        "bracket_order_delay",
        reader.optional(
            "BRACKET_ORDER_DELAY",
            _delay,
            default=timedelta(seconds=0.5),
            expected="seconds from 0.05 to 60, such as 0.5",
        ),
    )
    yield (
        "market_hours",
        reader.optional("MARKET_HOURS", MarketHours, default=None, expected="enforce or ignore"),
    )


def _connection_settings(reader: _Reader) -> Iterator[tuple[str, Any]]:
    yield "database_url", _database_url(reader)
    yield (
        "work_accounts",
        reader.optional("WORK_ACCOUNTS", _yes_or_no, default=True, expected="yes or no"),
    )
    yield "redis_url", reader.optional("REDIS_URL", _redis_url, default=None, expected="redis://host:port/0")
    yield (
        "celery_broker_url",
        reader.optional(
            "CELERY_BROKER_URL", _amqp_url, default=None, expected="amqp://user:password@host:port//"
        ),
    )
    yield (
        "instruments_sync_at",
        reader.optional(
            "INSTRUMENTS_SYNC_AT", _time_of_day, default=time(8, 30), expected="HH:MM, such as 08:30"
        ),
    )
    yield (
        "telegram_api_root",
        reader.optional(
            "TELEGRAM_API_ROOT", _web_root, default="https://api.telegram.org", expected=_WEB_ADDRESS
        ),
    )
    yield (
        "telegram_summary_at",
        reader.optional(
            "TELEGRAM_SUMMARY_AT", _time_of_day, default=time(15, 45), expected="HH:MM, such as 15:45"
        ),
    )
    yield (
        "outbound_webhooks_allow",
        reader.optional(
            "OUTBOUND_WEBHOOKS_ALLOW",
            _leaves,
            default=_NO_LEAVES,
            expected="words of private, http and redirects, commas between",
        ),
    )
    yield from _broker_settings(reader)


def _database_url(reader: _Reader) -> str:
    return reader.optional(
        "DATABASE_URL",
        _database_address,
        default="sqlite:///openbracket.db",
        expected="sqlite:///file.db or postgresql+psycopg://user:password@host/name",
    )


def _broker_settings(reader: _Reader) -> Iterator[tuple[str, Any]]:
    roots = _by_broker(reader, _API_ROOT, _web_root, default="", expected=_WEB_ADDRESS)
    yield "broker_api_roots", dict(roots)
    sockets = _by_broker(reader, _WS_ROOT, _socket_root, default="", expected=_SOCKET_ADDRESS)
    yield "broker_ws_roots", dict(sockets)
    waits = _by_broker(reader, _QUIESCENCE, _whole(10, 120), default=10, expected="whole seconds, 10 to 120")
    yield "broker_quiescence", {name: timedelta(seconds=value) for name, value in waits}
    behind = reader.optional(
        "OPENALGO_GTT", OcoBroker, default=None, expected=f"one of {', '.join(OcoBroker)}, or nothing"
    )
    yield "openalgo_gtt", behind
    beside = _beside_database(reader, "broker-capabilities.json")
    yield "capabilities_file", reader.optional("CAPABILITIES_FILE", str, default=beside, expected="a file")


def _by_broker(
    reader: _Reader,
    pattern: re.Pattern[str],
    parse: Callable[[str], Setting],
    *,
    default: Setting,
    expected: str,
) -> Iterator[tuple[str, Setting]]:
    for name in sorted(reader.variables):
        named = pattern.fullmatch(name)
        if named is None or named[1] == "TELEGRAM" or reader.text(name) is None:
            continue
        yield named[1].lower(), reader.optional(name, parse, default=default, expected=expected)


def _paper_settings(reader: _Reader) -> Iterator[tuple[str, Any]]:
    beside = _beside_database(reader, "paper-exchange.state")
    yield "paper_state", reader.optional("PAPER_STATE", str, default=beside, expected="a file")
    yield (
        "paper_prices",
        reader.optional(
            "PAPER_PRICES", _paper_prices, default="", expected="prices such as NSE:SBIN=500,NSE:INFY=1500.50"
        ),
    )


def _server_settings(reader: _Reader) -> Iterator[tuple[str, Any]]:
    yield "port", reader.optional("PORT", _whole(1, 65535), default=5000, expected="a port, 1 to 65535")
    yield (
        "worker_port",
        reader.optional("WORKER_PORT", _whole(1, 65535), default=None, expected="a port, 1 to 65535"),
    )
    yield (
        "max_sockets",
        reader.optional("MAX_SOCKETS", _whole(0, 10_000), default=100, expected="a number, 0 to 10000"),
    )
    yield (
        "trusted_proxies",
        reader.optional("TRUSTED_PROXIES", _whole(0, 10), default=0, expected="a number, 0 to 10"),
    )
    yield (
        "metrics_token",
        reader.optional_secret("METRICS_TOKEN", _token, expected="16 or more letters, digits, - or _"),
    )
    yield (
        "log_level",
        reader.optional("LOG_LEVEL", _log_level, default="INFO", expected="DEBUG, INFO, WARNING or ERROR"),
    )
    yield (
        "log_format",
        reader.optional("LOG_FORMAT", LogFormat, default=LogFormat.PLAIN, expected="plain or json"),
    )
    yield "kill_at", reader.text("KILL_AT")


_NO_KEYS: tuple[str, ...] = ()
_NO_LEAVES: frozenset[OutboundLeave] = frozenset()
_SOCKET_ADDRESS = "an address such as ws://127.0.0.1:8001"
_WEB_ADDRESS = "an address such as http://127.0.0.1:8000"


def _random_bytes(text: str) -> bytes:
    if re.fullmatch(r"([0-9a-fA-F]{2}){32,}", text):
        return bytes.fromhex(text)
    return _at_least(32, _urlsafe_bytes(text))


def _fernet_keys(text: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in text.split(","))
    if any(len(_urlsafe_bytes(key)) != 32 for key in keys):
        raise ValueError
    return keys


def _urlsafe_bytes(text: str) -> bytes:
    if not re.fullmatch(r"[A-Za-z0-9_-]+={0,2}", text):
        raise ValueError
    padded = text.rstrip("=")
    try:
        return base64.urlsafe_b64decode(padded + "=" * (-len(padded) % 4))
    except binascii.Error as exc:
        raise ValueError from exc


def _at_least(count: int, value: bytes) -> bytes:
    if len(value) < count:
        raise ValueError
    return value


def _long_text(text: str) -> str:
    if len(text) < 32:
        raise ValueError
    return text


def _token(text: str) -> str:
    return _matching(re.compile(r"[A-Za-z0-9_-]{16,}"), text)


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if pattern.fullmatch(text) is None:
        raise ValueError
    return text


def _rate_limit(text: str) -> str:
    return _matching(_RATE_LIMIT, text)


def _delay(text: str) -> timedelta:
    try:
        seconds = Decimal(text)
    except InvalidOperation as exc:
        raise ValueError from exc
    if not seconds.is_finite() or not Decimal("0.05") <= seconds <= 60:
        raise ValueError
    return timedelta(microseconds=int(seconds * 1_000_000))


def _web_root(text: str) -> str:
    return _root(text, ("http", "https"))


def _socket_root(text: str) -> str:
    return _root(text, ("ws", "wss"))


def _root(text: str, schemes: tuple[str, str]) -> str:
    parts = urlsplit(text)
    if parts.scheme not in schemes or not parts.hostname or parts.query or parts.fragment:
        raise ValueError
    return text.rstrip("/")


def _database_address(text: str) -> str:
    return _matching(re.compile(r"(sqlite:///(?!:memory:).+|postgresql\+psycopg://.+)"), text)


def _time_of_day(text: str) -> time:
    hour, minute = _matching(re.compile(r"\d\d:\d\d"), text).split(":")
    return time(int(hour), int(minute))


def _leaves(text: str) -> frozenset[OutboundLeave]:
    return frozenset(OutboundLeave(word.strip()) for word in text.split(","))


def _redis_url(text: str) -> str:
    return _matching(re.compile(r"rediss?://.+"), text)


def _amqp_url(text: str) -> str:
    return _matching(re.compile(r"amqps?://.+"), text)


def _paper_prices(text: str) -> str:
    for price in text.split(","):
        _matching(_PAPER_PRICE, price.strip())
    return text


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError
        return int(text)

    return parse


def _yes_or_no(text: str) -> bool:
    return {"yes": True, "no": False}[_matching(re.compile("yes|no"), text.lower())]


def _log_level(text: str) -> str:
    return _matching(re.compile("DEBUG|INFO|WARNING|ERROR"), text.upper())


def _beside_database(reader: "_Reader", name: str) -> str:
    database_url = _database_url(_Reader(reader.variables, []))
    file = Path(database_url.removeprefix("sqlite:///")) if database_url.startswith("sqlite") else Path()
    return str(file.with_name(name)) if file.name else name


def _read_env_file(path: Path, faults: list[str]) -> dict[str, str]:
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        assignment = re.fullmatch(r"([A-Z][A-Z0-9_]*)=(.*)", line)
        if assignment is None:
            faults.append(f"{path}, line {number}, expected NAME=value, a # comment or an empty line")
        else:
            found[assignment[1]] = _unquoted(assignment[2].strip())
    return found


def _unquoted(text: str) -> str:
    quoted = len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


_SECRET_MAKERS: Mapping[str, Callable[[], str]] = {
    "API_KEY_PEPPER": lambda: secrets.token_hex(32),
    "ENCRYPTION_KEYS": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "SECRET_KEY": lambda: secrets.token_hex(32),
}

# The fields that stand for a family of variables.
FAMILIES = {
    "broker_api_roots": "<BROKER>_API_ROOT",
    "broker_ws_roots": "<BROKER>_WS_ROOT",
    "broker_quiescence": "<BROKER>_QUIESCENCE",
}
SETTING_FIELDS = tuple(each for each in fields(Config) if each.name != "sources")
_FAMILY_PATTERNS = (_API_ROOT, _WS_ROOT, _QUIESCENCE)


def is_variable(name: str) -> bool:
    """Return whether a variable of this name is read."""
    is_of_family = any(pattern.fullmatch(name) for pattern in _FAMILY_PATTERNS)
    return is_of_family or name in VARIABLE_NAMES


VARIABLE_NAMES = tuple(FAMILIES.get(each.name, each.name.upper()) for each in SETTING_FIELDS)
