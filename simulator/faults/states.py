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
ANY_CANCEL = ANY_CALL
MORPHING = frozenset({S.PROTECTED, S.PROTECTED_PARTIAL, S.PROTECTING, S.EXITING})
