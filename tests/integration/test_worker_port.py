"""What a worker says on its port, and that it says nothing else there."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

import worker
from blueprints.worker_port import bound, vitals_server
from tests.serving import a_config, end, serve


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    service, listening = serve(a_config(tmp_path)), bound(0)
    server = vitals_server(service.app, listening)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.shutdown()
    thread.join()
    server.server_close()
    listening.close()
    end(service)


def test_a_worker_tells_its_gauges_and_whether_it_can_work(url: str) -> None:
    metrics, ready = requests.get(f"{url}/metrics", timeout=5), requests.get(f"{url}/readyz", timeout=5)

    assert 'openbracket_unprotected_brackets{mode="live"} 0.0' in metrics.text
    assert "openbracket_workers" in metrics.text
    assert (ready.status_code, ready.json()["message"]) == (200, "ready")


@pytest.mark.parametrize("path", ["/", "/api/v1/placebracketorder/", "/dashboard/", "/metrics/../login"])
def test_nothing_else_can_be_asked_of_a_worker(url: str, path: str) -> None:
    answers = [requests.request(method, url + path, timeout=5) for method in ("GET", "POST")]

    assert [answer.status_code for answer in answers] == [404, 404]


def test_a_worker_whose_port_is_taken_does_not_begin_to_work() -> None:
    with bound(0) as taken, pytest.raises(SystemExit, match=r"WORKER_PORT .* cannot be listened on"):
        worker._listening(taken.getsockname()[1])


def test_without_the_setting_a_worker_listens_nowhere() -> None:
    assert worker._listening(None) is None
