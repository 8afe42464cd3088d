"""A process of side jobs: `python -m celery_worker`. Any number of them; orders need none."""

from app import StartupRefused, require_current_schema
from broker.base import BrokerSettings
from database.secret_box import SecretBox
from database.session import Database, StorageError
from services.outbound_http import OutboundHttp
from services.side_tasks import CLAIM, SideTasks
from services.task_queue import make_celery
from services.webhook_sender import WebhookSender
from utils.clock import SystemClock
from utils.config import Config, LogFormat
from utils.log import set_up_logging

_THREADS = "8"  # each waits for an answer from outside most of the time


def main() -> None:
    """Do side jobs until told to go."""
    config = Config.from_env()
    if config.celery_broker_url is None:
        raise SystemExit("a worker of side jobs needs CELERY_BROKER_URL=amqp://...")
    set_up_logging(
        level=config.log_level, as_json=config.log_format is LogFormat.JSON, secrets=config.secret_values()
    )
    queue = make_celery(config.celery_broker_url)
    try:
        _tasks(config).register(queue)
    except (StartupRefused, StorageError) as exc:
        raise SystemExit(str(exc)) from exc
    quiet = ["--without-gossip", "--without-mingle", "--loglevel", config.log_level]
    queue.worker_main(["worker", "--pool", "threads", "--concurrency", _THREADS, *quiet])


def _tasks(config: Config) -> SideTasks:
    db, clock = Database(config.database_url), SystemClock()
    require_current_schema(db)
    box = SecretBox(pepper=config.api_key_pepper, encryption_keys=config.encryption_keys)
    http = OutboundHttp(allow=config.outbound_webhooks_allow)
    return SideTasks(
        db=db,
        box=box,
        clock=clock,
        webhooks=WebhookSender(db, box, clock, http, claim=CLAIM),
        telegram=config.telegram(),
        broker_settings=BrokerSettings.of(config),
    )


if __name__ == "__main__":
    main()
