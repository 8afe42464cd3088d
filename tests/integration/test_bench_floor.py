"""The floor that the bench measures beside the service: each section of a run starts one."""

from pathlib import Path

import pytest
import requests

from bench.floor import FloorProcess


@pytest.mark.slow
def test_a_second_floor_of_a_run_serves_too(tmp_path: Path) -> None:
    answers = []
    for _ in range(2):
        with FloorProcess(tmp_path, stub_url="http://127.0.0.1:9") as floor:
            answers.append(requests.get(f"http://127.0.0.1:{floor.port}/place", timeout=5).status_code)

    assert answers == [405, 405]
