"""What the service can answer instead of a bracket. The HTTP code of each is in restx_api/errors.py only.

BracketError
├── BracketDenied       ours to refuse before anything is sent; lists every Violation
├── InvalidApiKey
├── ScopeMissing
├── Killed              the kill switch blocks new entries
├── HeldAfterRestore    the database is a restored one: nothing is sent before a person confirms
├── NotFound            no such bracket for this account
├── IdempotencyConflict the client_order_id was used for another body
├── SymbolConflict      an open bracket of the other side holds the symbol
├── BracketClosed       nothing can be changed any more
├── RequestRefused      a change that cannot be carried out, with its code
├── EntryRejected       the broker refused the entry
├── LoginRefused        a login at the broker was not taken; nothing was changed
├── PushNotGenuine      a push that the broker did not sign; nothing was changed
├── OrderRefused        the broker refused a plain order or a change of one
└── BrokerUnavailable   provably nothing was placed
"""

from collections.abc import Sequence

from services.bracket.violations import Code, Violation, summary


class BracketError(Exception):
    """Raised instead of an answer; `code` is stable, the text is a sentence for the caller."""

    code = "error"


class BracketDenied(BracketError):
    """The request has faults; all of them are listed."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__(summary(violations))
        self.violations = tuple(violations)
        self.code = violations[0].code.value

    @staticmethod
    def of(field: str, code: Code, sentence: str) -> "BracketDenied":
        return BracketDenied([Violation(field=field, code=code, sentence=sentence)])


class InvalidApiKey(BracketError):
    code = "invalid_api_key"


class ScopeMissing(BracketError):
    code = "scope_missing"


class Killed(BracketError):
    code = "killed"


class HeldAfterRestore(BracketError):
    """Nothing was stored and nothing is sent."""

    code = "held_after_restore"


class NotFound(BracketError):
    code = "not_found"


class IdempotencyConflict(BracketError):
    code = "idempotency_conflict"


class SymbolConflict(BracketError):
    code = "symbol_conflict"


class BracketClosed(BracketError):
    code = "bracket_closed"


class EntryRejected(BracketError):
    """The broker refused the entry; the bracket exists, closed, and tells why."""

    code = "entry_rejected"

    def __init__(self, reason: str, bracket_id: str) -> None:
        super().__init__(reason)
        self.bracket_id = bracket_id


class OrderRefused(BracketError):
    """The broker refused a plain order, or a change of one; nothing was placed or changed."""

    code = "order_rejected"


class LoginRefused(BracketError):
    """The login was not taken and nothing was changed; the text is for the person."""

    code = "login_refused"


class PushNotGenuine(BracketError):
    """A push to the right address that the broker did not sign. Nothing was changed."""

    code = "push_not_genuine"


class BrokerUnavailable(BracketError):
    """Nothing was placed, and that is proved. The caller may try again."""

    code = "broker_error"


class NotReady(BracketError):
    """The account's worker is still reading what is open. Nothing was stored."""

    code = "not_stored"


class EntryStale(BracketError):
    code = "entry_stale"
