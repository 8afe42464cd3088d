"""About: what runs here, whose work it is made of, and what those ask to be told."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from flask import Response, current_app

from blueprints.dashboard.page import Page

page = Page("about", title="About", link="About", order=99, has_script=False)


@page.get("/about")
def show() -> Response:
    return page.render(vendored=_vendored(str(current_app.static_folder)))


@cache
def _vendored(static_folder: str) -> list[dict[str, Any]]:
    folder = Path(static_folder) / "vendor"
    listed: dict[str, Any] = json.loads((folder / "VENDOR.json").read_text(encoding="utf-8"))
    return [
        {**one, "notice_text": (folder / one["notice"]).read_text(encoding="utf-8")}
        for one in listed["packages"]
    ]
