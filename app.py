"""The service, wired: `create_app` puts the parts together, `main` also sets them to work."""

import atexit
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING

from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from blueprints.brlogin import brlogin_bp
from blueprints.dashboard import register_dashboard
from blueprints.dashboard.guard import LOGINS
from blueprints.dashboard.office import CONFIG
from blueprints.health import health_bp
from blueprints.late_rule import LateRule
from blueprints.metrics import measure_requests, metrics_bp
from blueprints.postback import postback_bp
from blueprints.sockets import (
    Seats,
    SocketGate,
    drop_ended_sessions,
    drop_refused_keys,
    emit_update,
    register_sockets,
)
from blueprints.tv_json import tv_json_bp
from blueprints.tv_message import tv_message_bp
from broker.base import BrokerSettings
from broker.registry import BROKERS
from cli import register_commands
from database.analyzer_db import AnalyzerLog
from database.apilog_db import OrderLog
from database.auth_db import Secrets
from database.outbox_db import Channel
from database.revision import is_current
from database.secret_box import SecretBox
from database.session import Database, sqlite_file
from database.signal_db import SignalLog
from database.symbol import Listing, SymbolTable
from extensions import live_updates, socketio
from limiter import configure_limits
from restx_api import api_v1_bp
from restx_api.call_logging import log_call
from restx_api.envelope import new_request_id
from restx_api.errors import answer_error
from restx_api.request_facts import request_facts
from services.background import Background
from services.bracket_announcer import BracketAnnouncer
from services.bracket_supervisor import PAPER, BracketSupervisor, SupervisorPorts, connect_broker
from services.cadence import Cadence
from services.desk import Desk
from services.dispatcher import DailyJob, Dispatcher
from services.engine_lock import EngineRunsElsewhere, hold_engine_lock
from services.entries import Entries
from services.instrument_names import ListedNames
from services.market_sessions import MarketSessions
from services.outbound_http import OutboundHttp
from services.outbox import OutboxFeeder, Words
from services.ownership import Ownership
from services.probe.report import Reports, ReportUnreadable, read_reports
from services.side_jobs import Work
from services.task_messages import Publish, Task
from services.telegram_words import alert_of
from services.webhook_messages import webhook_message
from services.webhook_sender import WebhookSender
from simulator import load_instruments
from utils.checkpoint import arm
from utils.clock import Clock, SystemClock
from utils.config import Config, ConfigInvalid, LogFormat, MarketHours, TelegramSettings
from utils.constants import MAX_BODY_BYTES
from utils.log import log_context, set_up_logging

if TYPE_CHECKING:
    from services.shared_accounts import SharedAccounts
    from services.side_tasks import SideTasks
    from services.telegram_service import TelegramService

SPARE_THREADS = 32  # for requests, beside one for each live socket

# Imported by those who asked for them in their settings: psycopg, Celery and python-telegram-bot together are
# a sixth of what a start takes, and an account waits for each start after a crash.
_SHARED, _TASK_QUEUE, _SIDE_TASKS, _TELEGRAM = (
    f"services.{name}" for name in ("shared_accounts", "task_queue", "side_tasks", "telegram_service")
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class Service(Flask):
    """Flask, with routes that cost little until their addresses are asked for."""

    url_rule_class = LateRule


class StartupRefused(Exception):
    """The service must not start like this; the message names the command that helps."""


def create_app(config: Config | None = None) -> Flask:
    """Return the app with all its parts, none of them at work: no thread, no file of the market.

    Ends the process with a sentence for each setting that is missing or wrong.
    """
    config = config or _settings()
    set_up_logging(
        level=config.log_level,
        as_json=config.log_format is LogFormat.JSON,
        secrets=config.secret_values(),
        facts=request_facts,
    )
    clock = SystemClock()
    outbox = _outbox(config, clock)
    desk, settings = _desk(config, clock, outbox)
    app = Service(__name__)
    _configure(app, config)
    app.extensions["openbracket"] = desk
    app.extensions[CONFIG] = config
    senders = _senders(config, desk, outbox)
    shared = _shared_accounts(config, desk)
    seats = Seats()
    app.extensions["openbracket_seats"] = seats
    chores = (
        lambda: drop_ended_sessions(seats, app.extensions[LOGINS]),
        lambda: drop_refused_keys(seats, desk.db, now=clock.now()),
    )
    app.extensions["openbracket_background"] = Background(
        desk, settings, senders=senders, chores=chores, shared=shared
    )
    _register_hooks(app)  # before the limiter's: hooks after a request run in reverse
    configure_limits(
        app,
        placing=config.bracket_order_rate_limit,
        orders=config.order_rate_limit,
        calls=config.api_rate_limit,
        redis_url=config.redis_url,
    )
    # Processes that share the accounts read the same events, each for its own clients.
    socketio.init_app(app, client_manager=live_updates(config.redis_url if shared is None else None))
    # A client that upgrades has two requests under way for a moment.
    gate = SocketGate(app.wsgi_app, most=config.max_sockets + SPARE_THREADS // 2)
    app.wsgi_app = gate  # type: ignore[method-assign]  # that is how Flask takes a middleware
    for blueprint in (api_v1_bp, tv_json_bp, tv_message_bp, postback_bp, brlogin_bp, health_bp, metrics_bp):
        app.register_blueprint(blueprint)
    register_dashboard(app)
    register_sockets(socketio)
    register_commands(app, config=config, clock=clock, brokers=BROKERS)
    return app


def _settings() -> Config:
    try:
        return Config.from_env()
    except ConfigInvalid as exc:
        raise SystemExit(str(exc)) from exc


def main() -> Flask:
    """Return the app at work, with the settings of the environment. Raises StartupRefused."""
    return at_work(_settings())


def at_work(config: Config) -> Flask:
    """Return the app at work: accounts watched, news announced, the paper market moving.

    Raises StartupRefused while the database has not the form this code needs, or another service
    works on it.
    """
    arm(config.kill_at)
    app = create_app(config)
    desk: Desk = app.extensions["openbracket"]
    require_current_schema(desk.db)
    app.extensions["openbracket_lock"] = _engine_lock(config)
    list_paper_instruments(desk)
    background: Background = app.extensions["openbracket_background"]
    background.start()
    atexit.register(background.stop)
    return app


def _engine_lock(config: Config) -> IO[bytes] | None:
    """Hold the database file for as long as this process lives; servers have owners of their own."""
    file = sqlite_file(config.database_url)
    if file is not None and config.celery_broker_url is not None:
        raise StartupRefused("CELERY_BROKER_URL needs PostgreSQL: a SQLite file has one process")
    if file is not None and not config.work_accounts:
        raise StartupRefused("WORK_ACCOUNTS=no needs PostgreSQL: with SQLite nobody else could work them")
    try:
        return None if file is None else hold_engine_lock(file)
    except EngineRunsElsewhere as exc:
        raise StartupRefused(str(exc)) from exc


def require_current_schema(db: Database) -> None:
    """Raise StartupRefused when the database was not migrated. Serving never changes tables itself."""
    if not is_current(db):
        raise StartupRefused("the database is not up to date: run `flask --app app db upgrade` first")


def _outbox(config: Config, clock: Clock) -> OutboxFeeder:
    words: dict[Channel, Words] = {Channel.WEBHOOK: webhook_message}
    if config.telegram_bot_token is not None:
        words[Channel.TELEGRAM] = alert_of
    return OutboxFeeder(Database(config.database_url), clock, words)


def _shared_accounts(config: Config, desk: Desk) -> "SharedAccounts | None":
    """Return how accounts are shared with other processes; None with SQLite, which has one."""
    ports = desk.supervisor.ports
    if ports.ownership is None or ports.entries is None:
        return None
    make: type[SharedAccounts] = import_module(_SHARED).SharedAccounts
    return make(
        Database(config.database_url),
        desk.supervisor,
        desk.clock,
        ownership=ports.ownership,
        entries=ports.entries,
        announce=desk.announcer.notify,
        works=config.work_accounts,
    )


def _senders(config: Config, desk: Desk, outbox: OutboxFeeder) -> dict[str, Work]:
    """Return the outbox and the ways out of it, each one thread's work, and let the outbox wake them."""
    if config.celery_broker_url is not None:
        return _dispatched(config, desk, outbox, config.celery_broker_url)
    http = OutboundHttp(allow=config.outbound_webhooks_allow)
    webhooks = WebhookSender(desk.db, desk.secrets.box, desk.clock, http)
    outbox.wakers.append(webhooks.wake)
    senders: dict[str, Work] = {"outbox": outbox.run, "webhooks": webhooks.run}
    telegram_settings = config.telegram()
    if telegram_settings is not None:
        telegram = _telegram(desk, telegram_settings, is_sending=True)
        outbox.wakers.append(telegram.wake)
        senders["telegram"] = telegram.run
    return senders


def _dispatched(config: Config, desk: Desk, outbox: OutboxFeeder, url: str) -> dict[str, Work]:
    """Return the outbox and what hands its messages to the task queue; the bot's ear stays here."""
    channels, telegram_settings = {Channel.WEBHOOK: Task.WEBHOOK}, config.telegram()
    daily = [
        DailyJob(task=Task.INSTRUMENTS, due_at=config.instruments_sync_at, about=broker)
        for broker in BROKERS
        if broker != PAPER
    ]
    works: dict[str, Work] = {"outbox": outbox.run}
    if telegram_settings is not None:
        channels[Channel.TELEGRAM] = Task.CHAT
        daily.append(DailyJob(task=Task.SUMMARIES, due_at=telegram_settings.summary_at))
        works["telegram"] = _telegram(desk, telegram_settings, is_sending=False).run
    publisher: Callable[[str], Publish] = import_module(_TASK_QUEUE).publisher
    here = _side_tasks(config, desk)
    dispatcher = Dispatcher(desk.db, desk.clock, publisher(url), here, channels=channels, daily=daily)
    outbox.wakers.append(dispatcher.wake)
    return works | {"dispatcher": dispatcher.run}


def _side_tasks(config: Config, desk: Desk) -> Callable[[Task, str], None]:
    """Return what does a side job in this process; what that takes is imported when it has to be done."""

    @cache
    def tasks() -> "SideTasks":
        make: Callable[..., SideTasks] = import_module(_SIDE_TASKS).make_side_tasks
        return make(config, desk.db, desk.secrets.box, desk.clock)

    return lambda task, about: tasks().do(task, about)


def _telegram(desk: Desk, settings: TelegramSettings, *, is_sending: bool) -> "TelegramService":
    make: type[TelegramService] = import_module(_TELEGRAM).TelegramService
    return make(desk, settings, is_sending=is_sending)


def _desk(config: Config, clock: Clock, outbox: OutboxFeeder) -> tuple[Desk, BrokerSettings]:
    db = outbox.db
    secrets = Secrets(SecretBox(pepper=config.api_key_pepper, encryption_keys=config.encryption_keys), clock)
    announcer = BracketAnnouncer(db, clock, partial(emit_update, socketio), also=outbox.wake)
    symbols = SymbolTable(db, clock)
    settings = replace(BrokerSettings.of(config), names=ListedNames(symbols))
    is_shared = sqlite_file(config.database_url) is None
    reports = _probed(config)
    supervisor = BracketSupervisor(
        SupervisorPorts(
            ownership=Ownership(clock) if is_shared else None,
            entries=Entries(db) if is_shared else None,
            db=db,
            box=secrets.box,
            clock=clock,
            broker_settings=settings,
            announcer=announcer,
            live_sessions=MarketSessions(follow_calendar=config.market_hours is not MarketHours.IGNORE),
            paper_sessions=MarketSessions(follow_calendar=config.market_hours is MarketHours.ENFORCE),
            symbols=symbols,
            cadence=Cadence(entry=config.bracket_order_delay),
            quiescence=config.broker_quiescence,
            reports=reports,
            connect=partial(connect_broker, reports=reports),
        )
    )
    desk = Desk(
        db=db,
        clock=clock,
        secrets=secrets,
        symbols=symbols,
        supervisor=supervisor,
        announcer=announcer,
        order_log=OrderLog(db, clock),
        analyzer_log=AnalyzerLog(db, clock),
        signal_log=SignalLog(db, clock),
    )
    return desk, settings


def _probed(config: Config) -> Reports:
    try:
        return read_reports(Path(config.capabilities_file))
    except ReportUnreadable as exc:
        raise StartupRefused(str(exc)) from exc


def _configure(app: Flask, config: Config) -> None:
    app.config.update(
        SECRET_KEY=config.secret_key,
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        MAX_SOCKETS=config.max_sockets,
        RESTX_MASK_SWAGGER=False,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    # Many clients drop the body on a redirect, so both forms of an address answer themselves.
    app.url_map.strict_slashes = False
    if config.trusted_proxies:
        count = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]


def _register_hooks(app: Flask) -> None:
    app.before_request(_begin_request)
    measure_requests(app)
    app.after_request(log_call)
    app.after_request(_tell_request_id)
    app.teardown_request(_end_request)
    app.register_error_handler(Exception, answer_error)


def _begin_request() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else new_request_id()
    g.log_lines = ExitStack()
    g.log_lines.enter_context(log_context(request_id=g.request_id))


def _tell_request_id(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.get("request_id", "")
    if response.status_code < 400:
        response.headers.pop("Retry-After", None)  # the limiter writes it on every answer it counts
    return response


def _end_request(_: BaseException | None) -> None:
    lines: ExitStack | None = g.pop("log_lines", None)
    if lines is not None:
        lines.close()


def list_paper_instruments(desk: Desk) -> None:
    """Store what the paper market lists, so that its symbols are known from the first request on."""
    listings = sorted(load_instruments(), key=lambda listing: listing.instrument.exchange)
    for exchange, rows in groupby(listings, key=lambda listing: listing.instrument.exchange):
        found = [Listing(instrument=row.instrument) for row in rows]
        desk.symbols.replace_instruments(found, broker=PAPER, exchange=exchange)
