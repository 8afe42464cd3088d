"""The audit of packages: an advisory is told, and a database that gives no answer is never good news."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from scripts.audit import FOUND, NOT_CHECKED

ADVISORY = {
    "id": "GHSA-made-up-0001",
    "modified": "2026-01-01T00:00:00Z",
    "summary": "made up",
    "affected": [
        {
            "package": {"name": "flask", "ecosystem": "PyPI"},
            "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9.9"}]},
            ],
            "versions": ["3.1.3"],
        }
    ],
}


class Advisories(BaseHTTPRequestHandler):
    """Answers every question with the same advisories."""

    known: ClassVar[list[object]] = []
    status: ClassVar[int] = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"vulns": self.known} if self.known else {}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def database() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Advisories)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def audited(address: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Audit one package, at a database of our own."""
    pins = folder / "requirements.txt"
    pins.write_text("flask==3.1.3\n")
    where = [f"--requirement={pins}", "--no-deps", "--disable-pip", f"--cache-dir={folder / 'cache'}"]
    where += ["--vulnerability-service=osv", f"--osv-url={address}"]
    return subprocess.run(
        [sys.executable, "-m", "scripts.audit", *where], capture_output=True, text=True, check=False
    )


CASES = {
    "nothing is known": ([], 200, 0, "1 packages, 0 advisories"),
    "something is known": ([ADVISORY], 200, FOUND, "flask 3.1.3: GHSA-made-up-0001, mended in 9.9.9"),
    "the database is out of order": ([], 503, NOT_CHECKED, "NOT CHECKED"),
}


@pytest.mark.parametrize("case", CASES)
def test_an_audit_tells_what_is_known(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    known, status, code, words = CASES[case]
    monkeypatch.setattr(Advisories, "known", known)
    monkeypatch.setattr(Advisories, "status", status)

    done = audited(database, tmp_path)

    assert (done.returncode, words in done.stdout) == (code, True), done.stdout + done.stderr


def test_a_database_out_of_reach_is_told_as_not_checked(tmp_path: Path) -> None:
    done = audited("http://127.0.0.1:1/", tmp_path)

    assert done.returncode == NOT_CHECKED, done.stdout + done.stderr
    assert "NOT CHECKED: " in done.stdout
    assert "arguments" not in done.stdout
