"""A person at the dashboard without a browser: cookies, forms with their token, calls with theirs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from blueprints.dashboard.guard import CSRF_HEADER, LOGINS
from database.account_db import owner_named
from services.logins import Logins
from tests.serving import Served, a_config, end, serve

PASSWORD = "correct horse battery"


def logins_of(service: Served) -> Logins:
    found: Logins = service.app.extensions[LOGINS]
    return found


def owner_id(service: Served) -> str:
    found = owner_named(service.desk.db, "owner")
    assert found is not None
    return found.id


@dataclass
class Person:
    """One browser at one address."""

    client: FlaskClient
    address: str = "203.0.113.7"

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, environ_overrides=self._environ, **more)

    def submit(self, path: str, **fields: str) -> Any:
        """Fill a form as its page has it, and send it."""
        token = re.search(r'name="csrf" value="(\w+)"', self.get(path).text)
        said = {"csrf": token[1] if token else "", **fields}
        return self.client.post(path, data=said, environ_overrides=self._environ)

    def log_in(self, password: str = PASSWORD, *, name: str = "owner", code: str = "") -> Any:
        return self.submit("/dashboard/login", name=name, password=password, code=code)

    def set_up(self, service: Served, password: str = PASSWORD) -> Any:
        code = logins_of(service).mint_setup_code(owner_id(service))
        return self.submit("/dashboard/setup", code=code, password=password, again=password)

    def call(self, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
        """Call as a page of ours does: with the token it was given."""
        url = f"/dashboard/api/{path}"
        if body is None:
            return self.get(url, headers=headers)
        sent = {CSRF_HEADER: self.token(), **headers}
        return self.client.post(url, json=body, headers=sent, environ_overrides=self._environ)

    def token(self) -> str:
        found = re.search(r'name="csrf" content="(\w+)"', self.get("/dashboard/about").text)
        assert found is not None, "not logged in"
        return found[1]

    def is_in(self) -> bool:
        return bool(self.get("/dashboard/api/security").status_code == 200)

    @property
    def _environ(self) -> dict[str, str]:
        return {"REMOTE_ADDR": self.address}


@contextmanager
def a_dashboard(folder: Path) -> Iterator[Served]:
    """Give a service whose owner has set a password; ended at the end."""
    served = serve(a_config(folder))
    assert a_person(served).set_up(served).status_code == 302
    yield served
    end(served)


def logged_in(service: Served) -> Person:
    person = a_person(service)
    assert person.log_in().status_code == 302
    return person


def a_person(service: Served, address: str = "203.0.113.7") -> Person:
    return Person(service.app.test_client(), address)
