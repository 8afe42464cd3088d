"""A process of side jobs: `python -m celery_worker`. Any number of them; orders need none."""

from app import StartupRefused, require_current_schema
from database.secret_box import SecretBox
from database.session import Database, StorageError
from services.side_tasks import SideTasks, make_side_tasks
from services.task_queue import make_celery
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
    db = Database(config.database_url)
    require_current_schema(db)
    box = SecretBox(pepper=config.api_key_pepper, encryption_keys=config.encryption_keys)
    return make_side_tasks(config, db, box, SystemClock())


if __name__ == "__main__":
    main()
