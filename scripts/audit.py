"""Ask the advisory database about every installed package: what is known, or that nothing was checked.

The environment holds what is pinned and what that brought along. An audit without an answer is no good
news: it ends with a code of its own, and never with 0. Arguments are pip-audit's, in place of `--local`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

FOUND, NOT_CHECKED = 1, 3
# Not strict, it says of packages that the database does not list that nothing is known against them.
_COMMAND = ("--strict", "--progress-spinner=off", "--format=json")


def main(given: Sequence[str]) -> int:
    """Return 0 only when the database answered for every package and knows nothing against it."""
    command = [str(Path(sys.executable).with_name("pip-audit")), *_COMMAND, *(given or ("--local",))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    packages = _packages(done.stdout)
    if not packages:
        print(f"NOT CHECKED: {_last_line(done.stderr)}")
        return NOT_CHECKED
    advisories = list(_advisories(packages))
    print(*advisories, f"{len(packages)} packages, {len(advisories)} advisories", sep="\n")
    if advisories:
        return FOUND
    return NOT_CHECKED if done.returncode else 0


def _packages(answer: str) -> list[dict[str, object]]:
    """Return what pip-audit says of each package, nothing where it broke off."""
    try:
        packages: list[dict[str, object]] = json.loads(answer)["dependencies"]
    except ValueError:
        return []
    return packages


def _advisories(packages: Sequence[dict[str, object]]) -> Iterator[str]:
    for one in packages:
        found = one.get("vulns")
        for advisory in found if isinstance(found, list) else ():
            mended = ", ".join(advisory["fix_versions"]) or "no version"
            yield f"{one['name']} {one['version']}: {advisory['id']}, mended in {mended}"


def _last_line(errors: str) -> str:
    lines = [line for line in errors.splitlines() if line.strip()]
    return lines[-1] if lines else "pip-audit said nothing"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
