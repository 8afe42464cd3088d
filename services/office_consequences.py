"""What a person's act on accounts, keys and webhooks will do, in sentences, before it is done. Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import assert_never

from services.bracket.model import Bracket, KillMode, Mode
from services.bracket.quantities import net
from services.consequences import consequences_of_kill, is_paper


class AccountAct(StrEnum):
    """What a person can do to an account."""

    PAUSE = "pause"
    RESUME = "resume"
    DISABLE = "disable"
    ENABLE = "enable"


class WebhookAct(StrEnum):
    """What a person can do to a webhook of alerts."""

    PAUSE = "pause"
    RESUME = "resume"
    ROTATE = "rotate"
    REVOKE = "revoke"


class HookAct(StrEnum):
    """What a person can do to an address that is told of events."""

    ENABLE = "enable"
    REMOVE = "remove"
    REPLAY = "replay"


def of_account(
    act: AccountAct, name: str, brackets: Sequence[Bracket], *, kill_of_all: KillMode = KillMode.OFF
) -> list[str]:
    """Return what an act on an account will do, with the open brackets it has.

    kill_of_all is the switch of all accounts, which goes on refusing entries whatever the account's own says.
    """
    only = f"This concerns account {name} alone."
    match act:
        case AccountAct.PAUSE:
            return [only, *consequences_of_kill(KillMode.BLOCK_ENTRIES, brackets)]
        case AccountAct.RESUME:
            refusing = [
                f"The kill switch of all accounts stays at {_words(kill_of_all)}: still no new brackets."
            ]
            still = [] if kill_of_all is KillMode.OFF else refusing
            return [only, *consequences_of_kill(KillMode.OFF, brackets, still_refusing=still)]
        case AccountAct.DISABLE:
            return [
                only,
                "Its API keys and webhooks are refused from now on; its Telegram chat is not obeyed.",
                f"{_open(brackets)} with their stops and targets: this service goes on looking after them.",
            ]
        case AccountAct.ENABLE:
            return [only, "Its API keys and webhooks work again, the same ones as before."]
        case _:
            assert_never(act)


def of_kill_of_all(mode: KillMode, brackets: Sequence[Bracket], own: Mapping[str, KillMode]) -> list[str]:
    """Return what setting the kill switch of all accounts will do; own has each account's by its name."""
    paused = [
        f"Account {name} stays paused by its own switch ({_words(kill)})."
        for name, kill in own.items()
        if kill is not KillMode.OFF
    ]
    if mode is not KillMode.OFF:
        return consequences_of_kill(mode, brackets)
    everywhere = [] if len(paused) < len(own) else ["No account accepts new brackets yet."]
    told = consequences_of_kill(mode, brackets, still_refusing=everywhere)
    return [*told[:1], *paused, *told[1:]]


def _words(kill: KillMode) -> str:
    return kill.replace("_", " ")


def of_revoking_key(last4: str, name: str) -> list[str]:
    """Return what revoking a key will do."""
    return [
        f"The key that ends in {last4} is refused within a second; it can never be used again.",
        f"Brackets it has placed stay, and other keys of account {name} go on working.",
    ]


def of_webhook(act: WebhookAct, brackets: Sequence[Bracket]) -> list[str]:
    """Return what an act on a webhook will do, with the account's open brackets."""
    match act:
        case WebhookAct.PAUSE:
            return ["Its alerts are refused until you resume it, exits too.", f"{_open(brackets)}."]
        case WebhookAct.RESUME:
            return ["Its alerts are taken again.", "Those that came meanwhile are not made up for."]
        case WebhookAct.ROTATE:
            return [
                "It gets a new token, shown once; alerts with the old one are refused at once.",
                "Its limits and settings stay. Change the address in each alert that uses it.",
            ]
        case WebhookAct.REVOKE:
            return [
                "Its token is refused at once and for good; alerts that use it reach nothing.",
                f"{_open(brackets)}.",
            ]
        case _:
            assert_never(act)


def of_hook(act: HookAct, address: str, waiting: int) -> list[str]:
    """Return what an act on an address that is told of events will do."""
    match act:
        case HookAct.ENABLE:
            return [f"Messages go to {address} again, beginning with the {waiting} that wait."]
        case HookAct.REMOVE:
            return [
                f"Nothing is sent to {address} any more; {waiting} waiting messages are deleted.",
                "Its signing secret is deleted too: adding the address again makes a new one.",
            ]
        case HookAct.REPLAY:
            return [
                f"The message goes to {address} again under the same webhook-id.",
                "A receiver that remembers ids takes it for the one it has; another acts on it again.",
            ]
        case _:
            assert_never(act)


def of_unlinking(name: str) -> list[str]:
    """Return what ending an account's Telegram link will do."""
    return [
        f"The chat hears nothing more of account {name}, alarms neither.",
        "Commands it sends are ignored. A new code links it again.",
    ]


def of_analyzer(mode: Mode, brackets: Sequence[Bracket]) -> list[str]:
    """Return what switching the analyzer will do, with the owner's open brackets."""
    real = sum(not is_paper(one) for one in brackets)
    stays = f"{_count(real, 'open bracket')} with real money {'stays' if real == 1 else 'stay'} as before"
    match mode:
        case Mode.ANALYZE:
            return [
                "New brackets of all your accounts go to the paper market: no real money moves.",
                "That holds for REST, alerts and this page alike, until you switch back.",
                f"{stays}: stops, targets and exits still go to the broker.",
            ]
        case Mode.LIVE:
            return [
                "New brackets go to each account's own broker: LIVE, real money moves.",
                "Alerts that are set up already place real orders from now on.",
                f"Open paper brackets end on the paper market; {stays}.",
            ]
        case _:
            assert_never(mode)


def _open(brackets: Sequence[Bracket]) -> str:
    holding = sum(net(one) > 0 for one in brackets)
    verb = "stays" if len(brackets) == 1 else "stay"
    return f"{_count(len(brackets), 'open bracket')} ({holding} with shares) {verb}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
