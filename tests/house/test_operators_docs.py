"""What the pages for operators name is there: tests, commands, files."""

import re
from pathlib import Path

import click
import pytest
from flask import Flask

from cli import register_commands
from utils.clock import SystemClock
from utils.config import Config, write_env_file

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RISKS = [f"API{number}" for number in range(1, 11)]
TEST = re.compile(r"`(\w+/\w+\.py)::(\w+)`")
COMMAND = re.compile(
    r"(?:flask --app app|`)(?:\s)?((?:apikey|backup|config|doctor|restore|safety|secrets)\b[^`\n]*)"
)


def page(name: str) -> str:
    return (DOCS / name).read_text()


@pytest.mark.parametrize("risk", RISKS)
def test_every_risk_has_a_test_that_holds_its_line(risk: str) -> None:
    lines = [line for line in page("security.md").splitlines() if line.startswith(f"| {risk} ")]

    assert len(lines) == 1
    assert TEST.search(lines[0])


def test_every_test_that_is_named_exists() -> None:
    named = TEST.findall(page("security.md"))
    missing = [
        (file, test) for file, test in named if f"def {test}(" not in (ROOT / "tests" / file).read_text()
    ]

    assert len(named) > 40
    assert missing == []


def test_every_file_that_is_linked_exists() -> None:
    pages = ("security.md", "operations.md", "deployment.md")
    links = [(name, link) for name in pages for link in linked(name)]

    assert [one for one in links if not (DOCS / one[1]).exists()] == []


def linked(name: str) -> list[str]:
    """Return the files a page leads to; the places in them are left out."""
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page(name))
    return [link for link in links if "://" not in link]


@pytest.mark.parametrize("name", ["security.md", "operations.md"])
def test_every_command_that_is_named_exists_with_its_options(name: str, tmp_path: Path) -> None:
    write_env_file(tmp_path / ".env")
    app = Flask("test")
    config = Config.from_env({}, env_file=tmp_path / ".env")
    register_commands(app, config=config, clock=SystemClock(), brokers={"paper"})
    named = COMMAND.findall(page(name))

    assert len(named) >= 3
    assert [words for words in named if not is_there(app.cli, words.split())] == []


def is_there(group: click.Group, words: list[str]) -> bool:
    command = group.commands.get(words[0])
    if isinstance(command, click.Group):
        return len(words) == 1 or is_there(command, words[1:])
    if command is None:
        return False
    options = {option for parameter in command.params for option in parameter.opts}
    return {word for word in words if word.startswith("--")} <= options
