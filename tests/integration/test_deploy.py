"""What is shipped to run the service with: rules and pictures name what there is, and the files are taken."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.serving import Served, until
from utils.config import EXAMPLE_FILE, write_env_file
from utils.metrics import REGISTRY

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
ENDS = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",), "unknown": ("",)}
# What a query may name that is no series of ours: functions, words and units of the query language.
METRIC = re.compile(r"\b(?:openbracket|process)_\w+")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!=|!~|=)\s*\"([^\"]*)\"")


def tool(name: str, package: str) -> str:
    """Return where a program is. Fails, rather than skips, where Debian's package is missing."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    assert found is not None, f"{name} is missing: apt-get install {package}"
    return found


def series(service: Served) -> set[str]:
    """Return the names of every series that /metrics can tell."""
    text = service.client.get("/metrics").get_data(as_text=True)
    families = text_string_to_metric_families(text)
    return {family.name + end for family in families for end in ENDS[family.type]}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DEPLOY / "grafana" / "openbracket.json").read_text())["panels"]
    return found


def queries() -> list[str]:
    return [rule["expr"] for rule in rules()] + [
        target["expr"] for panel in panels() for target in panel["targets"]
    ]


def test_every_query_names_a_series_there_is(service: Served) -> None:
    known = series(service)
    named = {name for query in queries() for name in METRIC.findall(query)}

    assert len(named) > 30
    assert named - known == set()


def test_every_series_of_ours_is_in_the_pictures(service: Served) -> None:
    shown = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
    bases = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in series(service)}
    elsewhere = {"openbracket_database_up", "openbracket_clock_jump_seconds", "openbracket_stopping"}
    elsewhere |= {"openbracket_unprotected_oldest_seconds", "openbracket_workers"}

    assert {one for one in bases if one.startswith("openbracket_") and one not in shown} == elsewhere


def test_every_word_a_query_asks_for_is_one_that_is_told(service: Served) -> None:
    text = service.client.get("/metrics").get_data(as_text=True)
    families = text_string_to_metric_families(text)
    told: dict[str, set[str]] = {}
    for sample in (sample for family in families for sample in family.samples):
        for name, value in sample.labels.items():
            told.setdefault(name, set()).add(value)
    labels = {name for one in REGISTRY._collector_to_names for name in getattr(one, "_labelnames", ())}
    known = {*labels, *told, "job"}  # which Prometheus adds itself
    asked = {found for query in queries() for found in MATCHER.findall(query)}

    assert {name for name, _ in asked} <= known
    gauges = {(name, value) for name, value in asked if name in ("mode", "trouble")}
    assert gauges
    assert all(value in told[name] for name, value in gauges)


def test_what_is_not_protected_comes_first_and_pages() -> None:
    first, panel = rules()[0], panels()[0]

    assert first["expr"] == 'openbracket_unprotected_brackets{mode="live"} > 0'
    assert (first["for"], first["labels"]["severity"]) == ("5s", "page")
    assert "unprotected_brackets" in panel["targets"][0]["expr"]


def test_every_alert_says_what_to_do() -> None:
    assert all(rule["annotations"]["summary"] and rule["annotations"]["action"] for rule in rules())
    assert {rule["labels"]["severity"] for rule in rules()} == {"page", "warn"}


def test_prometheus_takes_the_rules_and_its_own_settings() -> None:
    for words in (("check", "rules", "alerts.yml"), ("check", "config", "prometheus.yml")):
        done = subprocess.run(
            [tool("promtool", "prometheus"), *words],
            cwd=DEPLOY / "prometheus",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=x",
         "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return tmp_path


def test_nginx_takes_the_site(certificate: Path) -> None:
    site = (DEPLOY / "nginx.conf").read_text()
    site = re.sub(r"/etc/letsencrypt/\S+/fullchain.pem", str(certificate / "cert.pem"), site)
    site = re.sub(r"/etc/letsencrypt/\S+/privkey.pem", str(certificate / "key.pem"), site)
    site = site.replace("/var/log/nginx", str(certificate))
    whole = certificate / "nginx.conf"
    whole.write_text(f"pid {certificate}/pid;\nevents {{}}\nhttp {{\n{site}\n}}\n")

    done = subprocess.run(
        [tool("nginx", "nginx-light"), "-t", "-c", whole, "-e", certificate / "error.log"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def test_the_proxy_sends_no_order_twice_and_hides_what_is_the_machines() -> None:
    site = (DEPLOY / "nginx.conf").read_text()

    assert "proxy_next_upstream off;" in site
    assert "location = /metrics { return 404; }" in site
    assert "$proxy_add_x_forwarded_for" not in site  # it would keep what a client says of its address
    assert "Upgrade $http_upgrade" in site


# --- systemd, Docker


def unit(name: str, *, of: str = "openbracket.service") -> list[str]:
    text = (DEPLOY / "systemd" / of).read_text()
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{name}=")]


def test_a_workers_unit_works_and_has_the_services_rights_and_no_more() -> None:
    worker = "openbracket-worker@.service"
    rights = [
        (DEPLOY / "systemd" / name).read_text().partition("UMask=")[2]
        for name in ("openbracket.service", worker)
    ]

    assert rights[0] == rights[1] != ""
    assert unit("ExecStart", of=worker) == ["/opt/openbracket/.venv/bin/python -m worker"]
    assert (ROOT / "worker.py").exists()


def test_the_units_commands_migrate_serve_and_end_within_5_seconds(tmp_path: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    write_env_file(tmp_path / ".env", example=EXAMPLE_FILE)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PORT": str(port)}

    def here(command: str) -> list[str]:
        there = command.replace("/opt/openbracket/.venv/bin", f"{sys.prefix}/bin")
        return there.replace("/opt/openbracket", str(ROOT)).split()

    began, worked = monotonic(), _processor_seconds()
    subprocess.run(here(unit("ExecStartPre")[0]), cwd=tmp_path, env=environment, check=True, timeout=60)
    # On a machine busy with other things everything takes so many times as long, the end too.
    stretched = max(1.0, (monotonic() - began) / (_processor_seconds() - worked))
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            here(unit("ExecStart")[0]), cwd=tmp_path, env=environment, stdout=log, stderr=log
        )
        try:
            until(lambda: _is_ready(port), seconds=60, what=(tmp_path / "log").read_text())
            began = monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=15)
            took = monotonic() - began
        finally:
            process.kill()
            process.wait()

    assert process.returncode == 0
    assert took < 5 * stretched
    assert (tmp_path / "openbracket.db").exists()


def _processor_seconds() -> float:
    """Return what the processes that we started and that have ended computed."""
    spent = os.times()
    return spent.children_user + spent.children_system


def _is_ready(port: int) -> bool:
    with suppress(requests.ConnectionError, requests.Timeout):
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    return False


def test_the_unit_gives_the_service_no_rights_it_does_not_need() -> None:
    assert unit("User") == ["openbracket"]
    assert unit("CapabilityBoundingSet") == [""]
    assert (unit("NoNewPrivileges"), unit("ProtectSystem"), unit("UMask")) == (["yes"], ["strict"], ["0077"])
    assert (unit("Restart"), unit("StartLimitIntervalSec")) == (["always"], ["0"])


def test_the_image_runs_as_nobody_in_particular_and_holds_no_secret() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    words = [line.split()[0] for line in lines if line and not line.startswith((" ", "#"))]
    ignored = (ROOT / ".dockerignore").read_text().split()

    assert words.index("USER") < words.index("CMD")
    assert "USER openbracket" in lines
    assert {".env", ".git", "*.db", "*.state"} <= set(ignored)
    assert set(words) <= {
        "FROM", "WORKDIR", "COPY", "RUN", "ENV", "VOLUME", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK",
        "CMD",
    }  # fmt: skip


def test_the_compose_file_opens_the_service_to_this_machine_only() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    ours = services["openbracket"]

    assert ours["ports"] == ["127.0.0.1:5000:5000"]
    assert (ours["read_only"], ours["cap_drop"]) == (True, ["ALL"])
    mounted = [volume.split(":")[0] for one in services.values() for volume in one["volumes"]]
    assert all((ROOT / path).is_file() for path in mounted if path.startswith("./"))
