"""Addresses below /dashboard with nothing at them: told as a page, to who is logged in alone."""

from typing import NoReturn

from blueprints.dashboard.page import Page
from services.errors import NotFound

page = Page("nowhere", title="Not found", order=2000, has_script=False)


@page.get("/<path:rest>")
def nothing(rest: str) -> NoReturn:
    raise NotFound("There is nothing at this address")
