"""The environment: what is refused at the start, and what never shows."""

import re
import stat
from base64 import urlsafe_b64encode
from datetime import timedelta
from pathlib import Path

import pytest

from utils.config import (
    EXAMPLE_FILE,
    VARIABLE_NAMES,
    Config,
    ConfigInvalid,
    LogFormat,
    MarketHours,
    OcoBroker,
    write_env_file,
)

FERNET = urlsafe_b64encode(b"k" * 32).decode()
SECRETS = {"API_KEY_PEPPER": "ab" * 32, "ENCRYPTION_KEYS": FERNET, "SECRET_KEY": "cookie-secret-" * 4}
NO_FILE = Path("/nonexistent/.env")


def config(**variables: str) -> Config:
    return Config.from_env({**SECRETS, **variables}, env_file=NO_FILE)


def faults(**variables: str) -> list[str]:
    with pytest.raises(ConfigInvalid) as raised:
        config(**variables)
    return raised.value.faults


def test_secrets_alone_are_enough() -> None:
    found = config()

    assert found.bracket_order_rate_limit == "2 per second"
    assert found.bracket_order_delay == timedelta(seconds=0.5)
    assert found.database_url == "sqlite:///openbracket.db"
    assert found.paper_state == "paper-exchange.state"
    assert found.market_hours is None
    assert (found.port, found.max_sockets, found.trusted_proxies) == (5000, 100, 0)


def test_every_setting_is_read() -> None:
    found = config(
        BRACKET_ORDER_RATE_LIMIT="10/minute",
        ORDER_RATE_LIMIT="5/minute",
        BRACKET_ORDER_DELAY="1.25",
        DATABASE_URL="sqlite:////var/lib/ob/live.db",
        REDIS_URL="redis://localhost:6379/0",
        TELEGRAM_BOT_TOKEN="1:abc",
        TELEGRAM_API_ROOT="http://127.0.0.1:9/",
        ZERODHA_API_ROOT="http://127.0.0.1:8000",
        ZERODHA_WS_ROOT="ws://127.0.0.1:8001/",
        ZERODHA_QUIESCENCE="15",
        OPENALGO_GTT="zerodha",
        PAPER_PRICES="NSE:SBIN=500,NSE:M&M=1500.50",
        MARKET_HOURS="enforce",
        ENCRYPTION_KEYS=f"{FERNET}, {FERNET}",
        PORT="8080",
        MAX_SOCKETS="0",
        LOG_LEVEL="debug",
        LOG_FORMAT="json",
        TRUSTED_PROXIES="1",
        WORK_ACCOUNTS="no",
    )

    assert found.bracket_order_delay == timedelta(seconds=1.25)
    assert found.paper_state == "/var/lib/ob/paper-exchange.state"
    assert found.telegram_api_root == "http://127.0.0.1:9"
    assert found.broker_api_roots == {"zerodha": "http://127.0.0.1:8000"}
    assert found.broker_ws_roots == {"zerodha": "ws://127.0.0.1:8001"}
    assert found.broker_quiescence == {"zerodha": timedelta(seconds=15)}
    assert found.openalgo_gtt is OcoBroker.ZERODHA
    assert found.work_accounts is False
    assert found.market_hours is MarketHours.ENFORCE
    assert found.encryption_keys == (FERNET, FERNET)
    assert found.api_key_pepper == b"\xab" * 32
    assert (found.port, found.max_sockets, found.trusted_proxies) == (8080, 0, 1)
    assert (found.log_level, found.log_format) == ("DEBUG", LogFormat.JSON)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BRACKET_ORDER_RATE_LIMIT", "quickly"),
        ("BRACKET_ORDER_DELAY", "0"),
        ("BRACKET_ORDER_DELAY", "NaN"),
        ("BRACKET_ORDER_DELAY", "half"),
        ("DATABASE_URL", "mysql://x"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("REDIS_URL", "localhost"),
        ("TELEGRAM_API_ROOT", "api.telegram.org"),
        ("ZERODHA_API_ROOT", "ftp://x"),
        ("ZERODHA_QUIESCENCE", "3"),
        ("PAPER_PRICES", "SBIN=500"),
        ("MARKET_HOURS", "sometimes"),
        ("PORT", "70000"),
        ("PORT", "5000.0"),
        ("MAX_SOCKETS", "-1"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("TRUSTED_PROXIES", "all"),
        ("WORK_ACCOUNTS", "maybe"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(name: str, value: str) -> None:
    found = faults(**{name: value})

    assert len(found) == 1
    assert found[0].startswith(f"{name} is {value!r}, expected ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEY_PEPPER", "too-short-a-pepper"),
        ("ENCRYPTION_KEYS", FERNET + ",not-a-fernet-key"),
        ("SECRET_KEY", "short-secret-key"),
        ("DATABASE_URL", "mysql://bob:hunter2@host/name"),
    ],
)
def test_a_wrong_secret_is_named_without_its_value(name: str, value: str) -> None:
    found = faults(**{name: value})

    assert len(found) == 1
    assert found[0].startswith(name)
    assert value not in found[0]


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(ConfigInvalid) as raised:
        Config.from_env({"PORT": "x", "LOG_LEVEL": "y"}, env_file=NO_FILE)

    named = [fault.split()[0] for fault in raised.value.faults]
    assert sorted(named) == ["API_KEY_PEPPER", "ENCRYPTION_KEYS", "LOG_LEVEL", "PORT", "SECRET_KEY"]
    assert all(name in str(raised.value) for name in named)


def test_no_secret_shows_in_a_printed_config() -> None:
    found = config(
        TELEGRAM_BOT_TOKEN="1:bot-token", DATABASE_URL="postgresql+psycopg://bob:hunter2@host/name"
    )

    shown = repr(found) + str(found)
    planted = ["hunter2", "1:bot-token", "abab", "\\xab", FERNET, SECRETS["SECRET_KEY"]]
    assert [secret for secret in planted if secret in shown] == []
    assert {"hunter2", "1:bot-token", "ab" * 32, FERNET} <= found.secret_values()


def test_the_process_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# a comment\n\nPORT=6000\nLOG_LEVEL='ERROR'\nPAPER_PRICES=\"NSE:SBIN=500\"\n")

    found = Config.from_env({**SECRETS, "PORT": "7000"}, env_file=file)

    assert (found.port, found.log_level, found.paper_prices) == (7000, "ERROR", "NSE:SBIN=500")


def test_a_line_that_is_no_setting_is_told_by_number_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("PORT=6000\nexport SECRET=hunter2\n")

    with pytest.raises(ConfigInvalid, match="line 2") as raised:
        Config.from_env(SECRETS, env_file=file)

    assert "hunter2" not in str(raised.value)


def test_a_push_stream_has_a_web_sockets_address() -> None:
    (fault,) = faults(ZERODHA_WS_ROOT="http://127.0.0.1:8001")

    assert fault.startswith("ZERODHA_WS_ROOT is")


def test_the_example_and_the_config_know_the_same_settings() -> None:
    text = EXAMPLE_FILE.read_text(encoding="utf-8")
    named = set(re.findall(r"^([A-Z_]+)=", text, flags=re.MULTILINE))
    named |= {
        family
        for family in ("<BROKER>_API_ROOT", "<BROKER>_WS_ROOT", "<BROKER>_QUIESCENCE")
        if family in text
    }

    assert named == set(VARIABLE_NAMES)


def test_every_setting_of_the_example_has_a_sentence_above_it() -> None:
    lines = EXAMPLE_FILE.read_text(encoding="utf-8").splitlines()
    settings = [number for number, line in enumerate(lines) if re.match(r"[A-Z_]+=", line)]

    assert settings
    assert [lines[n] for n in settings if not re.match(r"# .*\.$", lines[n - 1])] == []


def test_a_written_file_starts_the_service_and_is_private(tmp_path: Path) -> None:
    file = tmp_path / ".env"

    assert write_env_file(file)

    found = Config.from_env({}, env_file=file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert found == Config(
        api_key_pepper=found.api_key_pepper,
        encryption_keys=found.encryption_keys,
        secret_key=found.secret_key,
    )


def test_two_written_files_have_different_secrets(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"

    write_env_file(first)
    write_env_file(second)

    pair = [Config.from_env({}, env_file=file) for file in (first, second)]
    assert pair[0].secret_values().isdisjoint(pair[1].secret_values())


def test_a_file_that_exists_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("PORT=1")

    assert not write_env_file(file)
    assert file.read_text() == "PORT=1"


@pytest.mark.parametrize("behind", ["angel", "upstox", "yes"])
def test_a_broker_whose_legs_do_not_cancel_each_other_is_no_setting(behind: str) -> None:
    (fault,) = faults(OPENALGO_GTT=behind)

    assert f"OPENALGO_GTT is '{behind}', expected one of zerodha, dhan, fyers" in fault
