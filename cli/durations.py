"""How long something lasts, as an operator types it."""

import re
from datetime import timedelta

import click

_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


class Duration(click.ParamType[timedelta]):
    """90d, 12h or 30m."""

    name = "duration"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"([0-9]{1,5})([dhm])", value)
        if found is None or not int(found[1]):
            self.fail(f"{value!r} is no duration such as 90d, 12h or 30m", param, ctx)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


LASTS = Duration()
