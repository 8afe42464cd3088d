"""Keys that end and are replaced, and secrets that get the newest of the encryption keys."""

from base64 import urlsafe_b64encode
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import inspect

from database import account_db, auth_db, sealed_columns
from database.auth_db import ApiKeyEntry, Scope, Secrets
from database.outbox_db import Channel, Destination, add_destination
from database.sealed_columns import SEALED, rotate_secrets
from database.secret_box import SecretBox
from database.session import Database, NotStored
from services.logins import Logins
from tests.builders import NINE_THIRTY, StoppedClock
from tests.stores import an_account, some_secrets

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OLD, NEW = urlsafe_b64encode(b"k" * 32).decode(), urlsafe_b64encode(b"n" * 32).decode()


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def secrets(clock: StoppedClock) -> Secrets:
    return some_secrets(clock)


@pytest.fixture
def account_id(db: Database) -> str:
    return an_account(db).id


def a_key(db: Database, secrets: Secrets, account_id: str, *, lasts: timedelta | None = None) -> str:
    scopes = [Scope.READ]
    return auth_db.create_api_key(db, secrets, account_id, scopes=scopes, at=NINE_THIRTY, lasts=lasts)


def is_good(db: Database, secrets: Secrets, key: str) -> bool:
    return auth_db.verify_api_key(db, secrets, key) is not None


def entry(db: Database, account_id: str, key: str) -> ApiKeyEntry:
    return next(one for one in auth_db.list_api_keys(db, account_id) if one.id == key.split("_")[1])


def test_a_key_works_until_it_ends_and_is_refused_from_then_on(
    db: Database, secrets: Secrets, clock: StoppedClock, account_id: str
) -> None:
    key, for_ever = a_key(db, secrets, account_id, lasts=HOUR), a_key(db, secrets, account_id)
    ids = [one.split("_")[1] for one in (key, for_ever)]

    clock.seconds = 3599
    before = (is_good(db, secrets, key), auth_db.refused_keys(db, ids, now=clock.now()))
    clock.seconds = 3601  # the answer of before is forgotten within a second

    assert before == (True, frozenset())
    assert (is_good(db, secrets, key), is_good(db, secrets, for_ever)) == (False, True)
    assert auth_db.refused_keys(db, ids, now=clock.now()) == {ids[0]}
    assert entry(db, account_id, key).is_active(clock.now()) is False


def test_a_rotated_key_may_do_the_same_and_the_old_one_ends_after_its_time(
    db: Database, secrets: Secrets, clock: StoppedClock, account_id: str
) -> None:
    old = a_key(db, secrets, account_id, lasts=DAY)
    old_id = old.split("_")[1]

    clock.seconds = 600
    new = auth_db.rotate_api_key(db, secrets, old_id, at=clock.now(), old_lasts=HOUR)

    assert new is not None
    made = entry(db, account_id, new)
    assert (made.scopes, made.expires_at) == (frozenset({Scope.READ}), clock.now() + DAY)
    assert (is_good(db, secrets, old), is_good(db, secrets, new)) == (True, True)
    clock.seconds = 600 + 3601
    assert (is_good(db, secrets, old), is_good(db, secrets, new)) == (False, True)


def test_a_key_that_is_rotated_does_not_live_longer_for_it(
    db: Database, secrets: Secrets, clock: StoppedClock, account_id: str
) -> None:
    old = a_key(db, secrets, account_id, lasts=HOUR)

    auth_db.rotate_api_key(db, secrets, old.split("_")[1], at=clock.now(), old_lasts=DAY)

    assert entry(db, account_id, old).expires_at == NINE_THIRTY + HOUR


def test_a_key_that_is_gone_is_not_rotated(
    db: Database, secrets: Secrets, clock: StoppedClock, account_id: str
) -> None:
    revoked, ended = a_key(db, secrets, account_id), a_key(db, secrets, account_id, lasts=HOUR)
    auth_db.revoke_api_key(db, revoked.split("_")[1], at=NINE_THIRTY)
    clock.seconds = 3600

    for key in (revoked, ended, "bk_nosuchid_x"):
        gone = auth_db.rotate_api_key(db, secrets, key.split("_")[1], at=clock.now(), old_lasts=HOUR)
        assert gone is None
    assert len(auth_db.list_api_keys(db, account_id)) == 2


# --- what is sealed


def everything_sealed(db: Database, secrets: Secrets, account_id: str) -> None:
    """Store something in each column that holds a cipher."""
    account_db.set_auth_token(db, secrets.box, account_id, auth_token="abc:def", at=NINE_THIRTY)
    account_db.set_login(db, secrets.box, account_id, login={"totp": "seed"}, at=NINE_THIRTY)
    auth_db.create_webhook(db, secrets, account_id, at=NINE_THIRTY)
    account = account_db.existing_account(db, account_id)
    sealed = secrets.box.seal("whsec", account_db.sealed_for(account, "signing_secret hook"))
    hook = Destination(
        id="hook", account_id=account_id, channel=Channel.WEBHOOK, address="x", created_at=NINE_THIRTY
    )
    add_destination(db, hook, secret=sealed)
    logins = Logins(db, secrets.box, StoppedClock())
    secret, _ = logins.offer_second_factor(account.owner_id, "owner")
    assert secret
    with db.write() as connection:  # a factor in force and another one offered
        connection.exec_driver_sql("UPDATE second_factors SET secret = pending")


def ciphers(db: Database) -> dict[str, list[str]]:
    """Return every cipher of the whole database, by table and column."""
    found: dict[str, list[str]] = {}
    with db.read() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}").mappings():  # noqa: S608
                for column, value in row.items():
                    if isinstance(value, str) and value.startswith("gAAAA"):
                        found.setdefault(f"{table}.{column}", []).append(value)
    return found


def test_every_cipher_of_the_database_gets_the_newest_key_and_none_twice(
    db: Database, secrets: Secrets, account_id: str
) -> None:
    everything_sealed(db, secrets, account_id)
    box = SecretBox(pepper=b"p" * 32, encryption_keys=[NEW, OLD])

    counts = rotate_secrets(db, box), rotate_secrets(db, box)

    found = ciphers(db)
    assert set(found) == {f"{table.__tablename__}.{name}" for table, name in SEALED}
    assert counts == (len(SEALED), 0)
    for cipher in (one for ciphered in found.values() for one in ciphered):
        assert Fernet(NEW).decrypt(cipher)
        with pytest.raises(InvalidToken):
            Fernet(OLD).decrypt(cipher)


def test_a_rotation_that_breaks_off_goes_on_where_it_was(
    db: Database, secrets: Secrets, account_id: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    everything_sealed(db, secrets, account_id)
    box = SecretBox(pepper=b"p" * 32, encryption_keys=[NEW, OLD])
    seal_again, calls = sealed_columns._seal_again, [1, 2]

    def break_off(*given: object) -> None:
        if not calls:
            raise NotStored("the disk is full")
        calls.pop()
        seal_again(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(sealed_columns, "_TOGETHER", 1)
    monkeypatch.setattr(sealed_columns, "_seal_again", break_off)
    with pytest.raises(NotStored):
        rotate_secrets(db, box)
    monkeypatch.undo()

    assert account_db.auth_token_of(db, box, account_id) == "abc:def"
    assert rotate_secrets(db, box) == len(SEALED) - 2
