"""Answers that may be a moment old. Safe to use from many threads."""

from collections.abc import Callable, Hashable
from datetime import timedelta
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class RecentAnswers(Generic[Key, Value]):
    """Remembers an answer for `kept`, by a monotonic reading in seconds. Forgets all when full."""

    def __init__(self, monotonic: Callable[[], float], *, kept: timedelta, size: int = 4096) -> None:
        self._monotonic = monotonic
        self._kept_seconds = kept.total_seconds()
        self._size = size
        self._answers: dict[Key, tuple[float, Value]] = {}

    def get(self, key: Key) -> Value | None:
        """Return the answer for key, or None when there is none young enough."""
        answer = self._answers.get(key)
        if answer is None or self._monotonic() >= answer[0]:
            return None
        return answer[1]

    def put(self, key: Key, value: Value, *, asked_at: float) -> None:
        """Remember an answer to a question asked at a monotonic reading: its age counts from there."""
        if len(self._answers) >= self._size:
            self._answers.clear()
        self._answers[key] = (asked_at + self._kept_seconds, value)

    def forget(self) -> None:
        """Forget every answer."""
        self._answers.clear()
