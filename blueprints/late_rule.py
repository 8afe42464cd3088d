"""Routes whose addresses can be built, by code that is made when one is asked for."""

from collections.abc import Callable
from functools import cache, partial

from werkzeug.routing import Rule

Build = Callable[..., tuple[str, str]]


class LateRule(Rule):
    """A route that compiles its builders at their first use, not at once.

    Werkzeug compiles two functions for each route. A service has 130 routes and asks for the addresses of a
    dozen; compiling for the others was two thirds of wiring the app.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Build:
        made = cache(partial(super()._compile_builder, append_unknown))

        def build(rule: Rule, **values: object) -> tuple[str, str]:
            return made()(rule, **values)

        return build
