"""Which calls go into order_logs and analyzer_logs, as they were asked and answered."""

from flask import Response, g

from database.analyzer_db import async_log_analyzer
from database.apilog_db import async_log_order
from restx_api.callers import body, desk
from services.bracket.model import Mode


def log_this_call(api_type: str) -> None:
    """Have the running call logged with its answer, whatever that will be."""
    g.logged_as = api_type


def log_call(response: Response) -> Response:
    """Take a finished call for its log; the log strikes secrets out and never makes anyone wait."""
    api_type = g.get("logged_as")
    if api_type is None:
        return response
    answer = g.get("answer", {})
    if g.caller.mode is Mode.ANALYZE:
        async_log_analyzer(desk().analyzer_log, body(), answer, api_type)
    else:
        async_log_order(desk().order_log, api_type, body(), answer)
    return response
