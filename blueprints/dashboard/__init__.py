"""The dashboard: pages for the person whose accounts these are, and the calls those pages make.

A page is a module in `pages`, a template in `templates/pages` and an ES module in `static/js/pages`, all of
one name. `register_dashboard` finds it by itself.
"""

from importlib import import_module
from pkgutil import iter_modules

from flask import Flask

from blueprints.dashboard import pages
from blueprints.dashboard.doors import doors_bp
from blueprints.dashboard.guard import LOGINS, protect_answer
from blueprints.dashboard.page import Page
from services.desk import Desk
from services.logins import Logins


def register_dashboard(app: Flask) -> None:
    """Add the doors and every page there is."""
    desk: Desk = app.extensions["openbracket"]
    app.extensions[LOGINS] = Logins(desk.db, desk.secrets.box, desk.clock)
    app.register_blueprint(doors_bp)
    found = sorted(_pages(), key=lambda page: page.order)
    for page in found:
        app.register_blueprint(page)
    app.after_request(protect_answer)
    links = [page.link for page in found if page.link is not None]
    app.jinja_env.globals["navigation"] = links


def _pages() -> list[Page]:
    names = sorted(one.name for one in iter_modules(pages.__path__))
    return [import_module(f"{pages.__name__}.{name}").page for name in names]
