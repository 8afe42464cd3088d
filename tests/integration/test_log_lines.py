"""A line of the log says which request, account and bracket it is about, and tells no secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from restx_api import bracket_order_status
from restx_api.request_facts import request_facts
from tests.serving import Json, Served, resting
from utils.log import set_up_logging


@pytest.fixture
def logged(service: Served) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    set_up_logging(level="INFO", as_json=True, stream=stream, facts=request_facts)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[Json]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def failing(*_: object, **__: object) -> None:
    raise KeyError("a bug of ours with api_key=plain-secret-1 in it")


def test_a_line_of_a_request_is_one_json_object_with_its_ids(
    service: Served, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    bracket_id = service.place(**resting())["bracket_id"]
    monkeypatch.setattr(bracket_order_status, "bracket_order_status", failing)

    answer = service.post("bracketorderstatus", {"bracket_id": bracket_id}, X_Request_ID="given-by-client-1")

    (line,) = [one for one in lines(logged) if one["logger"] == "restx_api.errors"]
    assert answer.status_code == 500
    assert answer.headers["X-Request-ID"] == answer.get_json()["request_id"] == "given-by-client-1"
    assert (line["request_id"], line["account_id"], line["bracket_id"]) == (
        "given-by-client-1", service.account.id, bracket_id,
    )  # fmt: skip
    assert "plain-secret-1" not in logged.getvalue()
    assert service.key not in logged.getvalue()


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space 1", "a\nb-12345678", "schön-12345"])
def test_a_request_id_that_could_write_lines_of_its_own_is_replaced(service: Served, given: str) -> None:
    environ = {"HTTP_X_REQUEST_ID": given.encode().decode("latin-1")}

    answer = service.client.get("/healthz", environ_base=environ)

    assert answer.headers["X-Request-ID"] != given
    assert len(answer.headers["X-Request-ID"]) == 32


@pytest.mark.parametrize("named", ["x\nCRITICAL all is lost", "y" * 26, 7, ["01ARZ3NDEKTSV4RRFFQ69G5FAV"]])
def test_what_is_no_id_of_ours_is_on_no_line(
    service: Served, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch, named: object
) -> None:
    monkeypatch.setattr(bracket_order_status, "bracket_order_status", failing)

    service.post("bracketorderstatus", {"bracket_id": named})
    logging.getLogger("test").info("outside of any request")

    assert all("bracket_id" not in line for line in lines(logged))
    assert "request_id" not in lines(logged)[-1]


def test_a_dashboards_address_names_its_bracket(service: Served) -> None:
    with service.app.test_request_context("/dashboard/api/brackets/01ARZ3NDEKTSV4RRFFQ69G5FAV"):
        assert request_facts() == {"bracket_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}
