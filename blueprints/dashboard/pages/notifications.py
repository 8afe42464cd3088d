"""Who is told outside: the Telegram chat of each account, and the addresses its events are sent to."""

from flask import Response, request
from ulid import ULID

from blueprints.dashboard.bodies import ActSchema, CodeSchema, HookSchema, ReplaySchema
from blueprints.dashboard.guard import owned_account, owned_accounts
from blueprints.dashboard.office import config, word
from blueprints.dashboard.office_shapes import destination_shape, sending_shape
from blueprints.dashboard.page import Page
from blueprints.dashboard.shapes import account_shape
from database.account_db import Account
from database.outbox_db import (
    Channel,
    Destination,
    count_waiting,
    destination,
    destinations,
    enable,
    remove_destinations,
    sendings,
)
from database.telegram_links import CODE_LIVES, unlink
from restx_api.callers import desk
from restx_api.envelope import success
from restx_api.parsing import parse_object
from restx_api.shaping import Shape
from services.destinations import (
    Switchboard,
    add_hook,
    replay_message,
    send_test,
    telegram_code,
)
from services.errors import NotFound
from services.office_consequences import HookAct, of_hook, of_unlinking
from services.outbound_http import OutboundHttp
from services.telegram_alert_service import send_order_alert

_MOST_SHOWN = 50

page = Page("notifications", title="Notifications", link="Notifications", order=56)


@page.get("/notifications")
def show() -> Response:
    return page.render(has_bot=_has_bot())


@page.get("/api/notifications")
def read() -> Response:
    """Return the accounts with their chats and addresses, and how sending to each goes."""
    waits = count_waiting(desk().db)
    return success({"has_bot": _has_bot(), "accounts": [_shape(one, waits) for one in owned_accounts()]})


def _shape(one: Account, waits: dict[str, int]) -> Shape:
    chats, hooks = (
        [destination_shape(found, one, waiting=waits.get(found.id, 0)) for found in _told(channel, one)]
        for channel in (Channel.TELEGRAM, Channel.WEBHOOK)
    )
    return {**account_shape(one), "chat": chats[0] if chats else None, "hooks": hooks}


def _told(channel: Channel, one: Account) -> tuple[Destination, ...]:
    return destinations(desk().db, channel, account_id=one.id)


# --- Telegram


@page.post("/api/telegram/<account_id>/code")
def make_code(account_id: str) -> Response:
    """Return a code that links one private chat to the account, once and for ten minutes."""
    one = owned_account(account_id)
    asked = CodeSchema().read(parse_object(request.get_data()))
    code = telegram_code(_parts(), one, may_trade=asked.may_trade, has_bot=_has_bot())
    return success({"line": f"/start {code}", "minutes": int(CODE_LIVES.total_seconds() // 60)})


@page.post("/api/telegram/<account_id>/test")
def test_chat(account_id: str) -> Response:
    """Send a test message to the account's chat."""
    one = owned_account(account_id)
    text = f"TEST of account {one.name}\nThis is what alerts look like here. Nothing happened."
    key = f"test-{ULID()}"
    if not send_order_alert(desk().db, desk().clock, one.id, key=key, text=text):
        raise NotFound(f"account {one.name} is not linked")
    return success({"message": "The test message is on its way"})


@page.get("/api/telegram/<account_id>/consequences")
def read_chat_consequences(account_id: str) -> Response:
    """Say what unlinking would do."""
    return success({"sentences": of_unlinking(owned_account(account_id).name)})


@page.post("/api/telegram/<account_id>/unlink")
def unlink_chat(account_id: str) -> Response:
    """End the account's link."""
    one = owned_account(account_id)
    if not unlink(desk().db, one.id):
        raise NotFound(f"account {one.name} is not linked")
    return read()


# --- addresses


@page.post("/api/hooks")
def create_hook() -> Response:
    """Add an address and return the secret its messages are signed with, once."""
    asked = HookSchema().read(parse_object(request.get_data()))
    one = owned_account(asked.account_id)
    http = OutboundHttp(allow=config().outbound_webhooks_allow)
    added = add_hook(_parts(), one, asked.url.strip(), http=http)
    return success({"hook_id": added.hook.id, "secret": added.secret})


@page.get("/api/hooks/<hook_id>/messages")
def read_messages(hook_id: str) -> Response:
    """Return what was queued for the address, newest first."""
    hook, one = _owned_hook(hook_id)
    found = sendings(desk().db, hook.id, limit=_MOST_SHOWN)
    return success({"messages": [sending_shape(sending, one.id) for sending in found]})


@page.post("/api/hooks/<hook_id>/test")
def test_hook(hook_id: str) -> Response:
    """Send a test message there, signed like every other."""
    hook, one = _owned_hook(hook_id)
    send_test(_parts(), hook, account_name=one.name)
    return read_messages(hook_id)


@page.post("/api/hooks/<hook_id>/replay")
def replay(hook_id: str) -> Response:
    """Send one message again under the same id."""
    hook, _ = _owned_hook(hook_id)
    asked = ReplaySchema().read(parse_object(request.get_data()))
    if not replay_message(_parts(), hook, asked.message_id):
        raise NotFound("the outbox has no such message")
    return read_messages(hook_id)


@page.get("/api/hooks/<hook_id>/consequences")
def read_hook_consequences(hook_id: str) -> Response:
    """Say what an act would do to the address."""
    hook, _ = _owned_hook(hook_id)
    act = word(HookAct, "act", request.args.get("act", ""))
    waiting = count_waiting(desk().db).get(hook.id, 0)
    return success({"sentences": of_hook(act, hook.address, waiting)})


@page.post("/api/hooks/<hook_id>/act")
def act_on_hook(hook_id: str) -> Response:
    """Enable a disabled address, or remove one."""
    hook, _ = _owned_hook(hook_id)
    asked = ActSchema().read(parse_object(request.get_data()))
    match word(HookAct, "act", asked.act):
        case HookAct.ENABLE:
            if not enable(desk().db, hook.id):
                raise NotFound("the address is not disabled")
        case HookAct.REMOVE:
            remove_destinations(desk().db, [hook.id])
        case HookAct.REPLAY:
            raise NotFound("one message is replayed, not an address")
    return read()


def _owned_hook(hook_id: str) -> tuple[Destination, Account]:
    hook = destination(desk().db, hook_id)
    if hook is None or hook.channel is not Channel.WEBHOOK:
        raise NotFound("there is no such address")
    return hook, owned_account(hook.account_id)


def _parts() -> Switchboard:
    return Switchboard(db=desk().db, box=desk().secrets.box, clock=desk().clock)


def _has_bot() -> bool:
    return config().telegram_bot_token is not None
