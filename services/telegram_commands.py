"""What a linked chat may ask and order, and the answers. Knows no Telegram: text in, text out.

Every act goes through the use cases that REST uses, as a caller with the link's scopes. What leaves
positions at the market is done only after a one-time word, and nothing is done that was sent long ago:
Telegram hands over what came while this service was down.
"""

import secrets as randomness
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from database.account_db import Account, AccountStatus, account
from database.auth_db import Caller, Scope
from database.bracket_db import Listed
from database.outbox_db import Destination
from database.session import StorageError
from database.settings import analyzer_mode, kill_switch
from services.bracket.model import Bracket, KillMode, Mode
from services.bracket.quantities import net
from services.bracket_change_service import (
    cancel_bracket_order,
    exit_bracket_order,
    explain_bracket_order,
    switch_kill,
)
from services.bracket_order_service import bracket_order_book, require
from services.desk import Desk
from services.errors import BracketError, NotFound
from services.telegram_words import clock_words, instrument_name, protection_words, short_id

ACTS_ON_WITHIN = timedelta(minutes=2)
WORD_LIVES = timedelta(seconds=60)

HELP = """/status - accounts, switches, what is unprotected
/brackets - what is open
/bracket ID - one bracket: what holds it, what happens next
/cancel ID - cancel an entry that waits
/exit ID - leave a bracket at the market (asks back)
/pause - no new entries; stops go on working
/resume - entries again
/kill - leave everything at the market, no new entries (asks back)
With several accounts, /pause, /resume and /kill take a name: /pause main"""

_MOST_LISTED = 30
_LEAST_ID = 4  # letters of a bracket's id
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ"
_KILL_WORDS = {
    KillMode.OFF: "entries allowed",
    KillMode.BLOCK_ENTRIES: "PAUSED: no new entries",
    KillMode.FLATTEN: "KILLED: leaving everything, no new entries",
}


@dataclass(frozen=True, slots=True)
class _Desk:
    """One account of the chat, and who the chat is to it."""

    account: Account
    caller: Caller


@dataclass(frozen=True, slots=True)
class _Pending:
    word: str
    expires_at: datetime


@dataclass(slots=True)
class ChatCommands:
    """Answers the linked chats."""

    desk: Desk
    # In memory: a word that a restart forgets is asked for again.
    _pending: dict[tuple[str, str], _Pending] = field(default_factory=dict)

    def answer(self, links: Sequence[Destination], text: str, *, sent_at: datetime) -> str:
        """Carry out one message of a chat linked to these accounts, and return what to say."""
        name, *words = text.split() or [""]
        name = name.lower().partition("@")[0]
        read, act = _READS.get(name), _ACTS.get(name)
        try:
            if read is not None:
                return read(self, links, words)
            if act is None:
                return HELP
            if self.desk.clock.now() - sent_at > ACTS_ON_WITHIN:
                return f"{name} was sent at {clock_words(sent_at)}, too long ago: not done. Send it again."
            return act(self, links, words)
        except BracketError as exc:
            return f"Not done: {exc}."
        except StorageError:
            return "Not done: the database does not answer. Send it again in a moment."

    def status(self, links: Sequence[Destination], _words: Sequence[str]) -> str:
        return "\n\n".join(self._account_status(one) for one in self._accounts(links, Scope.READ))

    def brackets(self, links: Sequence[Destination], _words: Sequence[str]) -> str:
        lines = [_line(bracket) for _, bracket in self._open(links)]
        more = [f"... and {len(lines) - _MOST_LISTED} more"] if len(lines) > _MOST_LISTED else []
        return "\n".join([*lines[:_MOST_LISTED], *more]) or "No bracket is open."

    def bracket(self, links: Sequence[Destination], words: Sequence[str]) -> str:
        owner, bracket = self._named(links, words, Scope.READ)
        told = explain_bracket_order(self.desk, owner.caller, bracket.id)
        return f"{_line(bracket)}\n{protection_words(bracket)}\nNext: {told.next}\n{bracket.id}"

    def cancel(self, links: Sequence[Destination], words: Sequence[str]) -> str:
        owner, bracket = self._named(links, words, Scope.TRADE)
        changed = cancel_bracket_order(self.desk, owner.caller, bracket.id, if_filled=None)
        return f"Cancel requested.\n{_line(changed)}"

    def exit(self, links: Sequence[Destination], words: Sequence[str]) -> str:
        owner, bracket = self._named(links, words[:1], Scope.TRADE)
        command = f"/exit {short_id(bracket.id)}"
        if not self._confirmed(links, command, words[1:]):
            return self._ask_back(links, command, f"This leaves {_line(bracket)} at the market now.")
        changed = exit_bracket_order(self.desk, owner.caller, bracket.id)
        return f"Exit requested.\n{_line(changed)}"

    def pause(self, links: Sequence[Destination], words: Sequence[str]) -> str:
        return self._switch(links, words, KillMode.BLOCK_ENTRIES)

    def resume(self, links: Sequence[Destination], words: Sequence[str]) -> str:
        return self._switch(links, words, KillMode.OFF)

    def kill(self, links: Sequence[Destination], words: Sequence[str]) -> str:
        known = {one.account.name for one in self._accounts(links, Scope.READ)}
        names = [word for word in words if word in known]
        chosen = self._chosen(links, names)
        command = " ".join(["/kill", *names])
        if not self._confirmed(links, command, [word for word in words if word not in known]):
            whom = ", ".join(one.account.name for one in chosen)
            return self._ask_back(
                links, command, f"This leaves every position of {whom} at the market and blocks new entries."
            )
        return self._switch(links, names, KillMode.FLATTEN)

    def _switch(self, links: Sequence[Destination], names: Sequence[str], mode: KillMode) -> str:
        chosen = self._chosen(links, names)
        for one in chosen:
            switch_kill(self.desk, one.caller, mode=mode)
        return "\n".join(f"{one.account.name}: {self._kill_words(one)}." for one in chosen)

    def _chosen(self, links: Sequence[Destination], names: Sequence[str]) -> list[_Desk]:
        """Return the accounts of these names, or all, if the chat may trade for each of them."""
        found = self._accounts(links, Scope.READ)
        unknown = set(names) - {one.account.name for one in found}
        if unknown:
            raise NotFound(f"no account here is named {', '.join(sorted(unknown))}")
        chosen = [one for one in found if not names or one.account.name in names]
        for one in chosen:
            require(one.caller, Scope.TRADE)
        return chosen

    def _account_status(self, one: _Desk) -> str:
        brackets = self._open_of(one)
        naked = [short_id(bracket.id) for bracket in brackets if bracket.naked is not None]
        worker = self.desk.supervisor.worker(one.account.id, one.caller.mode)
        mode = "paper mode" if one.caller.mode is Mode.ANALYZE else "live"
        lines = [
            f"{one.account.name} ({one.account.broker}, {mode}): {self._kill_words(one)}",
            f"{len(brackets)} open brackets" + (f", UNPROTECTED: {', '.join(naked)}" if naked else ""),
            *(f"Trouble: {trouble.replace('_', ' ').lower()}" for trouble in sorted(worker.troubles)),
        ]
        return "\n".join(lines)

    def _kill_words(self, one: _Desk) -> str:
        mode = kill_switch(self.desk.db, one.account.id, owner_id=one.account.owner_id)
        return _KILL_WORDS[mode]

    def _named(
        self, links: Sequence[Destination], words: Sequence[str], scope: Scope
    ) -> tuple[_Desk, Bracket]:
        wanted = words[0].upper() if words else ""
        if len(wanted) < _LEAST_ID:
            raise NotFound("name the bracket by the last six letters of its id; /brackets lists them")
        found = [
            (owner, bracket) for owner, bracket in self._open(links) if bracket.id.upper().endswith(wanted)
        ]
        if len(found) != 1:
            raise NotFound(f"{len(found) or 'no'} open brackets are named {wanted}; /brackets lists them")
        require(found[0][0].caller, scope)
        return found[0]

    def _open(self, links: Sequence[Destination]) -> list[tuple[_Desk, Bracket]]:
        return [(one, bracket) for one in self._accounts(links, Scope.READ) for bracket in self._open_of(one)]

    def _open_of(self, one: _Desk) -> list[Bracket]:
        found: list[Bracket] = []
        cursor: str | None = None
        while True:
            page = bracket_order_book(self.desk, one.caller, state=Listed.OPEN, limit=100, cursor=cursor)
            found.extend(page.brackets)
            cursor = page.cursor
            if cursor is None:
                return found

    def _accounts(self, links: Sequence[Destination], scope: Scope) -> list[_Desk]:
        found = [account(self.desk.db, link.account_id) for link in links]
        active = [
            _Desk(one, require(self._caller(one, link), scope))
            for one, link in zip(found, links, strict=True)
            if one is not None and one.status is not AccountStatus.DISABLED
        ]
        if not active:
            raise NotFound("the account of this chat is disabled")
        return active

    def _caller(self, one: Account, link: Destination) -> Caller:
        return Caller(
            key_id="telegram",
            account_id=one.id,
            owner_id=one.owner_id,
            broker=one.broker,
            scopes=frozenset(Scope(word) for word in link.scopes.split()),
            mode=analyzer_mode(self.desk.db, one.owner_id),
        )

    def _confirmed(self, links: Sequence[Destination], command: str, words: Sequence[str]) -> bool:
        """Return whether the word asked for was said. A word works once, a wrong one voids it."""
        pending = self._pending.pop((links[0].address, command), None) if words else None
        if pending is None or self.desk.clock.now() > pending.expires_at:
            return False
        return randomness.compare_digest(words[0].upper().encode(), pending.word.encode())

    def _ask_back(self, links: Sequence[Destination], command: str, what: str) -> str:
        word = "".join(randomness.choice(_LETTERS) for _ in range(4))
        expires_at = self.desk.clock.now() + WORD_LIVES
        self._pending[links[0].address, command] = _Pending(word, expires_at)
        seconds = int(WORD_LIVES.total_seconds())
        return f"{what}\nNothing is done yet. To do it, send within {seconds} s:\n{command} {word}"


def _line(bracket: Bracket) -> str:
    plan = bracket.plan
    words = f"{short_id(bracket.id)} {plan.side} {plan.quantity} {instrument_name(bracket)}"
    return f"{words} {bracket.state}, holds {net(bracket)}"


_Answer = Callable[[ChatCommands, Sequence[Destination], Sequence[str]], str]

_READS: dict[str, _Answer] = {
    "/status": ChatCommands.status,
    "/brackets": ChatCommands.brackets,
    "/bracket": ChatCommands.bracket,
}
_ACTS: dict[str, _Answer] = {
    "/cancel": ChatCommands.cancel,
    "/exit": ChatCommands.exit,
    "/pause": ChatCommands.pause,
    "/resume": ChatCommands.resume,
    "/kill": ChatCommands.kill,
}
