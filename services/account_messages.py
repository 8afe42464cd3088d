"""What an account's worker is told: by people, by its lanes, by pushes."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from services.account_reads import BooksFailed, BooksRead, QuotesRead
from services.bracket.events import Event
from services.bracket.model import Bracket, Moment, Quote
from services.roster import Symbol
from services.wire import Command


@dataclass(frozen=True, slots=True)
class Submitted:
    """A bracket just stored with its entry's intention; reply gets it back after the entry's answer."""

    bracket: Bracket
    events: tuple[Event, ...]
    at: Moment
    reply: "Future[Bracket]"


@dataclass(frozen=True, slots=True)
class Asked:
    """A person's request for a bracket, as the event that `ask` makes of its present state."""

    bracket_id: str
    ask: Callable[[Bracket], Event | None]
    reply: "Future[Bracket]"


@dataclass(frozen=True, slots=True)
class QuoteAsked:
    """Somebody needs a young quote of a symbol; reply gets it, or None when there is none."""

    symbol: Symbol
    reply: "Future[Quote | None]"


@dataclass(frozen=True, slots=True)
class Answered:
    """A command's one call to the broker came back, as the event to store."""

    command: Command
    event: Event


@dataclass(frozen=True, slots=True)
class Pushed:
    """Somebody says there is news. Nothing of it is believed; it makes us look."""


@dataclass(frozen=True, slots=True)
class PricesPushed:
    """Prices came by the push stream; the worker finds the newest of each symbol where they wait."""


@dataclass(frozen=True, slots=True)
class StoredElsewhere:
    """Another process stored events of the account: a new bracket, or what a person asked of one."""


@dataclass(frozen=True, slots=True)
class TokenDied:
    """The broker said that the token is dead, when it was asked apart from the books."""


@dataclass(frozen=True, slots=True)
class TokenRenewed:
    """A person logged in: what the old token could not do may work now."""


@dataclass(frozen=True, slots=True)
class LookAtAll:
    """The kill switch, or something else that concerns every bracket, has changed."""


Message = (
    LookAtAll
    | Submitted
    | Asked
    | QuoteAsked
    | Answered
    | Pushed
    | PricesPushed
    | StoredElsewhere
    | TokenDied
    | TokenRenewed
    | BooksRead
    | BooksFailed
    | QuotesRead
)
