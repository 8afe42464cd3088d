"""What an alert asks for, whoever's words it used; and how it is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Act(StrEnum):
    ENTER = "enter"
    EXIT = "exit"
    CANCEL = "cancel"  # working entries go, what is filled keeps its exits


class AlertRefused(ValueError):
    """A message that cannot be acted on; the sentence names the field and says what would be clear."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One alert. body has an order's own fields, as REST names them; an exit's has symbol and exchange.

    side is that of the brackets to leave or cancel, None for both. fired is when the alert says it was.
    """

    act: Act
    body: Mapping[str, object]
    side: str | None = None
    fired: object = None
    ident: str | None = None
    order_id: object = None
    max_age_seconds: int | None = None
    ignored: tuple[str, ...] = ()
    dialect: str = ""
