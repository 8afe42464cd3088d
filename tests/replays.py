"""Every bracket of a store decided again: what any test that ran the real worker may ask at its end."""

from database.account_db import list_accounts
from database.bracket_db import Listed, history_of, list_brackets, verify_chain
from database.session import Database
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
        found = rerun(recorded(history_of(db, bracket.id)))
        assert found.divergence is None
        assert found.bracket == bracket
        assert verify_chain(db, bracket.id) is None
    return len(brackets)
