"""An owner's accounts as their page shows them, and what a person does to one from there."""

from dataclasses import dataclass
from datetime import datetime

from database.account_db import (
    Account,
    AccountStatus,
    auth_token_of,
    list_accounts,
    set_account_status,
    token_stored_at,
)
from database.secret_box import SecretUnreadable
from database.settings import SettingScope, kill_switch
from services.board import kill_switch_of, switch_kill_of_account
from services.bracket.model import KillMode
from services.broker_login import login_ends_at
from services.desk import Desk
from services.office_consequences import AccountAct
from services.vitals import Vitals


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountShown:
    """One account. kill is its own switch; kill_in_force is the stricter of that and its owner's.

    token_readable: False when the stored token fits none of the encryption keys, None without one.
    token_ends_at: when the broker ends the session by itself; None where it does not, or nobody knows.
    """

    account: Account
    token_readable: bool | None
    token_stored_at: datetime | None
    token_ends_at: datetime | None
    kill: KillMode
    kill_in_force: KillMode
    workers: tuple[Vitals, ...]


def accounts_overview(desk: Desk, owner_id: str) -> list[AccountShown]:
    """Return the owner's accounts, oldest first. Asks no broker. Raises NotRead."""
    return [_shown(desk, one) for one in list_accounts(desk.db, owner_id=owner_id)]


def act_on_account(desk: Desk, one: Account, act: AccountAct) -> None:
    """Pause or disable an account, or take that back. Its open brackets stay protected throughout."""
    match act:
        case AccountAct.PAUSE:
            switch_kill_of_account(desk, one.id, mode=KillMode.BLOCK_ENTRIES)
        case AccountAct.RESUME:
            switch_kill_of_account(desk, one.id, mode=KillMode.OFF)
        case AccountAct.DISABLE:
            _set_status(desk, one, AccountStatus.DISABLED)
        case AccountAct.ENABLE:
            _set_status(desk, one, AccountStatus.ACTIVE)


def _set_status(desk: Desk, one: Account, status: AccountStatus) -> None:
    set_account_status(desk.db, one.id, status=status, at=desk.clock.now())
    desk.secrets.callers.forget()  # keys verified a moment ago must hear of it too


def _shown(desk: Desk, one: Account) -> AccountShown:
    workers = [worker for worker in desk.supervisor.workers() if worker.account_id == one.id]
    return AccountShown(
        account=one,
        token_readable=_is_token_readable(desk, one),
        token_stored_at=token_stored_at(desk.db, one.id),
        token_ends_at=login_ends_at(desk.db, one),
        kill=kill_switch_of(desk, SettingScope.ACCOUNT, one.id),
        kill_in_force=kill_switch(desk.db, one.id, owner_id=one.owner_id),
        workers=tuple(worker.vitals() for worker in workers),
    )


def _is_token_readable(desk: Desk, one: Account) -> bool | None:
    try:
        return None if auth_token_of(desk.db, desk.secrets.box, one.id) is None else True
    except SecretUnreadable:
        return False
