"""A person's browser on the board, and when it painted what. The page itself has nothing of this."""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from playwright.sync_api import Page, expect, sync_playwright

from scripts.chromium import CHROMIUM

_HEARD = Path(__file__).with_name("board_heard.js").read_text(encoding="utf-8")
_PAINTED = Path(__file__).with_name("board_painted.js").read_text(encoding="utf-8")
_PASSWORD = "correct horse battery"  # noqa: S105  # of a service that lives for a minute
_PATIENCE_MILLISECONDS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """A stop's new text in its row, and the frame after; milliseconds since the epoch.

    Of a row out of sight the frame shows nothing: it says when the row would have been seen.
    """

    bracket_id: str
    text: str
    shown: float
    painted: float
    is_in_sight: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Seconds that the page's main thread has worked so far."""

    at: float  # the browser's own clock
    task: float
    script: float
    layout: float  # with the recalculation of styles

    def share_since(self, before: "Work", name: str) -> float:
        """Return the per cent of the time between that went into one of them."""
        spent: float = getattr(self, name) - getattr(before, name)
        return 100 * spent / (self.at - before.at)


class Viewer:
    """One browser, from its start to its end with the block."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.clock_off = 0.0  # milliseconds that the page's clock is behind the machine's

    def __enter__(self) -> "Viewer":
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(**CHROMIUM)
        context = self._browser.new_context(viewport={"width": 1360, "height": 800})
        context.set_default_timeout(_PATIENCE_MILLISECONDS)
        context.add_init_script(_HEARD)
        self._page: Page = context.new_page()
        self._devtools = context.new_cdp_session(self._page)
        self._devtools.send("Performance.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._browser.close()
        self._playwright.stop()

    def log_in(self, setup_code: str) -> None:
        """Set the first password, which logs in."""
        page = self._page
        page.goto(f"{self._url}/dashboard/setup")
        page.get_by_label("Set-up code").fill(setup_code)
        page.get_by_label("Password, at least").fill(_PASSWORD)
        page.get_by_label("The password again").fill(_PASSWORD)
        page.get_by_role("button", name="Set the password").click()
        page.wait_for_url("**/dashboard/security")

    def watch(self, rows: int) -> None:
        """Open the board, wait until it is live with that many rows, and note from now on."""
        page = self._page
        page.goto(f"{self._url}/dashboard/")
        expect(page.locator("#link")).to_have_text("Live", timeout=_PATIENCE_MILLISECONDS)
        expect(page.locator(".row")).to_have_count(rows, timeout=_PATIENCE_MILLISECONDS)
        self.clock_off = float(page.evaluate(_PAINTED))

    def let_paint(self, count: int, *, seconds: float) -> None:
        """Return once that many changes are painted, or after so long."""
        self._page.evaluate(
            "([count, until]) => new Promise((done) => { const look = () =>"
            " window.benchPainted.length >= count || performance.now() >= until"
            " ? done() : setTimeout(look, 50); until += performance.now(); look(); })",
            [count, seconds * 1000],
        )

    def painted(self) -> list[Paint]:
        return [
            Paint(bracket_id=bracket_id, text=text, shown=shown, painted=painted, is_in_sight=seen)
            for bracket_id, text, shown, painted, seen in self._page.evaluate("window.benchPainted")
        ]

    def heard(self) -> list[tuple[str, float]]:
        """Return of each change that came over the socket its bracket and when, in the order they came."""
        return [(bracket_id, at) for bracket_id, at in self._page.evaluate("window.benchHeard")]

    def work(self) -> Work:
        found = {
            one["name"]: one["value"] for one in self._devtools.send("Performance.getMetrics")["metrics"]
        }
        return Work(
            at=found["Timestamp"],
            task=found["TaskDuration"],
            script=found["ScriptDuration"],
            layout=found["LayoutDuration"] + found["RecalcStyleDuration"],
        )
