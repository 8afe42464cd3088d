"""GET /metrics, in Prometheus' text format: for this machine, or for whoever has the token."""

import hmac
from collections.abc import Iterator
from ipaddress import ip_address

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from blueprints.dashboard.office import config
from blueprints.sockets import seats_taken
from restx_api.callers import background, count_anybody, count_stranger, desk
from services.errors import InvalidApiKey, NotFound
from services.gauges import single
from services.scrape import standing
from utils.clock import elapsed_timer
from utils.metrics import REGISTRY, REQUEST_SECONDS, REQUESTS

metrics_bp = Blueprint("metrics", __name__)

# A proxy beside us connects from this machine, for callers from anywhere.
_SIGNS_OF_A_PROXY = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via", "CF-Connecting-IP")
_BEARER = "Bearer "


@metrics_bp.get("/metrics")
def metrics() -> Response:
    """Answer with everything that is counted, what is not protected first."""
    count_anybody()
    _admit(config().metrics_token)
    text = generate_latest(_Standing()) + generate_latest(REGISTRY)
    return Response(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def measure_requests(app: Flask) -> None:
    """Time and count every request of the app by the name of its route."""
    app.before_request(_begin)
    app.after_request(_note)


class _Standing(Collector):
    """The gauges of this moment."""

    def collect(self) -> Iterator[Metric]:
        yield from standing(desk())
        yield single("sockets", "Live connections of dashboards and clients.", seats_taken().count())
        yield single("stopping", "1 while the service takes no new entries.", background().is_stopping)


def _admit(token: str | None) -> None:
    """Let in who may read. Raises InvalidApiKey for a wrong token, NotFound for the rest of the world."""
    given = request.headers.get("Authorization", "")
    if token is not None:
        if not hmac.compare_digest(given.encode(), f"{_BEARER}{token}".encode()):
            count_stranger(None)
            raise InvalidApiKey("Invalid metrics token")
    elif not _is_from_here():
        raise NotFound("There is nothing at this address")


def _is_from_here() -> bool:
    came_through = any(name in request.headers for name in _SIGNS_OF_A_PROXY)
    return not came_through and ip_address(request.remote_addr or "0.0.0.0").is_loopback  # noqa: S104  # nobody


def _begin() -> None:
    g.began = elapsed_timer()


def _note(response: Response) -> Response:
    route = request.endpoint or "unknown"  # addresses are anybody's choice, routes are ours
    REQUESTS.labels(route, response.status_code).inc()
    began = g.get("began")
    if began is not None:
        REQUEST_SECONDS.labels(route).observe(elapsed_timer() - began)
    return response
