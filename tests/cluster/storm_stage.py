"""Everything a storm rages over: servers, two web processes, two workers, side jobs, an exchange."""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg
from sqlalchemy import text

from database import migrations
from database.session import Database, StorageError
from scripts.service_process import free_port
from tests.brokers.process import wait_for
from tests.brokers.staging import BrokerStage
from tests.chaos.staging import ChaosAccount
from tests.cluster.namespace import Namespace, NotPossible
from tests.cluster.slots import Life, Slot, read_journal
from tests.cluster.verdict import ANSWER_LOST, Act, Injury, Taking, Write
from tests.postgres_server import PostgresServer, a_postgres_server
from tests.rabbit_server import RabbitServer
from tests.redis_server import RedisServer, a_redis_server
from tests.zerodha.staging import KITE

SHARDS = 64
WEB, WORKERS = ("web1", "web2"), ("worker1", "worker2")
_DOORS = (*WORKERS, *WEB)
_NOTE = """
CREATE TABLE storm_takings (shard int, owner text, epoch bigint, at timestamptz);
CREATE FUNCTION note_taking() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO storm_takings VALUES (NEW.shard, NEW.owner, NEW.epoch, clock_timestamp());
  RETURN NEW;
END $$;
CREATE TRIGGER storm_takings AFTER UPDATE ON account_shards FOR EACH ROW
  WHEN (NEW.epoch <> OLD.epoch) EXECUTE FUNCTION note_taking();
CREATE TABLE storm_writes (slot text, account_id text, at timestamptz);
CREATE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO storm_writes VALUES
    (split_part(current_setting('application_name'), ' ', 2), NEW.account_id, clock_timestamp());
  RETURN NEW;
END $$;
CREATE TRIGGER storm_writes AFTER INSERT ON bracket_events FOR EACH ROW
  WHEN (current_setting('application_name') LIKE 'openbracket worker%') EXECUTE FUNCTION note_write();
"""
_LEASES = text("SELECT shard, owner, extract(epoch FROM lease_until)::float8 AS until FROM account_shards")
_COUNT_LEASES = text(
    "SELECT 'lease', owner, count(*), max(lease_until - clock_timestamp()) FROM account_shards GROUP BY owner"
)
_ALIVE_WORKERS = text("SELECT 'alive', id, alive_until - clock_timestamp() FROM worker_processes")
_SESSIONS = text(
    "SELECT 'session', application_name, pid, state, wait_event, pg_blocking_pids(pid),"
    " clock_timestamp() - xact_start, left(query, 90) FROM pg_stat_activity WHERE xact_start IS NOT NULL"
)
_TAKINGS = text("SELECT shard, owner, epoch, extract(epoch FROM at)::float8 AS at FROM storm_takings")
_WRITES = text("SELECT slot, account_id, extract(epoch FROM at)::float8 AS at FROM storm_writes")


class StormStage(BrokerStage):
    """The processes, each in a slot, and what can be known of them."""

    def __init__(self, folder: Path, postgres: PostgresServer, *, users: int) -> None:
        self.journal = folder / "journal.jsonl"
        os.environ["JOURNAL"], os.environ["DOORS"] = str(self.journal), str(len(_DOORS))
        self.url = postgres.url(postgres.a_database())
        settings = {"DATABASE_URL": self.url, "WORK_ACCOUNTS": "no"}
        super().__init__(
            folder,
            KITE,
            users=users,
            settings=settings,
            module="tests.cluster.watched_kite",
        )
        self.folder = folder
        self._database_url = self.url
        self.db = Database(self.url)
        self.slots: dict[str, Slot] = {}
        self.ports = {WEB[0]: self.service.port, WEB[1]: free_port()}  # the first one gets the postbacks
        self.namespace: Namespace | None = None
        self.no_namespace = ""
        try:
            self.namespace = Namespace(f"obstorm{os.getpid()}")
        except NotPossible as exc:
            self.no_namespace = str(exc)

    def reach(self, port: int) -> str:
        """Return the host:port by which all our processes reach a port of loopback, the far one too."""
        return f"127.0.0.1:{port}" if self.namespace is None else self.namespace.reach("rest", port)

    def populate(self, users: int) -> list[ChaosAccount]:
        """Make tables, accounts and instruments, and note from here on who takes which shard."""
        migrations.upgrade(self.url)
        accounts = [self.account() for _ in range(users)]
        self.service.command("instruments", "sync", "--broker", self.broker.name)
        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(_NOTE)
        return accounts

    def start(
        self, postgres: PostgresServer, *, redis: RedisServer, rabbit: RabbitServer, without: Sequence[str]
    ) -> None:
        """Start our processes, and return once they work. without: parts of the fence that workers lack."""
        doors = dict(zip(_DOORS, self._door_ports(), strict=True))
        common = {"REDIS_URL": redis.url, "CELERY_BROKER_URL": rabbit.url, "LOG_LEVEL": "INFO"}
        for name in WEB:
            extra = common | {"PORT": str(self.ports[name])} | _door(f"127.0.0.1:{doors[name]}")
            self._add(name, [f"{sys.prefix}/bin/gunicorn", "-c", "gunicorn.conf.py", "app:main()"], extra)
        worker = [sys.executable, "-m", "tests.cluster.storm_worker"]
        near, far = (common | {"SLOT": name, "WITHOUT": ",".join(without)} for name in WORKERS)
        self._add(WORKERS[0], worker, near | _door(f"127.0.0.1:{doors[WORKERS[0]]}"))
        self._add_far_worker(
            worker, far, port=doors[WORKERS[1]], postgres=postgres, redis=redis, rabbit=rabbit
        )
        self._add("celery", [sys.executable, "-m", "celery_worker"], common)
        for slot in self.slots.values():
            slot.start()
        wait_for(rabbit.answers, seconds=90, what="RabbitMQ")
        wait_for(
            lambda: sorted(self.shares().values()) == [SHARDS // 2] * 2, what="two workers with even parts"
        )
        for name in WEB:
            wait_for(lambda at=name: _listens(self.ports[at]), what=name)

    def shares(self) -> dict[str, int]:
        """Return how many shards each slot's process has a running lease of; the database must answer."""
        found: dict[str, int] = {}
        for owner, until in self.leases().values():
            name = self.slot_name(owner)
            if name is not None and until > time.time():
                found[name] = found.get(name, 0) + 1
        return found

    def leases(self) -> dict[int, tuple[str | None, float]]:
        """Return owner and end of each shard's lease. Raises StorageError."""
        with self.db.read() as connection:
            return {row.shard: (row.owner, row.until or 0.0) for row in connection.execute(_LEASES)}

    def picture(self) -> str:
        """Return how processes, leases and sessions of the database stand; for a storm that went wrong."""
        said = [f"{name} {slot.state()}" for name, slot in self.slots.items()]
        for question in (_COUNT_LEASES, _ALIVE_WORKERS, _SESSIONS):
            try:
                with self.db.read() as connection:
                    said += [str(tuple(row)) for row in connection.execute(question)]
            except StorageError as exc:
                said.append(f"not read: {exc}")
        return "; ".join(said)

    def slot_name(self, owner: str | None) -> str | None:
        found = self._lives().get(owner or "")
        return None if found is None else found[0]

    def life_of(self, owner: str | None) -> Life | None:
        found = self._lives().get(owner or "")
        return None if found is None else found[1]

    def takings(self) -> list[Taking]:
        with self.db.read() as connection:
            return [Taking(**row._mapping) for row in connection.execute(_TAKINGS)]

    def writes(self) -> list[Write]:
        """Return which worker stored an event when."""
        with self.db.read() as connection:
            return [Write(**row._mapping) for row in connection.execute(_WRITES)]

    def slots_by_owner(self) -> dict[str, str]:
        return {owner: name for owner, (name, _) in self._lives().items()}

    def acts(self, accounts: list[ChaosAccount]) -> list[Act]:
        """Return every act that came through a door, with the name its process had among the owners."""
        by_key = {one.api_key: one for one in accounts}
        rows = [row for row in read_journal(self.journal) if "door" in row and row["api_key"] in by_key]
        return [self._act(row, by_key[str(row["api_key"])]) for row in rows]

    def lost_answers(self, account: ChaosAccount) -> list[Injury]:
        """Return when answers to an account were lost."""
        rows = [row for row in read_journal(self.journal) if "lost" in row]
        mine = [float(str(row["at"])) for row in rows if row["api_key"] == account.api_key]
        return [Injury(kind=ANSWER_LOST, began=at, ended=at) for at in mine]

    def close(self) -> None:
        for slot in self.slots.values():
            slot.end()
        if self.namespace is not None:
            self.namespace.close()
        self.db.close()
        super().close()

    def _act(self, row: dict[str, object], account: ChaosAccount) -> Act:
        slot, at = self.slots[_DOORS[int(str(row["door"]))]], float(str(row["came"]))
        life = slot.life_at(at)
        path = str(row["path"])
        order_id = row["order_id"] or (path.rsplit("/", 1)[1] if path.count("/") == 3 else None)
        quantity = row["quantity"]
        return Act(
            at=at,
            user_id=account.user_id,
            account_id=account.id,
            owner=None if life is None else life.owner(),
            method=str(row["method"]),
            path=path,
            taken=row["status"] == 200,
            order_id=None if order_id is None else str(order_id),
            tag=None if row["tag"] is None else str(row["tag"]),
            quantity=None if quantity is None else int(str(quantity)),
            begun=None if life is None else life.begun(str(row["tag"] or order_id), before=at),
        )

    def _lives(self) -> dict[str, tuple[str, Life]]:
        found = {}
        for name in WORKERS:
            for life in self.slots[name].lives if name in self.slots else []:
                owner = _owner_of(life)
                if owner is not None:
                    found[owner] = (name, life)
        return found

    def _door_ports(self) -> list[int]:
        ports = read_journal(self.journal)[0]["ports"]
        assert isinstance(ports, list)
        return ports

    def _add(self, name: str, command: list[str], extra: dict[str, str]) -> None:
        environ = {**self.service.environ, "PAPER_STATE": str(self.folder / f"{name}.paper"), **extra}
        self.slots[name] = Slot(name, self.folder, command, environ)

    def _add_far_worker(
        self,
        command: list[str],
        extra: dict[str, str],
        *,
        port: int,
        postgres: PostgresServer,
        redis: RedisServer,
        rabbit: RabbitServer,
    ) -> None:
        """Add the second worker in a network namespace where this machine gives us one."""
        far = self.namespace
        if far is None:
            self._add(WORKERS[1], command, extra | _door(f"127.0.0.1:{port}"))
            return
        reached = {
            "DATABASE_URL": self.url.replace(
                f"127.0.0.1:{postgres.port}", far.reach("database", postgres.port)
            ),
            "REDIS_URL": redis.url.replace(f"127.0.0.1:{redis.port}", far.reach("rest", redis.port)),
            "CELERY_BROKER_URL": rabbit.url.replace(
                f"127.0.0.1:{rabbit.port}", far.reach("rest", rabbit.port)
            ),
        }
        self._add(WORKERS[1], far.command(command), extra | reached | _door(far.reach("rest", port)))


_known: dict[int, str] = {}


def _owner_of(life: Life) -> str | None:
    # A log is read until it has said the name, and never again.
    if id(life) not in _known:
        owner = life.owner()
        if owner is None:
            return None
        _known[id(life)] = owner
    return _known[id(life)]


class OwnerWatch:
    """Looks twenty times a second whether each shard has an owner that lives, and notes the gaps."""

    def __init__(self, stage: StormStage) -> None:
        self._stage = stage
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._since: dict[int, float] = {}
        self._leases: dict[int, tuple[str | None, float]] = {}
        self.gaps: list[tuple[int, float, float]] = []  # shard, from, until

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        for shard, since in self._since.items():
            self.gaps.append((shard, since, time.time()))

    def all_owned(self) -> bool:
        return bool(self._leases) and not self._since

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            with suppress(StorageError):  # away: what was read last goes on until it ends
                self._leases = self._stage.leases()
            now = time.time()
            for shard, (owner, until) in self._leases.items():
                life = self._stage.life_of(owner)
                is_owned = until > now and life is not None and life.ended is None and life.frozen_at is None
                if not is_owned:
                    self._since.setdefault(shard, now)
                elif shard in self._since:
                    self.gaps.append((shard, self._since.pop(shard), now))


@contextmanager
def a_storm_stage(
    folder: Path, *, users: int
) -> Iterator[tuple[StormStage, PostgresServer, RedisServer, RabbitServer]]:
    """Give a stage and the servers; RabbitMQ, whose start takes longest, starts while the rest does."""
    with ExitStack() as stack:
        (folder / "rabbit").mkdir()
        rabbit = RabbitServer(folder / "rabbit")
        stack.callback(rabbit.stop)
        rabbit.start(wait=False)
        postgres = stack.enter_context(a_postgres_server())
        redis = stack.enter_context(a_redis_server(folder))
        stage = StormStage(folder, postgres, users=users)
        stack.callback(stage.close)
        yield stage, postgres, redis, rabbit


def _door(place: str) -> dict[str, str]:
    return KITE.roots(f"http://{place}", f"ws://{place}")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
