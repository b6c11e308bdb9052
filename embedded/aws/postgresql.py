"""One PostgreSQL server of RDS: `python -m embedded.aws.postgresql FOLDER` runs it in the network of a cluster.

It runs as the user `postgres` of Debian's package, which sees nothing of FOLDER but the data: these are mounted where
that user may go, in a mount namespace of the server's own.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from embedded.cluster.layout import Layout
from modules.core.errors import UserError

from .node_network import add_address, in_network

USER = "postgres"
AS_USER = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "--no-new-privs")
HOME = "/var/lib/postgresql"
"""Where the data are mounted: there is such a folder wherever the package is installed."""
SUPERUSER = "rdsadmin"
"""Of RDS itself: nobody logs in as it."""
ADMINISTRATORS = "rds_superuser"
MAY = ("pg_monitor", "pg_signal_backend", "pg_read_all_data", "pg_write_all_data", "pg_checkpoint")
"""What administrators are members of."""
PROGRAMS = Path("/usr/lib/postgresql")


@dataclass(frozen=True, kw_only=True)
class Server:
    """What a server is started with, each time."""

    cluster: str
    """State folder of the cluster in whose network it is."""
    address: str
    port: int
    force_tls: bool
    parameters: Mapping[str, str]


def programs() -> Path:
    """Return the folder of the newest PostgreSQL here. UserError where there is none."""
    found = sorted(PROGRAMS.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise UserError(
            f"no PostgreSQL in {PROGRAMS}: install Debian's package postgresql, and create the instance again"
        )
    return found[-1].parent


def create(
    folder: Path,
    *,
    server: Server,
    administrator: str,
    password: str,
    database: str | None,
    certificate: str,
    key: str,
) -> None:
    """Make the data of a server. Secrets go through standard input and into files that root and the server read."""
    data = folder / "data"
    data.mkdir(parents=True, mode=0o700)
    folder.chmod(0o700)
    shutil.chown(data, USER, USER)
    made = f"{HOME}/data"
    initial = ("--locale=C.UTF-8", "--encoding=UTF8", "--data-checksums", "--auth=reject")
    _run(data, [str(programs() / "initdb"), f"--pgdata={made}", f"--username={SUPERUSER}", *initial])
    statements = "\n".join(first_statements(administrator, password, database)) + "\n"
    _run(data, [str(programs() / "postgres"), "--single", "-D", made, "postgres"], statements)
    access = "\n".join(who_gets_in(force_tls=server.force_tls)) + "\n"
    # As the server's user: root would follow a link that this user put in its folder.
    for name, content in (("server.crt", certificate), ("server.key", key), ("pg_hba.conf", access)):
        _run(data, ["sh", "-c", 'umask 077 && cat >"$0"', f"{made}/{name}"], content)
    (folder / "server.json").write_text(json.dumps(asdict(server)))


def first_statements(administrator: str, password: str, database: str | None) -> list[str]:
    """Return what makes the administrator, who is no superuser, as RDS has it: a statement a line. Pure."""
    name = _quoted(administrator)
    made = [
        f"CREATE ROLE {ADMINISTRATORS} NOLOGIN",
        *(f"GRANT {role} TO {ADMINISTRATORS}" for role in MAY),
        f"CREATE ROLE {name} LOGIN CREATEDB CREATEROLE PASSWORD {_literal(password)}",
        f"GRANT {ADMINISTRATORS} TO {name} WITH ADMIN OPTION",
        f"ALTER DATABASE postgres OWNER TO {name}",
        f"ALTER DATABASE template1 OWNER TO {name}",
    ]
    return [*made, f"CREATE DATABASE {_quoted(database)} OWNER {name}"] if database else made


def who_gets_in(*, force_tls: bool) -> list[str]:
    """Return the lines of pg_hba.conf. Pure."""
    return [f"host all {SUPERUSER} all reject", f"{'hostssl' if force_tls else 'host'} all all all scram-sha-256"]


def settings(server: Server) -> dict[str, str]:
    """Return what the server is set to. Pure."""
    return {
        **server.parameters,
        "listen_addresses": server.address,
        "port": str(server.port),
        "unix_socket_directories": "",
        "ssl": "on",
        "ssl_cert_file": "server.crt",
        "ssl_key_file": "server.key",
        "password_encryption": "scram-sha-256",
    }


def own_parameters(given: Mapping[str, str]) -> dict[str, str]:
    """Return those of a parameter group that PostgreSQL itself knows, with plain values. Pure."""
    return {name: value for name, value in given.items() if not name.startswith("rds.") and "{" not in value}


def answers(layout: Layout, address: str, port: int) -> bool:
    """Whether a server takes connections in the network of a cluster."""
    ready = [str(programs() / "pg_isready"), "--quiet", f"--host={address}", f"--port={port}"]
    done = subprocess.run([*in_network(layout), *ready], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


def interrupt(folder: Path) -> None:
    """Have a server end its sessions and then itself, where it runs."""
    with suppress(OSError, ValueError, IndexError):
        number = int((folder / "data/data/postmaster.pid").read_text().splitlines()[0])
        # As the server's user, whose file it is: root would end whatever it names.
        subprocess.run([*AS_USER, "sh", "-c", 'kill -INT "$0"', str(number)], stderr=subprocess.DEVNULL, check=False)


def as_server(data: Path, command: Sequence[str]) -> list[str]:
    """Return a command that runs as the server's user, with its data mounted at HOME, and ends with its parent."""
    mount = 'mount --bind "$0" "$1" && cd "$1" && shift && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mount, str(data), HOME, *AS_USER, "--pdeathsig", "INT", *command]


def _run(data: Path, command: Sequence[str], text: str = "") -> None:
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    done = subprocess.run(
        as_server(data, command), input=text, capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode != 0 or "ERROR:" in done.stderr:
        # The statement that fails, in the lines after, may hold a password.
        reasons = [
            line for line in done.stderr.splitlines() if "ERROR:" in line or "FATAL:" in line or "error:" in line
        ]
        raise UserError(f"{Path(command[0]).name} failed: {' '.join(reasons) or f'exit code {done.returncode}'}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def main(folder: Path) -> None:
    server = Server(**json.loads((folder / "server.json").read_text()))
    layout = Layout(Path(server.cluster))
    network = in_network(layout)
    add_address(layout, server.address)
    values = [word for name, value in settings(server).items() for word in ("-c", f"{name}={value}")]
    command = [str(programs() / "postgres"), "-D", f"{HOME}/data", *values]
    words = [*network, *as_server(folder / "data", command)]
    os.execvpe(words[0], words, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
