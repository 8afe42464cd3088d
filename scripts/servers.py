"""Debian's PostgreSQL, RabbitMQ and Redis, each in a folder of its own and on loopback only: how to run them.

None of it touches the servers that the machine may run for others: other ports, other folders, no service.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DATABASE = "openbracket"

_HOST = "127.0.0.1"
_RABBIT = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # not the one in /usr/sbin, which changes user and folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A process to start."""

    command: Sequence[str]
    environ: Mapping[str, str]
    folder: Path


def postgres(folder: Path, port: int) -> Program:
    """Return a PostgreSQL over a cluster that `make_postgres` has made."""
    options = {"listen_addresses": _HOST, "unix_socket_directories": "", "max_connections": "200"}
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    command = [postgres_program("postgres"), "-D", str(folder), "-p", str(port), *words]
    return Program(command=unprivileged(command), environ=_environ(), folder=folder)


def make_postgres(folder: Path, *, password: str) -> None:
    """Make an empty cluster with one user, whose name is the database's."""
    folder.mkdir(mode=0o700)
    with tempfile.NamedTemporaryFile("w", dir=folder.parent) as secret:
        secret.write(password)
        secret.flush()
        if os.geteuid() == 0:  # it refuses to run as root
            shutil.chown(folder, "postgres", "postgres")
            shutil.chown(secret.name, "postgres", "postgres")
        words = ["-A", "scram-sha-256", f"--pwfile={secret.name}", "-E", "UTF8", "--locale=C.UTF-8"]
        command = [postgres_program("initdb"), "-D", str(folder), "-U", DATABASE, *words]
        subprocess.run(unprivileged(command), check=True, stdout=subprocess.DEVNULL, cwd=folder)


def redis(folder: Path, port: int, *, password: str) -> Program:
    """Return a Redis that keeps nothing: counters of limits are not worth a disk."""
    settings = folder / "redis.conf"
    write_private(
        settings, f'bind {_HOST}\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\ndir {folder}\n'
    )
    return Program(command=["redis-server", str(settings)], environ=_environ(), folder=folder)


def epmd(folder: Path, port: int) -> Program:
    """Return the Erlang port mapper RabbitMQ needs; its own one, so that it ends with it."""
    return Program(command=["epmd", "-address", _HOST, "-port", str(port)], environ=_environ(), folder=folder)


def rabbitmq(folder: Path, port: int, *, epmd_port: int, distribution_port: int, password: str) -> Program:
    """Return a RabbitMQ whose everything, its cookie too, is in the folder."""
    (folder / "enabled_plugins").write_text("[].\n")
    write_private(
        folder / "rabbitmq.conf",
        f"default_user = {DATABASE}\ndefault_pass = {password}\nlog.console.level = warning\n"
        "vm_memory_high_watermark.absolute = 400MB\ndisk_free_limit.absolute = 50MB\n",
    )
    places = {
        "RABBITMQ_MNESIA_BASE": "mnesia",
        "RABBITMQ_LOG_BASE": "log",
        "RABBITMQ_ENABLED_PLUGINS_FILE": "enabled_plugins",
        "RABBITMQ_PID_FILE": "node.pid",
        "RABBITMQ_CONFIG_FILE": "rabbitmq",
        "RABBITMQ_ADVANCED_CONFIG_FILE": "advanced",
        "RABBITMQ_SCHEMA_DIR": "schema",
        "RABBITMQ_GENERATED_CONFIG_DIR": "generated",
        "RABBITMQ_CONF_ENV_FILE": "none",
    }
    environ = _environ() | {name: str(folder / place) for name, place in places.items()}
    environ |= {
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": _HOST,
        "RABBITMQ_NODENAME": f"openbracket{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": _HOST,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution_port),
        "RABBITMQ_LOGS": "-",
        # Schedulers that spin while they wait would take a core of a small machine.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
    }
    return Program(command=[_RABBIT], environ=environ, folder=folder)


def rabbitmq_url(port: int, *, password: str) -> str:
    return f"amqp://{DATABASE}:{password}@{_HOST}:{port}//"


def missing_packages() -> list[str]:
    """Return the Debian packages that are not installed and have to be."""
    needed = {
        "postgresql": Path("/usr/lib/postgresql").is_dir(),
        "rabbitmq-server": Path(_RABBIT).exists(),
        "redis-server": shutil.which("redis-server") is not None,
    }
    return [name for name, is_there in needed.items() if not is_there]


def postgres_program(name: str) -> str:
    """Return the newest installed version of a PostgreSQL program: Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else name


def unprivileged(command: Sequence[str]) -> list[str]:
    """Return the command as PostgreSQL's own user where we are root."""
    if os.geteuid() != 0:
        return list(command)
    user = pwd.getpwnam("postgres")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *command]


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first moment on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _environ() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
