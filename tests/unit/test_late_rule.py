"""Routes that compile late build what others build."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.routing import Map, Rule

from blueprints.late_rule import LateRule

ROUTES = ("/", "/brackets/<bracket_id>", "/pages/<int:number>/of/<path:rest>")
ADDRESSES: list[tuple[str, dict[str, Any]]] = [
    ("/", {}),
    ("/", {"next": "/office?a=b&c", "unknown": [1, 2]}),
    ("/brackets/<bracket_id>", {"bracket_id": "a b/ä?"}),
    ("/pages/<int:number>/of/<path:rest>", {"number": 7, "rest": "a/b", "q": "ü"}),
]


def built(kind: type[Rule], route: str, values: dict[str, Any]) -> tuple[str, str]:
    """Return an address, built twice: with values the route does not know, and without them."""
    routes = Map([kind(one, endpoint=one) for one in ROUTES]).bind("127.0.0.1")
    return routes.build(route, values), routes.build(route, values, append_unknown=False)


@pytest.mark.parametrize(("route", "values"), ADDRESSES)
def test_an_address_is_the_one_werkzeug_builds(route: str, values: dict[str, Any]) -> None:
    assert built(LateRule, route, values) == built(Rule, route, values)


def test_an_address_that_lacks_a_value_is_refused_as_werkzeug_refuses_it() -> None:
    with pytest.raises(Exception, match="bracket_id"):
        built(LateRule, "/brackets/<bracket_id>", {})


def test_nothing_is_compiled_before_an_address_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[bool] = []
    make = Rule._compile_builder

    def noted(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled.append(append_unknown)
        return make(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", noted)
    routes = Map([LateRule(one, endpoint=one) for one in ROUTES]).bind("127.0.0.1")
    at_once = len(compiled)

    addresses = {routes.build("/", {}) for _ in range(3)}

    assert (at_once, addresses, compiled) == (0, {"/"}, [True])
