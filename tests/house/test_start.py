"""What a start of the service need not wait for."""

import subprocess
import sys

from scripts.service_process import PROJECT
from services import logins

# Each of them takes longer to import than the whole wiring, and most services never use it.
UNUSED = ("alembic", "celery", "psycopg", "telegram", "httpx", "pygments")


def test_the_app_is_imported_without_what_only_some_settings_need() -> None:
    ask = f"import app, sys; print(*(name for name in {UNUSED!r} if name in sys.modules))"

    done = subprocess.run(
        [sys.executable, "-c", ask], cwd=PROJECT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []


def test_a_guess_at_nobodys_password_costs_what_one_at_an_owners_does() -> None:
    assert not logins._hasher.check_needs_rehash(logins._NOBODYS)
