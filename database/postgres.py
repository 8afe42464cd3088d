"""What only PostgreSQL is asked: how to connect, and what a database must be like to be used."""

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL

POOL_SIZE = 8
MOST_CONNECTIONS = 16  # of one process; a server takes 100 unless told otherwise

# A process that is frozen in the middle of a transaction holds its locks: the server ends the transaction
# after this time, so that whoever takes over can write. `end_forsaken` says why that is not enough.
IDLE_IN_TRANSACTION_SECONDS = 3
_LOCK_SECONDS = 5
_OPTIONS = (
    "synchronous_commit=on",  # what is committed is on the disk, whatever the server's default is
    f"lock_timeout={_LOCK_SECONDS}s",
    f"idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_SECONDS}s",
)
APPLICATION = "openbracket"  # how the server calls our sessions; a longer name that begins so is ours too
_MIGRATION = f"migration of {APPLICATION}"
_CONNECT = {
    "options": " ".join(f"-c {option}" for option in _OPTIONS),
    "application_name": APPLICATION,
    "connect_timeout": 3,
    # A server whose machine is gone says nothing: these notice within seconds, not within hours.
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}

# state_change: since when the server has waited for the process, in a transaction or in half of a statement.
_END_FORSAKEN = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = current_user AND xact_start IS NOT NULL"
    " AND wait_event = 'ClientRead' AND starts_with(application_name, :ours)"
    " AND state_change < clock_timestamp() - make_interval(secs => :longest)"
).bindparams(ours=APPLICATION)

# Symbols and pages are sought by ranges of text, and words of a language would sort between them.
_EXACT_ORDERS = ("C", "POSIX", "C.UTF-8", "C.utf8")
_ORDER_OF_TEXT = text(
    "SELECT datcollate, datlocprovider, pg_encoding_to_char(encoding) FROM pg_database"
    " WHERE datname = current_database()"
)


class DatabaseUnfit(Exception):
    """The database was created in a way that cannot be worked with; the message says what helps."""


def postgres_engine(url: URL) -> Engine:
    """Return an engine whose connections are tried before each use: one that died is replaced unseen."""
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_size=POOL_SIZE,
        max_overflow=MOST_CONNECTIONS - POOL_SIZE,
        pool_timeout=5,
        connect_args=_CONNECT,
    )


def require_exact_order(connection: Connection) -> None:
    """Raise DatabaseUnfit unless text sorts by its characters' numbers, as SQLite's does, and is UTF-8."""
    order, provider, encoding = connection.execute(_ORDER_OF_TEXT).one()
    if order not in _EXACT_ORDERS or provider != "c" or encoding != "UTF8":
        raise DatabaseUnfit(
            f"the database sorts text as {order} and keeps it as {encoding}; create it with"
            " TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
        )


def prepare_migration(connection: Connection) -> None:
    """Let one migration at a time change the tables, and take its time. Raises DatabaseUnfit."""
    require_exact_order(connection)
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    connection.execute(text(f"SET LOCAL application_name = '{_MIGRATION}'"))
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('openbracket migrations'))"))


def end_forsaken(connection: Connection, *, longest: float = IDLE_IN_TRANSACTION_SECONDS) -> None:
    """End transactions whose process has said nothing for `longest` seconds; their locks are free then.

    The server's own timer misses some: psycopg sends a Flush after the last statement of `executemany`, any
    byte stops the timer, and a Flush does not start it again. Migrations, and sessions that are not ours, are
    left alone.
    """
    connection.execute(_END_FORSAKEN, {"longest": longest})
