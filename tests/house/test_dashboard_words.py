"""The words that scripts have for codes of the service are those of all codes there are."""

import inspect
import re
from pathlib import Path

import pytest

from blueprints.dashboard.pages import __path__ as PAGES
from services.bracket.clocks import naked_cause
from services.bracket.guards import Hold
from services.bracket.model import KillMode

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "static" / "js" / "core"


def test_every_cause_of_shares_without_a_stop_has_words() -> None:
    codes = set(re.findall(r'"([a-z]+(?:_[a-z]+)*)"', inspect.getsource(naked_cause)))
    table = re.search(r"const CAUSES = \{(.*?)\};", (CORE / "badges.js").read_text(), re.DOTALL)

    assert table is not None
    assert set(re.findall(r"^\s+(\w+):", table[1], re.MULTILINE)) == codes


def test_the_kill_switch_offers_every_mode() -> None:
    acts = (CORE / "acts.js").read_text()

    assert all(f"{mode}:" in acts for mode in KillMode)


def test_the_holds_that_scripts_tell_apart_are_holds_there_are() -> None:
    scripts = "".join(path.read_text() for path in (ROOT / "static" / "js").rglob("*.js"))
    told = set(re.findall(r'\.hold [!=]== "(\w+)"', scripts))

    assert told
    assert told <= set(Hold)


@pytest.mark.parametrize("module", [path.stem for path in Path(PAGES[0]).glob("[a-z]*.py")])
def test_a_page_has_its_template_and_its_script(module: str) -> None:
    has_script = "has_script=False" not in (Path(PAGES[0]) / f"{module}.py").read_text()
    needs_template = "page.render(" in (Path(PAGES[0]) / f"{module}.py").read_text()

    assert (ROOT / "templates" / "pages" / f"{module}.html").exists() is needs_template
    assert (ROOT / "static" / "js" / "pages" / f"{module}.js").exists() is has_script
