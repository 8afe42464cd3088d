"""The operator's commands for webhooks: what is set is shown, held and taken away again."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from database import auth_db
from database.auth_db import Secrets
from database.session import Database
from database.webhook_settings import (
    TRADINGVIEW_ADDRESSES,
    OnExit,
    PriceUnit,
    RiskUnit,
    WebhookLimits,
    WebhookSettings,
)
from tests.integration.test_cli import Run, config, run, server

__all__ = ["config", "run", "server"]

SAID = (
    *("--max-quantity", "100", "--max-value", "50000.50", "--max-open", "3"),
    *("--symbol", "nse:sbin", "--symbol", "NFO:NIFTY1!", "--product", "MIS", "--hours", "09:20-15:00"),
    *("--ip", "tradingview", "--ip", "10.0.0.0/8", "--default", "sl_percent=1", "--default", "exchange=NSE"),
    *("--map", "BANKNIFTY=NFO:BANKNIFTY1!", "--on-exit", "cancel_legs", "--on-opposite", "close_first"),
    *("--price-unit", "points", "--risk-unit", "lots", "--allow-delayed"),
)
LIMITS = WebhookLimits(
    max_quantity=100,
    max_open_brackets=3,
    symbols=frozenset({"NSE:SBIN", "NFO:NIFTY1!"}),
    max_value=Decimal("50000.50"),
    products=frozenset({"MIS"}),
    hours="09:20-15:00",
    addresses=frozenset({*TRADINGVIEW_ADDRESSES, "10.0.0.0/8"}),
)
SETTINGS = WebhookSettings(
    defaults={"sl_percent": "1", "exchange": "NSE"},
    symbol_map={"BANKNIFTY": "NFO:BANKNIFTY1!"},
    on_exit=OnExit.CANCEL_LEGS,
    on_opposite="close_first",
    price_unit=PriceUnit.POINTS,
    risk_unit=RiskUnit.LOTS,
    allow_delayed=True,
)


@pytest.fixture
def db(run: Run, server: tuple[Database, Secrets]) -> Iterator[Database]:
    assert run("account", "add", "--name", "main", "--broker", "paper").exit_code == 0
    yield server[0]


def made(run: Run, *words: str) -> str:
    """Make a webhook and return its id."""
    answer = run("webhook", "create", "--account", "main", *words)
    assert answer.exit_code == 0, answer.output
    return answer.output.strip()[3:11]


def stored(db: Database, webhook_id: str) -> tuple[WebhookLimits, WebhookSettings]:
    found = auth_db.find_webhook(db, webhook_id)
    assert found is not None
    return found.limits, found.settings


def test_what_is_said_at_creation_is_stored(run: Run, db: Database) -> None:
    webhook_id = made(run, "--name", "my strategy", *SAID)

    assert stored(db, webhook_id) == (LIMITS, SETTINGS)


def test_what_is_said_later_is_stored_and_the_rest_stays(run: Run, db: Database) -> None:
    webhook_id = made(run)

    assert run("webhook", "limit", webhook_id, *SAID).exit_code == 0
    assert run("webhook", "limit", webhook_id, "--max-quantity", "7").exit_code == 0

    limits, settings = stored(db, webhook_id)
    assert (limits.max_quantity, limits.max_open_brackets, settings) == (7, 3, SETTINGS)


def test_none_takes_everything_away_again(run: Run, db: Database) -> None:
    webhook_id = made(run, *SAID)

    answer = run(
        "webhook", "limit", webhook_id,
        *("--max-quantity", "none", "--max-value", "none", "--max-open", "none", "--symbol", "none"),
        *("--product", "none", "--hours", "none", "--ip", "none", "--default", "sl_percent="),
        *("--default", "exchange=", "--map", "banknifty=", "--on-exit", "close_bracket"),
        *("--on-opposite", "reject", "--price-unit", "none", "--risk-unit", "none", "--refuse-delayed"),
    )  # fmt: skip

    assert answer.exit_code == 0, answer.output
    assert stored(db, webhook_id) == (WebhookLimits(), WebhookSettings())


def test_the_list_shows_limits_and_settings_and_no_token(run: Run, db: Database) -> None:
    token = run("webhook", "create", "--account", "main", "--name", "mine", *SAID).output.strip()
    other = made(run)
    run("webhook", "pause", other)

    shown = run("webhook", "list", "--account", "main").output

    assert token[12:] not in shown
    for words in (
        f"{token[3:11]}\tactive\ttimenow required\tmine",
        f"{other}\tpaused",
        "  max_value: 50000.50",
    ):
        assert words in shown
    assert "  defaults: exchange=NSE, sl_percent=1" in shown
    assert "52.89.214.238" in shown


def test_a_webhook_is_paused_resumed_and_revoked(run: Run, db: Database) -> None:
    webhook_id = made(run)

    states = []
    for command in ("pause", "resume"):
        assert run("webhook", command, webhook_id).exit_code == 0
        found = auth_db.find_webhook(db, webhook_id)
        assert found is not None
        states.append(found.paused)

    assert states == [True, False]
    assert run("webhook", "revoke", webhook_id).exit_code == 0
    assert auth_db.find_webhook(db, webhook_id) is None


@pytest.mark.parametrize("command", ["pause", "resume", "revoke", "limit"])
def test_a_webhook_that_is_not_there_is_a_sentence(run: Run, db: Database, command: str) -> None:
    answer = run("webhook", command, "AbCd1234")

    assert (answer.exit_code, "no active webhook" in answer.output) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("--max-quantity", "1.5"),
        ("--max-quantity", "0"),
        ("--max-value", "much"),
        ("--max-open", "-1"),
        ("--symbol", "SBIN"),
        ("--product", "BO"),
        ("--hours", "9-15"),
        ("--hours", "15:00-09:20"),
        ("--hours", "24:00-25:00"),
        ("--ip", "10.0.0.1.5"),
        ("--ip", "10.0.0.1/8"),
        ("--default", "sl_percent"),
        ("--default", "action=BUY"),
        ("--default", "colour=red"),
        ("--map", "BANKNIFTY=SOMETHING"),
        ("--on-exit", "panic"),
        ("--on-opposite", "net"),
        ("--price-unit", "pips"),
        ("--risk-unit", "percent"),
    ],
)
def test_what_cannot_be_set_is_refused_and_nothing_is_made(
    run: Run, db: Database, words: tuple[str, str]
) -> None:
    answer = run("webhook", "create", "--account", "main", *words)

    assert answer.exit_code == 2
    assert run("webhook", "list", "--account", "main").output == ""
