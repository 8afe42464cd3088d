"""The number each event of an account gets, whether of a bracket or of a plain order."""

from typing import Any

from database.bracket_tables import AccountSequenceRow
from database.session import insert_for


def taking_sequence(dialect_name: str) -> Any:
    """Return the statement that takes `last_seq` numbers for `account_id` and returns the last of them.

    It locks the account's row until the transaction ends, so the order of numbers is that of commits.
    """
    insert = insert_for(dialect_name, AccountSequenceRow)
    return insert.on_conflict_do_update(
        index_elements=["account_id"],
        set_={"last_seq": AccountSequenceRow.last_seq + insert.excluded.last_seq},
    ).returning(AccountSequenceRow.last_seq)
