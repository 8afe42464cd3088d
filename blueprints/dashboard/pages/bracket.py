"""One bracket: its chart, its orders, everything that happened, and why it is as it is."""

from flask import Response

from blueprints.dashboard.guard import login
from blueprints.dashboard.page import Page
from blueprints.dashboard.shapes import price_story_shape, shown_shape, story_shape
from restx_api.callers import desk
from restx_api.envelope import success
from services.board import owned_bracket, shown_bracket, story_of
from services.event_codec import decode_event
from services.price_story import price_story

page = Page("bracket", title="Bracket", order=1000)


@page.get("/brackets/<bracket_id>")
def show(bracket_id: str) -> Response:
    bracket = owned_bracket(desk(), login().owner_id, bracket_id)
    return page.render(bracket_id=bracket.id, symbol=bracket.plan.instrument.symbol)


@page.get("/api/brackets/<bracket_id>/story")
def read_story(bracket_id: str) -> Response:
    """Return the bracket, its timeline and the prices its events tell."""
    shown = shown_bracket(desk(), login().owner_id, bracket_id)
    stored = [one for one in story_of(desk(), shown.bracket) if one.seq <= shown.bracket.version]
    events = [(one.at, decode_event(one.kind, one.payload)) for one in stored]
    return success(
        {
            "bracket": shown_shape(shown),
            "timeline": story_shape(shown.bracket, stored),
            "prices": price_story_shape(price_story(shown.bracket, events)),
        }
    )
