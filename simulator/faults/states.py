"""The bracket states in which a fault can strike, by what it needs to be there."""

from services.bracket.model import State

S = State

# RECEIVED lasts for no time at all: the transaction that stores a bracket has its entry's intention.
ANY = frozenset(State) - {S.RECEIVED}
HELD = frozenset({S.PROTECTING, S.PROTECTED_PARTIAL, S.PROTECTED, S.EXITING, S.EMERGENCY, S.UNWINDING})
OVER = frozenset({S.CLOSED, S.REJECTED, S.CANCELLED, S.EXPIRED, S.HANDED_OVER})
OPEN = ANY - OVER
ENTRY_CALL = frozenset({S.ENTRY_PENDING, S.ENTRY_OPEN})
EXIT_CALL = HELD
ANY_CALL = ENTRY_CALL | EXIT_CALL
# A placing call leaves for an entry or for shares that lack an exit, and then the bracket says so.
PLACING_CALL = frozenset({S.ENTRY_PENDING, S.PROTECTING, S.EXITING, S.EMERGENCY, S.UNWINDING})
# A cancel needs an id, and whose entry has one is not pending any more.
CANCEL_CALL = ANY_CALL - {S.ENTRY_PENDING}
# Whose entry still works is never PROTECTED, but PROTECTED_PARTIAL: what lives is not believed over (I18).
ENTRY_LIVES = ENTRY_CALL | HELD - {S.PROTECTED}
# For the same reason no order of ours lives before the entry has left, nor once the bracket is over;
# it may when a person took the position with its exits.
ORDER_LIVES = ENTRY_CALL | HELD | {S.HANDED_OVER}
HAS_FILLS = HELD | {S.CLOSED, S.HANDED_OVER}  # the other endings say that nothing filled
# An entry that was refused cannot have been cancelled.
HAS_CANCELLED = ENTRY_CALL | HELD | OVER - {S.REJECTED}
# A resting stop is made a limit: whoever does so has begun to leave, whatever other slices lack.
MORPH_CALL = frozenset({S.EXITING, S.EMERGENCY})
MORPHING = frozenset({S.PROTECTED, S.PROTECTED_PARTIAL, S.PROTECTING, S.EXITING})
