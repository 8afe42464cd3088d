"""A page of the dashboard: a blueprint whose every route asks for a login, with its link and its script."""

from dataclasses import dataclass

from flask import Blueprint, Response, g, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from blueprints.dashboard.guard import HOME, csrf_of_session, is_call, let_in
from restx_api.errors import answer_error
from services.errors import BracketError


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An entry of the navigation. endpoint is what `url_for` takes."""

    words: str
    endpoint: str


class Page(Blueprint):
    """One page: `name` names its template, its script and its blueprint.

    Every route of it lies below /dashboard and asks for a session; what changes something asks for the
    session's CSRF token too. Below /dashboard/api failures are JSON, elsewhere a page.
    """

    def __init__(
        self, name: str, *, title: str, link: str | None = None, order: int = 100, has_script: bool = True
    ) -> None:
        super().__init__(f"page_{name}", __name__, url_prefix=HOME)
        self.page_name = name
        self.title = title
        self.order = order
        self.has_script = has_script
        self.link = None if link is None else Link(words=link, endpoint=f"page_{name}.show")
        self.before_request(let_in)
        self.register_error_handler(Exception, answer_failure)

    def render(self, **values: object) -> Response:
        """Return the page: its template within the shell, with its script."""
        return make_response(
            render_template(
                f"pages/{self.page_name}.html",
                page=self,
                login=g.login,
                csrf=csrf_of_session(),
                **values,
            )
        )


def answer_failure(error: Exception) -> Response:
    """Answer a failure as whoever asked can read it."""
    answer = answer_error(error)
    if is_call(request.path) or answer.status_code < 400:
        return answer
    sentence = str(error) if isinstance(error, BracketError) else _SENTENCES.get(answer.status_code, _FAULT)
    if isinstance(error, HTTPException) and answer.status_code not in _SENTENCES:
        sentence = error.name
    html = render_template("error.html", status=answer.status_code, sentence=sentence)
    return Response(html, status=answer.status_code, mimetype="text/html")


_FAULT = "The service failed; the log tells why."
_SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
    503: "The database did not answer: nothing was stored.",
}
