"""`make cluster-up` and `make cluster-down`: everything runs, takes an order, and is gone afterwards."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from scripts.cluster import Cluster
from scripts.service_process import PROJECT
from tests.brokers.process import state_of
from tests.serving import an_order, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def flask(cluster: Cluster, *words: str) -> str:
    command = [sys.executable, "-m", "flask", "--app", "app", *words]
    done = subprocess.run(
        command, env=cluster.environ(0), cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that PostgreSQL's own user may enter, as pytest's own ones are not."""
    made = Path(tempfile.mkdtemp(prefix="openbracket-cluster-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def test_a_cluster_takes_a_bracket_and_is_gone_when_told_to_go(folder: Path) -> None:
    cluster = Cluster(folder / "cluster")
    try:
        cluster.up()
        running = cluster.status()
        flask(cluster, "account", "add", "--name", "main", "--broker", "paper")
        key = flask(cluster, "apikey", "create", "--account", "main")
        url = cluster.urls()[1]

        def placed() -> str | None:
            body = an_order() | {"apikey": key}
            answer = requests.post(f"{url}/api/v1/placebracketorder/", json=body, timeout=10).json()
            found: str | None = answer.get("bracket_id")
            return found

        bracket_id = until(placed, what="a bracket", seconds=30)
    finally:
        ended = cluster.down()

    assert None not in running.values()
    assert bracket_id
    assert sorted(ended) == sorted(running)
    assert set(cluster.status().values()) == {None}
    assert [pid for pid in running.values() if pid is not None and is_alive(pid)] == []


def is_alive(pid: int) -> bool:
    try:
        return state_of(pid) != "Z"
    except FileNotFoundError:
        return False
