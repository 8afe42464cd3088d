"""Addresses below /dashboard at which there is nothing: told as a page, and to nobody who is not logged in."""

from typing import NoReturn

from blueprints.dashboard.page import Page
from services.errors import NotFound

page = Page("nowhere", title="Not found", order=2000, has_script=False)


@page.get("/<path:rest>")
def nothing(rest: str) -> NoReturn:
    raise NotFound("There is nothing at this address")
