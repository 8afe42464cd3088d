"""What is vendored is what was looked at, with its notices; and pages load nothing from elsewhere."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from scripts.vendor import PACKAGES

ROOT = Path(__file__).resolve().parents[2]
SERVED = [*(ROOT / "static").rglob("*"), *(ROOT / "templates").rglob("*")]
OURS = [path for path in SERVED if path.is_file() and "vendor" not in path.parts]


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_every_vendored_file_has_the_hash_it_was_taken_with_and_its_notice(folder: Path) -> None:
    told: dict[str, Any] = json.loads((folder / "VENDOR.json").read_text())
    listed = {name: digest for one in told["packages"] for name, digest in one["sha256"].items()}

    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in listed}

    assert found == listed
    notices = {one["notice"] for one in told["packages"]}
    assert {path.name for path in folder.iterdir()} == {*listed, *notices, "VENDOR.json"}
    assert all(len((folder / notice).read_text()) > 500 for notice in notices)
    assert [(one["name"], one["version"], one["licence"]) for one in told["packages"]] == [
        (one.name, one.version, one.licence) for one in PACKAGES[folder]
    ]


def test_pages_have_nothing_inline_and_load_nothing_from_elsewhere() -> None:
    inline = re.compile(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=[\"']|javascript:", re.IGNORECASE)
    foreign = re.compile(r"(?:src|@import|url\(|from)\s*=?\s*[\"'(]*(?:https?:)?//", re.IGNORECASE)

    offenders = [path.name for path in OURS if _has(path, inline) or _has(path, foreign)]

    assert offenders == []


def test_text_never_becomes_markup_in_our_scripts() -> None:
    markup = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|\|\s*safe\b")

    assert [path.name for path in OURS if _has(path, markup)] == []


def _has(path: Path, pattern: re.Pattern[str]) -> bool:
    return path.suffix in {".html", ".js", ".css"} and pattern.search(path.read_text()) is not None
