"""Every bracket of a store decided again: what any test that ran the real worker may ask at its end."""

from database.account_db import list_accounts
from database.bracket_db import Listed, history_of, list_brackets, load, verify_chain
from database.session import Database
from services.bracket.model import Bracket
from services.bracket_replay import rerun
from services.replay_file import recorded


def assert_all_replay(db: Database) -> int:
    """Assert that each bracket's record is whole and gives the same decisions; return how many there were."""
    brackets = [
        bracket
        for account in list_accounts(db)
        for bracket in list_brackets(db, account.id, state=Listed.ALL, limit=1000).brackets
    ]
    for bracket in brackets:
        _assert_replays(db, bracket)
    return len(brackets)


def _assert_replays(db: Database, bracket: Bracket) -> None:
    """Assert it of one; where a worker is at work, of what stood still while the record was read."""
    found = rerun(recorded(history_of(db, bracket.id)))
    assert found.divergence is None
    assert verify_chain(db, bracket.id) is None
    now = load(db, bracket.id)
    assert now is not None
    if now == bracket:
        assert found.bracket == bracket
    else:
        _assert_replays(db, now)
