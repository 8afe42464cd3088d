"""What the calls about new brackets, alerts and signals answer."""

import json
from dataclasses import dataclass

from blueprints.dashboard.shapes import account_shape, quote_shape
from database.account_db import Account
from database.auth_db import WebhookEntry
from database.signal_db import LoggedSignal
from restx_api.shaping import Shape, plan_shape, preview_shape, protection_shape
from services.announcements import utc_milliseconds
from services.bracket.model import Instrument, Quote
from services.bracket.preview import preview
from services.bracket.stakes import stakes
from services.bracket_order_service import Placed
from services.consequences import consequences_of_placing
from services.order_choices import Choices


def found_shape(instrument: Instrument) -> Shape:
    """Return a symbol as a search shows it."""
    return {
        "symbol": instrument.symbol,
        "exchange": instrument.exchange,
        "name": instrument.name,
        "kind": instrument.kind,
        "expiry": None if instrument.expiry is None else instrument.expiry.isoformat(),
    }


def choices_shape(found: Choices) -> Shape:
    """Return what can be chosen for a symbol."""
    instrument = found.instrument
    return {
        **found_shape(instrument),
        "tick": str(instrument.tick_size),
        "lot": instrument.lot_size,
        "freeze": instrument.freeze_quantity,
        "quote": None if found.quote is None else quote_shape(found.quote),
        "products": [
            {
                "product": one.product,
                "topology": one.topology,
                "refusals": {str(side): list(said) for side, said in one.refusals.items()},
            }
            for one in found.products
        ],
    }


def preview_told(placed: Placed, quote: Quote | None) -> Shape:
    """Return what placing would do; prices that count from the fill are shown against the quote."""
    seen = preview(placed.plan, quote)
    put = stakes(placed.plan, seen)
    amounts = (
        None
        if put is None
        else {
            "value": str(put.value),
            "risk": str(put.risk),
            "reward": str(put.reward),
            "ratio": None if put.ratio is None else str(put.ratio),
        }
    )
    return {
        "plan": plan_shape(placed.plan),
        "paper": placed.plan.broker == "paper",
        "protection": protection_shape(placed.protection),
        **preview_shape(placed.plan, quote),
        "stakes": amounts,
        "sentences": consequences_of_placing(placed.plan, seen),
    }


def webhook_choice(hook: WebhookEntry, account: Account) -> Shape:
    """Return a webhook as the builder of messages offers it."""
    return {
        "id": hook.id,
        "name": hook.name,
        "account": account_shape(account),
        "paused": hook.paused,
        "require_timenow": hook.require_timenow,
        "defaults": dict(hook.settings.defaults),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Senders:
    """Who an owner's signals come from: names of webhooks, and accounts, by id."""

    names: dict[str, str]
    accounts: dict[str, Account]


def signal_shape(one: LoggedSignal, senders: Senders) -> Shape:
    """Return a stored signal; its texts were redacted when they were stored."""
    return {
        "id": one.id,
        "at": utc_milliseconds(one.created_at),
        "account": account_shape(senders.accounts[one.account_id]),
        "sender": {"id": one.sender_id, "name": senders.names.get(one.sender_id, one.sender_id)},
        "verdict": str(one.verdict),
        "code": one.code,
        "reason": one.reason,
        "dialect": one.dialect,
        "symbol": one.symbol,
        "bracket_id": one.bracket_id,
        "body": json.loads(one.request_data),
        "answer": json.loads(one.response_data),
    }
