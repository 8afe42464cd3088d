"""The published OpenAPI tried with generated requests: whatever is sent, the answer is one it documents."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.serving import Served, a_config, end, resting, serve

pytestmark = pytest.mark.no_cover  # the same code is measured elsewhere, and measuring trebles the time

EXAMPLES = 25  # for each endpoint; about a second each

PROMISES: list[Any] = [  # their types differ by schemathesis' kinds of checks
    *CHECKS.get_by_names(["not_a_server_error"]),
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        # A machine that stalls between storing and sending gets 500 broker_error, as it should: see
        # test_worker.py. What is tried here is what a request says.
        patch.setattr("services.wire.FENCE", timedelta(minutes=5))
        served = serve(a_config(tmp_path_factory.mktemp("openapi")))
        yield served
        end(served)


def test_every_answer_is_a_documented_one(tried: Served) -> None:
    # schemathesis' own way to parametrize does not know this pytest yet.
    schema = schemathesis.openapi.from_wsgi("/api/v1/swagger.json", tried.app)
    operations: list[Any] = list(schema.get_all_operations())

    faults = [fault for found in operations for fault in _faults_of(found.ok(), tried)]

    assert not faults, "\n\n".join(faults)


def _faults_of(operation: Any, tried: Served) -> list[str]:
    """Return what is wrong with the answers of one operation, each operation's first fault."""

    @given(case=operation.as_strategy(), near=st.sampled_from(range(4)))
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def answers_as_documented(case: schemathesis.Case[Any], near: int) -> None:
        _make_plausible(case, tried, near)
        answer = case.call(headers={"X-API-KEY": tried.key})
        case.validate_response(answer, checks=PROMISES)

    tried.post("killswitch", {"mode": "off"})  # another operation's tries may have set it
    try:
        answers_as_documented()
    except (FailureGroup, Failure) as exc:
        return [f"{operation.method} {operation.path}: {exc} {getattr(exc, 'exceptions', '')}"]
    return []


def _make_plausible(case: schemathesis.Case[Any], tried: Served, near: int) -> None:
    """Leave a quarter of the requests as they come; bring the others near to what would succeed."""
    if not isinstance(case.body, dict):
        return
    case.body.pop("apikey", None)  # another key than the header's is refused before anything is looked at
    if near == 0:
        return
    kept = {name: case.body[name] for name in list(case.body)[: near - 1]}  # none, one or two as they came
    if "bracket_id" in case.body:
        case.body = kept | {"bracket_id": tried.place(**resting())["bracket_id"]}
    if case.operation.path == "/placebracketorder/":
        case.body = resting() | kept


def test_every_model_that_is_referred_to_is_published(tried: Served) -> None:
    published = tried.client.get("/api/v1/swagger.json").get_json()

    referred = set(re.findall(r"#/definitions/(\w+)", json.dumps(published)))

    assert {"TrailRequest", "Leg", "KillSwitchRequest", "KillSwitch"} <= referred
    assert referred <= set(published["definitions"])


def test_every_published_endpoint_is_tried(tried: Served) -> None:
    found = tried.client.get("/api/v1/swagger.json").get_json()

    assert {"/placebracketorder/", "/alerttest/", "/killswitch/"} <= set(found["paths"])
