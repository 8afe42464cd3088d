"""The safety report through the API and the command line, of brackets that really ran."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result

from database.auth_db import Scope
from services.safety_report_service import today
from tests.serving import Json, Served, a_config, end, serve
from utils.clock import SystemClock


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Served]:
    """A service of each test's own: a report counts everything there is."""
    served = serve(a_config(tmp_path))
    yield served
    end(served)


def closed(service: Served) -> Json:
    placed = service.until_state(service.place()["bracket_id"], "PROTECTED")
    service.post("exitbracketorder", {"bracket_id": placed["bracket_id"]})
    return service.until_state(placed["bracket_id"], "CLOSED")


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "1999-12-31"])
def test_a_day_that_no_calendar_knows_is_refused(service: Served, day: str) -> None:
    answer = service.post("safetyreport", {"date": day, "days": 2})

    assert answer.status_code == 400
    assert answer.get_json()["errors"] == {"date": [f"date {day} must be between 2000-01-01 and 2999-12-31"]}


def test_a_bracket_that_ran_is_counted_with_its_naked_time(service: Served) -> None:
    over = closed(service)

    told = service.post("safetyreport").get_json()

    assert (told["status"], told["mode"]) == ("success", "live")
    assert told["brackets"] == {"placed": 1, "open": 0, "states": {"CLOSED": 1}}
    assert told["naked"]["spells"] >= 1
    assert abs(told["naked"]["seconds"] - over["naked_seconds"]) < 0.01
    assert sum(one["spells"] for one in told["naked"]["by_cause"]) == told["naked"]["spells"]
    assert told["unresolved"] == []
    (broker,) = told["brokers"]
    assert broker["broker"] == "paper"
    assert broker["acceptance_seconds"]["count"] >= 2
    assert broker["quiescence_is_enough"] is True


def test_an_account_sees_its_own_brackets_only(service: Served) -> None:
    closed(service)
    stranger = service.a_key(Scope.READ, account=service.another_account("other"))

    told = service.post("safetyreport", key=stranger).get_json()

    assert told["brackets"]["placed"] == 0
    assert told["brokers"] == []


def test_another_day_has_nothing_of_today(service: Served) -> None:
    closed(service)
    now = SystemClock().now()
    yesterday = (today(now) - timedelta(days=1)).isoformat()

    assert service.post("safetyreport", {"date": yesterday}).get_json()["brackets"]["placed"] == 0
    assert service.post("safetyreport", {"days": 2}).get_json()["brackets"]["placed"] == 1


def test_swagger_tells_the_report(service: Served) -> None:
    told = service.client.get("/api/v1/swagger.json").get_json()

    answers = told["paths"]["/safetyreport/"]["post"]["responses"]
    assert answers["200"]["schema"] == {"$ref": "#/definitions/SafetyReport"}
    assert {"naked", "unwinds", "brokers"} <= set(told["definitions"]["SafetyReport"]["properties"])


def test_the_command_line_tells_the_same_in_words(service: Served) -> None:
    closed(service)
    runner = service.app.test_cli_runner()
    told: Result = runner.invoke(args=("safety", "report", "--account", "main"))
    elsewhere: Result = runner.invoke(args=("safety", "report", "--mode", "analyze"))

    assert told.exit_code == 0, told.output
    assert "1 brackets placed, 0 open now" in told.output
    assert "paper acceptance: " in told.output
    assert "emergency exits: 0" in told.output
    assert "0 brackets placed" in elsewhere.output
