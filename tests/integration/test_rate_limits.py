"""Limits count by verified key; strangers count by address and never slow a verified caller."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Served, a_config, end, resting, serve

WRONG = "bk_AbCd1234_" + "x" * 43


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Served]:
    served = serve(a_config(tmp_path, bracket_order_rate_limit="2 per minute"))
    yield served
    end(served)


def test_placing_too_often_is_429_in_our_envelope(limited: Served) -> None:
    answers = [limited.post("placebracketorder", resting(dry_run=True)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    told = answers[-1].get_json()
    assert (told["status"], told["code"], told["mode"]) == ("error", "rate_limited", "live")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].headers["X-RateLimit-Limit"] == "2"
    assert "Retry-After" not in answers[0].headers


def test_each_key_has_a_measure_of_its_own(limited: Served) -> None:
    for _ in range(3):
        limited.post("placebracketorder", resting(dry_run=True))

    assert limited.post("placebracketorder", resting(dry_run=True), key=limited.a_key()).status_code == 200


def test_other_calls_are_not_slowed_by_the_placing_limit(limited: Served) -> None:
    codes = {limited.post("bracketorderbook").status_code for _ in range(10)}

    assert codes == {200}


def test_a_stranger_who_keeps_guessing_is_slowed_and_a_good_key_is_not(limited: Served) -> None:
    answers = [limited.post("bracketorderbook", key=WRONG) for _ in range(15)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 5
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert limited.post("bracketorderbook").status_code == 200


def test_wrong_secrets_for_a_keys_own_id_do_not_lock_its_owner_out(limited: Served) -> None:
    imitated = limited.key[:12] + "x" * 43

    statuses = [limited.post("bracketorderbook", key=imitated).status_code for _ in range(15)]

    assert set(statuses) == {401, 429}
    assert limited.post("placebracketorder", resting(dry_run=True)).status_code == 200
