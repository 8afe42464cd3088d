"""Short-lived words that begin or end a broker login: each names its account and works once."""

import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import msgspec
from sqlalchemy import and_, delete, select

from database.secret_box import SecretBox
from database.session import Database
from database.settings import SettingRow, SettingScope, put_setting

_WORD = re.compile(r"lg_([0-9A-Za-z]+)_[0-9A-Za-z_-]{40,60}")


class LoginStep(StrEnum):
    TICKET = "login_ticket"  # opens our login page
    STATE = "login_state"  # comes back from the broker's


class _Kept(msgspec.Struct, frozen=True):
    digest: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginWord:
    """What travels through a browser. The whole of it is a secret until it was used."""

    text: str = field(repr=False)
    until: datetime


def mint_login_word(
    db: Database, box: SecretBox, account_id: str, *, step: LoginStep, until: datetime, bound_to: str = ""
) -> LoginWord:
    """Return a new word for one step; the one before it stops working.

    bound_to is what must be shown together with it, such as a cookie. Raises NotStored.
    """
    text = f"lg_{account_id}_{secrets.token_urlsafe(32)}"
    kept = msgspec.json.encode(_Kept(digest=_digest(box, text, step, bound_to), until=until)).decode()
    put_setting(db, SettingScope.ACCOUNT, subject_id=account_id, key=step, value=kept, at=until)
    return LoginWord(text=text, until=until)


def use_login_word(
    db: Database, box: SecretBox, text: str, *, step: LoginStep, now: datetime, bound_to: str = ""
) -> str | None:
    """Return the account a word was minted for, and let it never work again; None when it does not work.

    A wrong word, or one without what it is bound to, leaves the right one as it is. Raises NotStored.
    """
    found = _WORD.fullmatch(text)
    if found is None:
        return None
    account_id = found[1]
    where = and_(
        SettingRow.scope == SettingScope.ACCOUNT,
        SettingRow.subject_id == account_id,
        SettingRow.key == step,
    )
    with db.write() as connection:  # one writer at a time: of two that bring the same word, one finds it
        value = connection.scalar(select(SettingRow.value).where(where))
        kept = None if value is None else msgspec.json.decode(value, type=_Kept)
        if kept is None or not hmac.compare_digest(kept.digest, _digest(box, text, step, bound_to)):
            return None
        connection.execute(delete(SettingRow).where(where, SettingRow.value == value))
    return account_id if now < kept.until else None


def _digest(box: SecretBox, text: str, step: LoginStep, bound_to: str) -> str:
    return box.digest(f"{step} {text} {bound_to}")
