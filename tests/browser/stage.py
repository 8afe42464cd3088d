"""The real service as a process, a person in a real browser, and what the two come to."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page

from scripts.service_process import ServiceProcess, new_secrets

PASSWORD = "correct horse battery"
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")

# What a browser says of a service that was killed on purpose.
_NO_SERVICE = re.compile(r"net::ERR_CONNECTION|WebSocket connection to .* failed|net::ERR_EMPTY_RESPONSE")

# What it says of a page that was left before its socket was open: on a busy machine, of any page.
_LEFT_EARLY = re.compile(r"WebSocket is closed before the connection is established")

SBIN: dict[str, Any] = {
    "symbol": "SBIN",
    "exchange": "NSE",
    "product": "MIS",
    "action": "BUY",
    "quantity": 10,
    "entry_price": 505,
    "sl_price": 450,
    "target_price": 560,
    "strategy": "breakout",
}


@dataclass(frozen=True)
class Prepared:
    """A folder as `make run` leaves it before it serves, with its secrets and what was printed.

    Tests have copies: to make one costs seconds.
    """

    folder: Path
    secrets: dict[str, str]
    said: str


def prepare(folder: Path) -> Prepared:
    """Make the tables, the paper account, its key and a set-up code."""
    folder.mkdir(exist_ok=True)
    own = new_secrets()
    return Prepared(folder, own, ServiceProcess(folder, settings=own).set_up())


class Desk:
    """A service with the paper account of `make run`, its key and its set-up code."""

    def __init__(self, folder: Path, prepared: Prepared, **settings: str) -> None:
        shutil.copytree(prepared.folder, folder, dirs_exist_ok=True)
        self.service = ServiceProcess(
            folder,
            settings={
                "PAPER_PRICES": "NSE:SBIN=500,NSE:INFY=1500",
                "BRACKET_ORDER_RATE_LIMIT": "1000 per second",
            }
            | prepared.secrets
            | settings,
        )
        self.key = re.findall(r"bk_\w+", prepared.said)[0]
        self.setup_code = re.findall(r"set-up code (\S+)", prepared.said)[0]

    @property
    def url(self) -> str:
        return self.service.url

    def post(self, endpoint: str, **body: Any) -> dict[str, Any]:
        url = f"{self.url}/api/v1/{endpoint}/"
        answer = requests.post(url, json={"apikey": self.key, **body}, timeout=10)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def place(self, **overrides: Any) -> str:
        return str(self.post("placebracketorder", **SBIN | overrides)["bracket_id"])


@dataclass
class Person:
    """One browser; everything its console complains of is kept."""

    context: BrowserContext
    url: str
    page: Page
    complaints: list[str] = field(default_factory=list)

    def hear(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _LEFT_EARLY.search(message.text):
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def forgive_no_service(self) -> None:
        """Forget what the console said of a service that was killed, and that alone."""
        told = "the next pulse asks again|The service does not answer"
        self.complaints[:] = [
            one for one in self.complaints if not _NO_SERVICE.search(one) and not re.search(told, one)
        ]

    def forgive(self, status: int) -> None:
        """Forget that the console noted an answer of this status."""
        words = f"the server responded with a status of {status} "
        self.complaints[:] = [one for one in self.complaints if words not in one]

    def go(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def set_up(self, code: str, password: str = PASSWORD) -> None:
        self.go("/dashboard/setup")
        self.page.get_by_label("Set-up code").fill(code)
        self.page.get_by_label("Password, at least").fill(password)
        self.page.get_by_label("The password again").fill(password)
        self.page.get_by_role("button", name="Set the password").click()
        self.page.wait_for_url("**/dashboard/security")

    def log_in(self, password: str = PASSWORD, *, name: str = "owner", code: str = "") -> None:
        self.go("/dashboard/login")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_label("Code").fill(code)
        self.page.get_by_role("button", name="Log in").click()

    def row(self, bracket_id: str) -> Locator:
        return self.page.locator(f'.row[data-id="{bracket_id}"]')

    def violations(self) -> list[str]:
        """Return what axe finds wrong with the page as it is."""
        self.page.evaluate(AXE)  # not a script tag: the page's policy would refuse it
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [f"{one['id']}: {node['html'][:160]}" for one in found["violations"] for node in one["nodes"]]

    def violations_light_and_dark(self) -> list[str]:
        """Return what axe finds in the light and in the dark: the same page, loaded once."""
        found = []
        for scheme in ("light", "dark"):
            # Without motion: colours on their way from one scheme to the other are nobody's to judge.
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found += [f"{scheme}: {one}" for one in self.violations()]
        return found

    def is_wider_than_its_window(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


@contextmanager
def a_person(browser: Browser, url: str, **options: Any) -> Iterator[Person]:
    """Give a browser of its own: no cookie, no cache; it ends with the block."""
    context = browser.new_context(viewport={"width": 1360, "height": 800}, **options)
    context.set_default_timeout(15_000)
    person = Person(context, url, context.new_page())
    person.hear()
    yield person
    context.close()
