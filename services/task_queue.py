"""The task queue of the side jobs: how messages about them go to RabbitMQ.

A message is a hint: what there is to do stands in the outbox, and is looked up by whoever takes the message.
So one that is lost costs the wait until the next look, and one that comes twice finds nothing left to do.
"""

import logging

from celery import Celery
from kombu.exceptions import KombuError, OperationalError

from services.task_messages import NotPublished, Publish, Task

logger = logging.getLogger(__name__)

QUEUE = "openbracket-side-jobs"
STALE_SECONDS = 30  # a message that nobody took in this time is dropped: the next look sends another

_CONNECT_SECONDS = 2
_ANSWER_SECONDS = 5


def publisher(url: str) -> Publish:
    """Return what sends a message and waits for RabbitMQ's confirmation. It raises NotPublished."""
    queue = make_celery(url)
    # Without these a frozen RabbitMQ would keep the sender waiting for ever.
    queue.conf.broker_transport_options |= {"read_timeout": _ANSWER_SECONDS, "write_timeout": _ANSWER_SECONDS}

    def publish(task: Task, about: str) -> None:
        try:
            queue.send_task(task, args=[about], retry=False, ignore_result=True, expiration=STALE_SECONDS)
        except (KombuError, OperationalError, OSError) as exc:
            raise NotPublished(f"RabbitMQ does not take messages: {exc}") from exc

    return publish


def make_celery(url: str) -> Celery:
    """Return a Celery whose one queue is a quorum queue. Nothing is connected yet."""
    queue = Celery("openbracket", set_as_current=False)
    queue.conf.update(
        broker_url=url,
        broker_connection_timeout=_CONNECT_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # RabbitMQ may be away for a day; then we are there again
        broker_transport_options={"confirm_publish": True},
        broker_heartbeat=10,
        task_default_queue=QUEUE,
        task_default_queue_type="quorum",
        broker_native_delayed_delivery_queue_type="classic",  # never used: nothing is sent for later
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_prefetch_multiplier=1,
    )
    return queue
