"""One code, one status, one place."""

from pathlib import Path

from restx_api.errors import HTTP_STATUS

ROOT = Path(__file__).resolve().parents[2]


def test_only_the_one_table_and_the_answers_to_health_know_http_codes_of_failures() -> None:
    offenders = [
        path.name
        for package in ("services", "database", "broker")
        for path in (ROOT / package).rglob("*.py")
        if "from flask" in path.read_text() or "import flask" in path.read_text()
    ]

    assert offenders == []


def test_no_failure_is_told_as_a_success_or_a_redirect() -> None:
    assert all(400 <= status <= 599 for status in HTTP_STATUS.values())
