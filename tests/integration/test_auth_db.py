"""Who gets in, who does not, and what a thief of the file would find."""

from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from sqlalchemy import text

from database import account_db, auth_db
from database.account_db import AccountMissing, AccountStatus, NameTaken
from database.auth_db import Scope, Secrets
from database.sealed_columns import rotate_secrets
from database.secret_box import SecretBox, SecretUnreadable, mint_key, read_key
from database.session import Database
from database.settings import set_analyzer_mode
from database.webhook_settings import WebhookLimits
from services.bracket.model import Mode
from tests.builders import NINE_THIRTY, StoppedClock
from tests.stores import an_account, some_secrets

READ_TRADE = frozenset({Scope.READ, Scope.TRADE})


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def secrets(clock: StoppedClock) -> Secrets:
    return some_secrets(clock)


@pytest.fixture
def account_id(db: Database) -> str:
    return an_account(db).id


def a_key(db: Database, secrets: Secrets, account_id: str) -> str:
    return auth_db.create_api_key(db, secrets, account_id, scopes=READ_TRADE, at=NINE_THIRTY)


def a_webhook(db: Database, secrets: Secrets, account_id: str, *, require_timenow: bool = True) -> str:
    return auth_db.create_webhook(db, secrets, account_id, at=NINE_THIRTY, require_timenow=require_timenow)


def test_a_key_speaks_for_its_account(db: Database, secrets: Secrets, account_id: str) -> None:
    caller = auth_db.verify_api_key(db, secrets, a_key(db, secrets, account_id))

    assert caller is not None
    assert (caller.account_id, caller.broker) == (account_id, "paper")
    assert caller.scopes == READ_TRADE
    assert caller.mode is Mode.LIVE


@pytest.mark.parametrize("wrong", ["", "bk_", "bk_12345678_short", "x" * 5000, "bk_12345678_" + "a" * 43])
def test_a_malformed_or_unknown_key_is_nobody(db: Database, secrets: Secrets, wrong: str) -> None:
    assert auth_db.verify_api_key(db, secrets, wrong) is None


def test_the_right_id_with_a_wrong_secret_is_nobody(db: Database, secrets: Secrets, account_id: str) -> None:
    key = a_key(db, secrets, account_id)
    forged = key[:-1] + ("a" if key[-1] != "a" else "b")

    assert auth_db.verify_api_key(db, secrets, forged) is None


def test_a_key_under_another_pepper_is_nobody(db: Database, secrets: Secrets, account_id: str) -> None:
    box = SecretBox(pepper=b"q" * 32, encryption_keys=[urlsafe_b64encode(b"k" * 32).decode()])

    assert auth_db.verify_api_key(db, Secrets(box, StoppedClock()), a_key(db, secrets, account_id)) is None


def test_a_webhook_token_is_no_api_key_and_an_api_key_no_webhook_token(
    db: Database, secrets: Secrets, account_id: str
) -> None:
    assert auth_db.verify_api_key(db, secrets, a_webhook(db, secrets, account_id)) is None
    assert auth_db.verify_webhook_token(db, secrets, a_key(db, secrets, account_id)) is None
    assert auth_db.verify_api_key(db, secrets, "wh" + a_key(db, secrets, account_id)[2:]) is None


def test_a_revoked_key_stops_within_a_second(
    db: Database, secrets: Secrets, clock: StoppedClock, account_id: str
) -> None:
    key = a_key(db, secrets, account_id)
    auth_db.verify_api_key(db, secrets, key)

    assert auth_db.revoke_api_key(db, key[3:11], at=NINE_THIRTY)
    clock.seconds = 1.0

    assert auth_db.verify_api_key(db, secrets, key) is None


def test_a_verified_key_is_not_looked_up_again_within_the_second(
    db: Database, secrets: Secrets, clock: StoppedClock, account_id: str
) -> None:
    key = a_key(db, secrets, account_id)
    first = auth_db.verify_api_key(db, secrets, key)
    auth_db.revoke_api_key(db, key[3:11], at=NINE_THIRTY)
    clock.seconds = 0.9

    assert auth_db.verify_api_key(db, secrets, key) == first


def test_a_key_made_after_a_failed_try_works_at_once(db: Database, secrets: Secrets, account_id: str) -> None:
    key = mint_key("bk")
    assert auth_db.verify_api_key(db, secrets, key.text) is None

    row = (
        "INSERT INTO api_keys "
        "VALUES (:id, :account, :digest, 'read', 'last', '2026-11-23T04:00:00+00:00', NULL, NULL, NULL)"
    )
    with db.write() as connection:
        digest = secrets.box.digest(key.secret)
        connection.execute(text(row), {"id": key.id, "account": account_id, "digest": digest})

    assert auth_db.verify_api_key(db, secrets, key.text) is not None


def test_a_disabled_account_has_no_working_key(db: Database, secrets: Secrets, account_id: str) -> None:
    key, token = a_key(db, secrets, account_id), a_webhook(db, secrets, account_id)

    account_db.set_account_status(db, account_id, status=AccountStatus.DISABLED, at=NINE_THIRTY)

    assert auth_db.verify_api_key(db, secrets, key) is None
    assert auth_db.verify_webhook_token(db, secrets, token) is None


def test_the_owners_analyzer_mode_rides_with_every_caller(
    db: Database, secrets: Secrets, account_id: str
) -> None:
    owner_id = account_db.list_accounts(db)[0].owner_id
    set_analyzer_mode(db, owner_id, mode=Mode.ANALYZE, at=NINE_THIRTY)

    caller = auth_db.verify_api_key(db, secrets, a_key(db, secrets, account_id))
    webhook = auth_db.verify_webhook_token(db, secrets, a_webhook(db, secrets, account_id))

    assert caller is not None and caller.mode is Mode.ANALYZE
    assert webhook is not None and webhook.caller.mode is Mode.ANALYZE


def test_a_webhook_may_place_only_and_keeps_limits(db: Database, secrets: Secrets, account_id: str) -> None:
    limits = WebhookLimits(max_quantity=50, symbols=frozenset({"NSE:SBIN"}))
    token = auth_db.create_webhook(db, secrets, account_id, at=NINE_THIRTY, limits=limits)

    found = auth_db.verify_webhook_token(db, secrets, token)

    assert found is not None
    assert found.caller.scopes == {Scope.WEBHOOK}
    assert (found.limits, found.require_timenow, found.paused) == (limits, True, False)


def test_a_paused_webhook_says_so_and_a_revoked_one_is_nobody(
    db: Database, secrets: Secrets, account_id: str
) -> None:
    token = a_webhook(db, secrets, account_id)

    assert auth_db.pause_webhook(db, token[3:11], paused=True)
    paused = auth_db.verify_webhook_token(db, secrets, token)
    assert auth_db.revoke_webhook(db, token[3:11], at=NINE_THIRTY)

    assert paused is not None and paused.paused
    assert auth_db.verify_webhook_token(db, secrets, token) is None


def test_tradingview_gets_the_webhook_token_and_never_a_trade_key(
    db: Database, secrets: Secrets, account_id: str
) -> None:
    a_key(db, secrets, account_id)
    assert auth_db.get_api_key_for_tradingview(account_id, db=db, secrets=secrets) is None

    token = a_webhook(db, secrets, account_id)

    assert auth_db.get_api_key_for_tradingview(account_id, db=db, secrets=secrets) == token


def test_a_key_leads_to_the_brokers_token(db: Database, secrets: Secrets, account_id: str) -> None:
    key = a_key(db, secrets, account_id)
    assert auth_db.get_auth_token_broker(key, db=db, secrets=secrets) == (None, None)

    account_db.set_auth_token(db, secrets.box, account_id, auth_token="abc:def", at=NINE_THIRTY)

    assert auth_db.get_auth_token_broker(key, db=db, secrets=secrets) == ("abc:def", "paper")
    assert auth_db.get_auth_token_broker("bk_no", db=db, secrets=secrets) == (None, None)


def test_a_token_moved_to_another_account_cannot_be_read(
    db: Database, secrets: Secrets, account_id: str
) -> None:
    other = an_account(db, name="other")
    account_db.set_auth_token(db, secrets.box, account_id, auth_token="abc:def", at=NINE_THIRTY)
    theft = "UPDATE accounts SET auth_token = (SELECT auth_token FROM accounts WHERE id = :id)"
    with db.write() as connection:
        connection.execute(text(theft), {"id": account_id})

    with pytest.raises(SecretUnreadable, match="sealed for another"):
        account_db.auth_token_of(db, secrets.box, other.id)


def test_login_secrets_come_back_and_are_not_the_session_token(
    db: Database, secrets: Secrets, account_id: str
) -> None:
    assert account_db.login_of(db, secrets.box, account_id) == {}
    login = {"api_secret": "s3cret", "totp_seed": "JBSWY3DP"}

    account_db.set_login(db, secrets.box, account_id, login=login, at=NINE_THIRTY)

    assert account_db.login_of(db, secrets.box, account_id) == login
    assert account_db.auth_token_of(db, secrets.box, account_id) is None


def test_rotated_secrets_need_the_first_key_only(db: Database, secrets: Secrets, account_id: str) -> None:
    old, new = (urlsafe_b64encode(letter * 32).decode() for letter in (b"k", b"n"))
    account_db.set_auth_token(db, secrets.box, account_id, auth_token="abc:def", at=NINE_THIRTY)
    token = a_webhook(db, secrets, account_id)

    count = rotate_secrets(db, SecretBox(pepper=b"p" * 32, encryption_keys=[new, old]))

    only_new = SecretBox(pepper=b"p" * 32, encryption_keys=[new])
    assert count == 2
    assert account_db.auth_token_of(db, only_new, account_id) == "abc:def"
    later = Secrets(only_new, StoppedClock())
    assert auth_db.get_api_key_for_tradingview(account_id, db=db, secrets=later) == token
    with pytest.raises(SecretUnreadable):
        account_db.auth_token_of(db, secrets.box, account_id)


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_no_secret_can_be_read_in_the_database_file(
    db: Database, secrets: Secrets, account_id: str, tmp_path: Path
) -> None:
    planted = [a_key(db, secrets, account_id)[12:], a_webhook(db, secrets, account_id)[12:]]
    planted += ["kite_api_key", "kite_access_token", "JBSWY3DPEHPK3PXP"]
    session = f"{planted[2]}:{planted[3]}"
    account_db.set_auth_token(db, secrets.box, account_id, auth_token=session, at=NINE_THIRTY)
    account_db.set_login(db, secrets.box, account_id, login={"totp": planted[4]}, at=NINE_THIRTY)

    everything = b"".join(file.read_bytes() for file in tmp_path.iterdir())

    assert account_id.encode() in everything  # the file is the right one
    assert [secret for secret in planted if secret.encode() in everything] == []


def test_a_name_can_be_taken_once(db: Database, account_id: str) -> None:
    assert account_id

    with pytest.raises(NameTaken, match="'main'"):
        an_account(db)


def test_an_account_that_does_not_exist_gets_nothing(db: Database, secrets: Secrets) -> None:
    with pytest.raises(AccountMissing):
        a_key(db, secrets, "nobody")
    with pytest.raises(AccountMissing):
        account_db.set_auth_token(db, secrets.box, "nobody", auth_token="t", at=NINE_THIRTY)


def test_keys_are_listed_without_their_secret(db: Database, secrets: Secrets, account_id: str) -> None:
    key = a_key(db, secrets, account_id)
    auth_db.record_key_use(db, [key[3:11]], at=NINE_THIRTY)

    entry = auth_db.list_api_keys(db, account_id)[0]

    assert (entry.id, entry.last4, entry.scopes) == (key[3:11], key[-4:], READ_TRADE)
    assert entry.last_used_at == NINE_THIRTY
    assert key[12:] not in repr(entry)


def test_a_key_has_the_promised_shape_and_does_not_print_itself() -> None:
    key = mint_key("bk")

    assert read_key(key.text) == key
    assert (len(key.id), len(key.secret)) == (8, 43)
    assert key.secret not in repr(key)


def test_a_postback_address_names_its_account_and_cannot_be_forged(secrets: Secrets) -> None:
    token = secrets.box.postback_token("01ACCOUNT")

    assert secrets.box.account_of_postback(token) == "01ACCOUNT"
    assert secrets.box.account_of_postback(token.replace("01ACCOUNT", "01ANOTHER")) is None
    assert secrets.box.account_of_postback("pb_01ACCOUNT_") is None
