"""The operator's commands, as an operator types them."""

import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from cli import register_commands
from database import account_db, auth_db
from database.auth_db import Scope, Secrets
from database.revision import is_current
from database.secret_box import SecretBox
from database.session import Database
from utils.clock import SystemClock
from utils.config import PROJECT_ROOT, Config, write_env_file

Run = Callable[..., Result]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        api_key_pepper=b"p" * 32,
        encryption_keys=(urlsafe_b64encode(b"k" * 32).decode(),),
        secret_key="s" * 32,
        database_url=f"sqlite:///{tmp_path / 'openbracket.db'}",
    )


@pytest.fixture
def run(config: Config) -> Run:
    app = Flask("test")
    register_commands(app, config=config, clock=SystemClock(), brokers={"paper", "zerodha"})
    runner = app.test_cli_runner()

    def invoke(*words: str, stdin: str | None = None) -> Result:
        return runner.invoke(args=words, input=stdin)

    return invoke


@pytest.fixture
def server(config: Config, run: Run) -> Iterator[tuple[Database, Secrets]]:
    """Give what a running server holds open beside the commands."""
    assert run("db", "upgrade").exit_code == 0
    box = SecretBox(pepper=config.api_key_pepper, encryption_keys=config.encryption_keys)
    db = Database(config.database_url)
    yield db, Secrets(box, SystemClock())
    db.close()


def test_a_running_server_knows_a_new_account_and_key_at_once(
    run: Run, server: tuple[Database, Secrets]
) -> None:
    db, secrets = server

    added = run("account", "add", "--name", "main", "--broker", "zerodha", "--auth-token", "key:access")
    created = run("apikey", "create", "--account", "main")

    assert (added.exit_code, created.exit_code) == (0, 0)
    caller = auth_db.verify_api_key(db, secrets, created.output.strip())
    assert caller is not None
    assert caller.scopes == {Scope.READ, Scope.TRADE}
    assert auth_db.get_auth_token_broker(created.output.strip(), db=db, secrets=secrets) == (
        "key:access",
        "zerodha",
    )


def test_a_key_is_printed_and_nothing_else(run: Run, server: tuple[Database, Secrets]) -> None:
    assert server
    run("account", "add", "--name", "main", "--broker", "paper")

    key = run("apikey", "create", "--account", "main", "--scope", "read").output
    token = run("webhook", "create", "--account", "main").output

    assert (len(key.split()), len(token.split())) == (1, 1)
    assert key.startswith("bk_")
    assert token.startswith("wh_")


def test_a_token_can_come_from_standard_input(run: Run, server: tuple[Database, Secrets]) -> None:
    db, secrets = server

    result = run(
        "account", "add", "--name", "main", "--broker", "zerodha", "--auth-token", "-", stdin="a:b\n"
    )

    account = account_db.account_named(db, "main")
    assert account is not None
    assert account_db.auth_token_of(db, secrets.box, account.id) == "a:b"
    assert "a:b" not in result.output


def test_the_days_new_token_replaces_the_old_one(run: Run, server: tuple[Database, Secrets]) -> None:
    db, secrets = server
    run("account", "add", "--name", "main", "--broker", "zerodha", "--auth-token", "a:old")

    run("account", "set-token", "--name", "main", "--auth-token", "a:new")

    account = account_db.account_named(db, "main")
    assert account is not None
    assert account_db.auth_token_of(db, secrets.box, account.id) == "a:new"


def test_a_webhook_asks_for_timenow_unless_told_not_to(run: Run, server: tuple[Database, Secrets]) -> None:
    db, secrets = server
    run("account", "add", "--name", "main", "--broker", "paper")

    strict = run("webhook", "create", "--account", "main").output.strip()
    lax = run("webhook", "create", "--account", "main", "--no-require-timenow").output.strip()

    found = [auth_db.verify_webhook_token(db, secrets, token) for token in (strict, lax)]
    assert [webhook and webhook.require_timenow for webhook in found] == [True, False]


def test_a_revoked_key_is_listed_as_such_and_cannot_be_revoked_again(
    run: Run, server: tuple[Database, Secrets]
) -> None:
    db, secrets = server
    run("account", "add", "--name", "main", "--broker", "paper")
    key = run("apikey", "create", "--account", "main").output.strip()

    first = run("apikey", "revoke", key[3:11])
    second = run("apikey", "revoke", key[3:11])

    assert (first.exit_code, second.exit_code) == (0, 2)
    assert auth_db.verify_api_key(db, secrets, key) is None
    assert run("apikey", "list", "--account", "main").output.strip().endswith("read trade\trevoked")


def test_accounts_are_listed_without_secrets(run: Run, server: tuple[Database, Secrets]) -> None:
    assert server
    run("account", "add", "--name", "main", "--broker", "zerodha", "--auth-token", "planted:token")

    output = run("account", "list").output

    assert output.startswith("main\tzerodha\tactive\t")
    assert "planted" not in output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("account", "add", "--name", "main", "--broker", "paper"), "the name 'main' is taken"),
        (("apikey", "create", "--account", "nobody"), "there is no account named 'nobody'"),
        (("webhook", "create", "--account", "nobody"), "there is no account named 'nobody'"),
        (("account", "set-token", "--name", "main", "--auth-token", " "), "the token is empty"),
    ],
)
def test_a_fault_is_one_sentence_and_exit_code_2(
    run: Run, server: tuple[Database, Secrets], words: tuple[str, ...], sentence: str
) -> None:
    assert server
    run("account", "add", "--name", "main", "--broker", "paper")

    result = run(*words)

    assert result.exit_code == 2
    assert result.output == f"Error: {sentence}\n"


def test_an_unknown_broker_is_refused_with_the_known_ones(run: Run, server: tuple[Database, Secrets]) -> None:
    assert server

    result = run("account", "add", "--name", "main", "--broker", "acme")

    assert result.exit_code == 2
    assert "'paper', 'zerodha'" in result.output


def test_commands_before_the_first_upgrade_say_what_to_do(run: Run) -> None:
    result = run("account", "list")

    assert result.exit_code == 2
    assert "db upgrade" in result.output


def test_an_upgrade_makes_the_database_current_and_may_be_repeated(config: Config, run: Run) -> None:
    db = Database(config.database_url)
    before = is_current(db)

    codes = [run("db", "upgrade").exit_code for _ in range(2)]

    assert (before, codes, is_current(db)) == (False, [0, 0], True)
    db.close()


def test_an_upgrade_of_a_database_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    config = Config(
        api_key_pepper=b"p" * 32,
        encryption_keys=(urlsafe_b64encode(b"k" * 32).decode(),),
        secret_key="s" * 32,
        database_url=f"sqlite:///{tmp_path / 'missing' / 'x.db'}",
    )
    app = Flask("test")
    register_commands(app, config=config, clock=SystemClock(), brokers=["paper"])

    result = app.test_cli_runner().invoke(args=["db", "upgrade"])

    assert result.exit_code == 2
    assert result.output.startswith("Error: database error:")


@pytest.mark.parametrize("words", ["0d", "5", "1w", "-1h", "1.5h"])
def test_a_key_lasts_for_days_hours_or_minutes(
    run: Run, server: tuple[Database, Secrets], words: str
) -> None:
    run("account", "add", "--name", "main", "--broker", "paper")

    wrong = run("apikey", "create", "--account", "main", "--expires-in", words)
    key = run("apikey", "create", "--account", "main", "--expires-in", "90d").output.strip()
    listed = run("apikey", "list", "--account", "main").output

    assert wrong.exit_code == 2
    assert listed.count("\n") == 1
    assert f"{key.split('_')[1]}\t" in listed
    assert "active until 20" in listed


def test_a_key_and_the_secrets_are_rotated_by_command(run: Run, server: tuple[Database, Secrets]) -> None:
    db, secrets = server
    run("account", "add", "--name", "main", "--broker", "zerodha", "--auth-token", "key:access")
    old = run("apikey", "create", "--account", "main").output.strip()

    new = run("apikey", "rotate", old.split("_")[1], "--old-lasts", "30m").output.strip()
    again = run("apikey", "rotate", "nosuchid")

    assert auth_db.verify_api_key(db, secrets, old) is not None
    assert auth_db.verify_api_key(db, secrets, new) is not None
    assert again.exit_code == 2
    assert run("secrets", "rotate").output.startswith("0 secrets were sealed anew")


def test_the_settings_are_shown_with_their_source_and_without_secrets(run: Run, config: Config) -> None:
    shown = run("config", "check")

    assert shown.exit_code == 0, shown.output
    assert "PORT=5000\t(default)" in shown.output
    assert "SECRET_KEY=set, not shown\t(default)" in shown.output
    assert not any(secret in shown.output for secret in config.secret_values())


def test_a_name_in_the_file_that_is_no_setting_is_told_with_what_was_meant(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    write_env_file(file)
    file.write_text(file.read_text() + "BRAKET_ORDER_DELAY=1\nZERODHA_API_ROOT=http://127.0.0.1:1\n")
    app = Flask("test")
    config = Config.from_env({}, env_file=file)
    register_commands(app, config=config, clock=SystemClock(), brokers={"paper"})

    checked = app.test_cli_runner().invoke(args=["config", "check"])

    assert checked.exit_code == 2
    assert "BRAKET_ORDER_DELAY in .env is no setting: do you mean BRACKET_ORDER_DELAY?" in checked.output
    assert checked.output.count("WRONG") == 1
    assert "ZERODHA_API_ROOT=http://127.0.0.1:1\t(.env)" in checked.output


def test_a_wrong_setting_ends_every_command_with_its_name_and_no_traceback(tmp_path: Path) -> None:
    write_env_file(tmp_path / ".env")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT_ROOT), "PORT": "many"}
    words = [sys.executable, "-m", "flask", "--app", "app", "config", "check"]

    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "PORT is 'many', expected a port, 1 to 65535" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("trouble", ["open to others", "restored"])
def test_the_doctor_tells_what_the_operator_can_mend(
    run: Run, server: tuple[Database, Secrets], config: Config, trouble: str
) -> None:
    run("account", "add", "--name", "main", "--broker", "paper")
    fine = run("doctor")
    if trouble == "restored":
        run("restore", "--hold")
    else:
        Path(config.database_url.removeprefix("sqlite:///")).chmod(0o644)

    found = run("doctor")

    assert fine.exit_code == 0, fine.output
    assert "MB are free" in fine.output
    assert found.exit_code == 2
    assert [line for line in found.output.splitlines() if line.startswith("WRONG") and trouble in line]
