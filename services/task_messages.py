"""What messages about side jobs say, whatever carries them."""

from collections.abc import Callable
from enum import StrEnum


class Task(StrEnum):
    """What a message asks for, with one word about what."""

    WEBHOOK = "openbracket.webhook"  # a destination's id
    CHAT = "openbracket.chat"  # a chat's number
    SUMMARIES = "openbracket.summaries"  # a day
    INSTRUMENTS = "openbracket.instruments"  # a broker
    TIDY = "openbracket.tidy"  # nothing


class NotPublished(Exception):
    """RabbitMQ did not confirm a message. It may be there all the same, which does no harm."""


Publish = Callable[[Task, str], None]
