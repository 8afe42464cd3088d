"""Rate limits in a real Redis: shared while it answers, and in no order's way when it does not."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from tests.receiver import a_receiver
from tests.redis_server import RedisServer, a_redis_server
from tests.serving import Served, a_config, an_order, end, resting, serve, until
from utils import limit_storage
from utils.config import OutboundLeave
from utils.limit_storage import storage_address

THREE = parse("3 per minute")
WRONG = "bk_AbCd1234_" + "x" * 43


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with a_redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def served(tmp_path: Path, redis: RedisServer) -> Iterator[Served]:
    config = a_config(tmp_path, redis_url=redis.url, bracket_order_rate_limit="3 per minute")
    served = serve(config)
    yield served
    redis.stop()
    end(served)


def a_process(redis: RedisServer) -> MovingWindowRateLimiter:
    """Return the limits as one more process has them."""
    return MovingWindowRateLimiter(storage_from_string(storage_address(redis.url)))


def test_two_processes_count_together(redis: RedisServer) -> None:
    one, other = a_process(redis), a_process(redis)

    passed = [each.hit(THREE, "key:a", "placing") for each in (one, other, one, other, one)]

    assert passed == [True, True, True, False, False]
    assert other.get_window_stats(THREE, "key:a", "placing").remaining == 0


def test_the_service_counts_placing_in_redis_and_answers_429(served: Served, redis: RedisServer) -> None:
    answers = [served.post("placebracketorder", resting(dry_run=True)) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["X-RateLimit-Limit"] == "3"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert any("key:" in key and "placing" in key for key in redis.names())
    assert not any(served.key in key for key in redis.names()), "never the key itself"


def test_wrong_keys_are_counted_in_redis_and_slow_no_good_one(served: Served, redis: RedisServer) -> None:
    statuses = [served.post("bracketorderbook", key=WRONG).status_code for _ in range(12)]

    assert statuses == [401] * 10 + [429] * 2
    assert any("ip:127.0.0.1" in key for key in redis.names())
    assert served.post("bracketorderbook").status_code == 200


@pytest.mark.parametrize("fault", ["stop", "freeze"])
def test_no_order_fails_or_waits_for_a_redis_that_is_down(
    served: Served, redis: RedisServer, fault: str
) -> None:
    assert served.post("placebracketorder", resting(dry_run=True)).status_code == 200
    getattr(redis, fault)()

    began = monotonic()
    placed = served.post("placebracketorder", an_order())
    rest = [served.post("bracketorderbook").status_code for _ in range(20)]
    wrong = [served.post("bracketorderbook", key=WRONG).status_code for _ in range(11)]

    assert placed.status_code == 200
    assert set(rest) == {200}
    assert wrong == [401] * 10 + [429], "counted in memory meanwhile"
    assert monotonic() - began < 5.0


def test_limits_hold_in_memory_while_redis_is_down_and_in_redis_when_it_is_back(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limit_storage, "REST_SECONDS", 0.05)
    limits = a_process(redis)
    assert limits.hit(THREE, "key:a")
    redis.stop()

    down = [limits.hit(THREE, "key:a") for _ in range(5)]
    redis.start()
    until(lambda: limits.hit(THREE, "key:b") and redis.names(), what="Redis being asked again")

    assert down == [True, True, True, False, False]
    assert [limits.hit(THREE, "key:a") for _ in range(4)] == [True, True, True, False]


def test_a_redis_that_hangs_is_asked_by_one_request_in_a_while(redis: RedisServer) -> None:
    limits = a_process(redis)
    limits.hit(THREE, "key:a")
    redis.freeze()

    began = monotonic()
    for number in range(1000):
        limits.hit(THREE, f"key:{number}")

    assert monotonic() - began < 10 * limit_storage.REDIS_SECONDS
    redis.thaw()


def test_live_updates_that_hang_in_redis_hold_up_no_alarm(tmp_path: Path, redis: RedisServer) -> None:
    allowed = frozenset({OutboundLeave.PRIVATE, OutboundLeave.HTTP})
    served = serve(a_config(tmp_path, redis_url=redis.url, outbound_webhooks_allow=allowed))
    try:
        with a_receiver() as receiver:
            added = ["hook", "add", "--account", "main", "--url", receiver.root]
            assert served.app.test_cli_runner().invoke(args=added).exit_code == 0
            served.place(**resting())
            until(lambda: len(receiver.requests) == 1, what="the first webhook")
            redis.freeze()

            served.place(**resting())
            served.place(**resting())

            until(lambda: len(receiver.requests) == 3, what="the webhooks of both orders")
    finally:
        redis.stop()
        end(served)


def test_the_service_starts_without_its_redis(tmp_path: Path) -> None:
    served = serve(a_config(tmp_path, redis_url="redis://127.0.0.1:9/0"))
    try:
        assert served.post("placebracketorder", an_order()).status_code == 200
    finally:
        end(served)
