"""The documents of the database server, as pure functions of settings."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from modules.core.contracts import Consumer
from modules.core.documents import render
from modules.core.quantities import size_bytes

from .settings import MAX_CONNECTIONS, DatabaseSettings

FILES = Path(__file__).parent / "files"
PORT = 5432
CONFIGURATION = "/etc/postgresql"
CERTIFICATE = "/var/run/groundwork/certificate"


def configuration(settings: DatabaseSettings) -> dict[str, str]:
    """The server's configuration files by name."""
    return {
        "postgresql.conf": render(
            FILES / "postgresql.conf.j2",
            port=PORT,
            configuration=CONFIGURATION,
            certificate=CERTIFICATE,
            max_connections=settings.max_connections,
            shared_buffers_mib=shared_buffers_mib(settings.resources.limits.memory),
        ),
        "pg_hba.conf": (FILES / "pg_hba.conf").read_text(),
    }


def connection_limits(settings: DatabaseSettings, consumers: Mapping[str, Consumer]) -> dict[str, int]:
    """Return the connections that the role of each consumer with a database may have at once, of those that the server
    takes: no consumer can keep another one out. One without a share is not in it."""
    shares = {name: consumer.connections for name, consumer in consumers.items() if consumer.database}
    return {
        name: max(1, share * settings.max_connections // MAX_CONNECTIONS) for name, share in shares.items() if share
    }


def shared_buffers_mib(memory_limit: str) -> int:
    """A quarter of the memory, PostgreSQL's own advice for a server of its own; at least 32 MiB."""
    return max(32, size_bytes(memory_limit) // 2**20 // 4)


def uri(role: str, password: str, *, host: str, port: int, database: str) -> str:
    """Return libpq's address of a database."""
    return f"postgresql://{quote(role, safe='')}:{quote(password, safe='')}@{host}:{port}/{quote(database, safe='')}"
