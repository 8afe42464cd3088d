"""Fetch what the dashboard vendors, from the npm registry by exact version: `python -m scripts.vendor`.

Browsers get these files from this service and from nowhere else; no page of ours needs a network or a build.
Written are the files, their licences, and VENDOR.json with what each is. A test holds the hashes.
"""

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_TRADINGVIEW = """TradingView Lightweight Charts™
Copyright (c) 2025 TradingView, Inc. https://www.tradingview.com/

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package: the files wanted of it, by their path inside, and what its notice says first."""

    name: str
    version: str
    integrity: str  # as the registry tells it; another archive is refused
    licence: str
    files: tuple[str, ...]
    credit: str = ""


SERVED = ROOT / "static" / "vendor"
TESTS = ROOT / "tests" / "browser" / "vendor"

PACKAGES: dict[Path, tuple[Package, ...]] = {
    SERVED: (
        Package(
            name="socket.io-client",
            version="4.8.4",
            integrity="sha512-7wjKAvVXYOJsbmUgkWbnhPD4bFpkqrUR0++XOjpGFmqDqsqV1CI93VTraeExLxpjxEqrWgFoSRZu1ihjLWfkAA==",
            licence="MIT",
            files=("dist/socket.io.esm.min.js",),
        ),
        Package(
            name="lightweight-charts",
            version="5.2.1",
            integrity="sha512-IVwoK1RLFiLPubaKIjNbtjWLnpPMqiABSrTay6whmNa8L1+19292VtHJ+BWyPUuLCwF0tcQlhEWd1CLB2a1nsQ==",
            licence="Apache-2.0",
            files=("dist/lightweight-charts.standalone.production.mjs",),
            credit=_TRADINGVIEW,
        ),
    ),
    TESTS: (
        Package(
            name="axe-core",
            version="4.14.1",
            integrity="sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
            licence="MPL-2.0",
            files=("axe.min.js",),
        ),
    ),
}


class VendorFailed(RuntimeError):
    """A package is not what it should be; nothing of it was written."""


def main() -> int:
    """Write every vendored file anew."""
    for folder, packages in PACKAGES.items():
        folder.mkdir(parents=True, exist_ok=True)
        told = [_vendored(package, folder) for package in packages]
        text = json.dumps({"made_by": "python -m scripts.vendor", "packages": told}, indent=2)
        (folder / "VENDOR.json").write_text(f"{text}\n", encoding="utf-8")
        print(f"{folder.relative_to(ROOT)}: {', '.join(one.name for one in packages)}")
    return 0


def _vendored(package: Package, folder: Path) -> dict[str, str | dict[str, str]]:
    with tempfile.TemporaryDirectory() as place:
        archive = _fetched(package, Path(place))
        files = {Path(path).name: _member(archive, path) for path in package.files}
        notice = package.credit.encode() + _member(archive, "LICENSE")
    notice_name = f"{package.name}.LICENSE.txt"
    for name, content in {**files, notice_name: notice}.items():
        (folder / name).write_bytes(content)
    return {
        "name": package.name,
        "version": package.version,
        "licence": package.licence,
        "notice": notice_name,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }


def _fetched(package: Package, place: Path) -> Path:
    command = ("npm", "pack", "--silent", f"{package.name}@{package.version}")
    packed = subprocess.run(command, cwd=place, check=True, capture_output=True, text=True)
    archive = place / packed.stdout.strip().splitlines()[-1]
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != package.integrity:
        raise VendorFailed(
            f"{package.name} {package.version} is another archive than the one that was looked at"
        )
    return archive


def _member(archive: Path, path: str) -> bytes:
    with tarfile.open(archive) as packed:
        found = packed.extractfile(f"package/{path}")
        if found is None:
            raise VendorFailed(f"{archive.name} has no {path}")
        return found.read()


if __name__ == "__main__":
    sys.exit(main())
