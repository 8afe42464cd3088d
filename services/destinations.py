"""Those who are told of an account outside: added, tested, told again, taken away."""

import base64
import secrets as randomness
from dataclasses import dataclass, field

import msgspec
from ulid import ULID

from database import outbox_db
from database.account_db import SIGNING_SECRET, Account, sealed_for
from database.auth_db import Scope
from database.outbox_db import Channel, Destination, NewMessage
from database.secret_box import SecretBox
from database.session import Database
from database.telegram_links import create_link_code
from services.announcements import utc_milliseconds
from services.bracket.violations import invalid
from services.errors import BracketDenied
from services.outbound_http import AddressRefused, OutboundHttp
from services.webhook_messages import key_of_id
from utils.clock import Clock

TEST_KEY = "test-"  # what the keys of test messages begin with
NO_BOT = "TELEGRAM_BOT_TOKEN is not set: make a bot with @BotFather and set it first"

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHook:
    """A hook just added, with the secret its messages are signed with, which is never seen again."""

    hook: Destination
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switchboard:
    """What these acts need; commands have it as well as the service."""

    db: Database
    box: SecretBox
    clock: Clock


def add_hook(parts: Switchboard, owner: Account, url: str, *, http: OutboundHttp) -> NewHook:
    """Add an address that is told of an account's events from the next one on.

    Raises BracketDenied for an address that nothing is sent to.
    """
    try:
        http.check(url)
    except AddressRefused as exc:
        raise BracketDenied([invalid("url", str(exc))]) from exc
    secret = f"whsec_{base64.b64encode(randomness.token_bytes(_SECRET_BYTES)).decode()}"
    hook = _new_hook(parts, owner, url)
    bound = sealed_for(owner, f"{SIGNING_SECRET} {hook.id}")
    outbox_db.add_destination(parts.db, hook, secret=parts.box.seal(secret, bound))
    return NewHook(hook=hook, secret=secret)


def send_test(parts: Switchboard, hook: Destination, *, account_name: str) -> str:
    """Queue a message that says it is a test, signed and sent like every other; return its key."""
    now = parts.clock.now()
    body = {
        "type": "bracket_order.test",
        "timestamp": utc_milliseconds(now),
        "data": {"status": "test", "message": "A test: nothing happened", "account": account_name},
    }
    key = f"{TEST_KEY}{ULID()}"
    message = NewMessage(key=key, seq=None, urgent=False, body=msgspec.json.encode(body).decode())
    outbox_db.enqueue(parts.db, hook, [message], at=now)
    return key


def replay_message(parts: Switchboard, hook: Destination, message: str) -> bool:
    """Send one message again under its `webhook-id`; False when the outbox has no such message."""
    key = key_of_id(message, hook.account_id)
    return key is not None and outbox_db.replay_one(parts.db, hook.id, key=key, at=parts.clock.now())


def replay_since(parts: Switchboard, hook: Destination, seq: int) -> None:
    """Send every event from this account_seq on again, under the same ids."""
    outbox_db.replay_since(parts.db, hook.id, seq=seq, at=parts.clock.now())


def telegram_code(parts: Switchboard, owner: Account, *, may_trade: bool, has_bot: bool) -> str:
    """Return a code that links one private chat to an account, once. Raises BracketDenied without a bot."""
    if not has_bot:
        raise BracketDenied([invalid("telegram_bot_token", NO_BOT)])
    scopes = {Scope.READ, Scope.TRADE} if may_trade else {Scope.READ}
    return create_link_code(parts.db, parts.box, owner.id, scopes=frozenset(scopes), at=parts.clock.now())


def _new_hook(parts: Switchboard, owner: Account, url: str) -> Destination:
    return Destination(
        id=str(ULID()),
        account_id=owner.id,
        channel=Channel.WEBHOOK,
        address=url,
        created_at=parts.clock.now(),
    )
