"""What the tests of all dialects share: a message read, and what must come of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from database.webhook_settings import WebhookSettings
from services.alerts.recogniser import read_message
from services.alerts.signal import Act, AlertRefused, Signal

Message = Mapping[str, object] | str


@dataclass(frozen=True)
class Read:
    """A message that is understood: body has what must be in the order, and must_not what must not."""

    message: Message
    body: Mapping[str, Any] = field(default_factory=dict)
    act: Act = Act.ENTER
    side: str | None = "BUY"
    settings: WebhookSettings = field(default_factory=WebhookSettings)
    fired: object = None


@dataclass(frozen=True)
class Refused:
    """A message that is not: the field at fault, and words of the sentence."""

    message: Message
    name: str
    words: str
    settings: WebhookSettings = field(default_factory=WebhookSettings)


def without(message: Mapping[str, object], *names: str, **more: object) -> dict[str, object]:
    return {name: value for name, value in {**message, **more}.items() if name not in names}


def assert_read(case: Read, dialect: str) -> Signal:
    signal = read_message(case.message, case.settings)
    found = {name: _text(signal.body.get(name)) for name in case.body}
    assert (signal.dialect, signal.act, signal.side) == (dialect, case.act, case.side)
    assert found == {name: _text(value) for name, value in case.body.items()}
    assert case.fired is None or signal.fired == case.fired
    return signal


def assert_refused(case: Refused) -> None:
    with pytest.raises(AlertRefused) as refused:
        read_message(case.message, case.settings)
    assert (refused.value.field, case.words in str(refused.value)) == (case.name, True), str(refused.value)


def _text(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _text(inner) for name, inner in value.items()}
    return None if value is None else str(value)
