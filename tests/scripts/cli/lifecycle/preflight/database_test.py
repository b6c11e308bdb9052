"""What is reported of somebody else's PostgreSQL before anything is made, by what a server says in its own protocol."""

import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress

import pytest

from modules.database.external_settings import ExternalDatabaseSettings
from scripts.cli.lifecycle.preflight.database import of_server

KEY = "groundwork:foundation.database"
IDLE = b"I"


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def result(value: str | None) -> bytes:
    """Messages of a result with one column, of truth values or text, and with one row or none."""
    kind = 16 if value in {"t", "f"} else 25
    described = message(b"T", struct.pack("!H", 1) + b"c\0" + struct.pack("!IHIhih", 0, 0, kind, -1, -1, 0))
    row = b"" if value is None else message(b"D", struct.pack("!HI", 1, len(value)) + value.encode())
    return described + row + message(b"C", b"SELECT 1\0")


class Server:
    """Speaks as much of PostgreSQL's protocol as a login and a few questions need. No TLS, as it says when asked."""

    def __init__(self, version: str, refusal: str | None, answers: Mapping[str, str]) -> None:
        self.version, self.refusal, self.answers = version, refusal, answers
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, suppress(struct.error):  # a client that went away
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        while self._startup(connection) == 80877103:  # asks for TLS
            connection.sendall(b"N")
        if self.refusal:
            fields = f"SFATAL\0VFATAL\0C28P01\0M{self.refusal}\0\0"
            connection.sendall(message(b"E", fields.encode()))
            return
        parameters = {"server_version": self.version, "client_encoding": "UTF8", "standard_conforming_strings": "on"}
        said = b"".join(message(b"S", f"{name}\0{value}\0".encode()) for name, value in parameters.items())
        connection.sendall(message(b"R", struct.pack("!I", 0)) + said + message(b"Z", IDLE))
        while connection.recv(1) == b"Q":
            (size,) = struct.unpack("!I", connection.recv(4))
            question = connection.recv(size - 4).decode()
            answer = next((value for part, value in self.answers.items() if part in question), None)
            answered = result(answer) if "SELECT" in question else message(b"C", b"BEGIN\0")
            connection.sendall(answered + message(b"Z", IDLE))

    def _startup(self, connection: socket.socket) -> int:
        size, code = struct.unpack("!II", connection.recv(8))
        if size > 8:
            connection.recv(size - 8)
        return code


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    started: list[Server] = []
    yield started
    for server in started:
        server.listener.close()


def reported(
    servers: list[Server], *, version: str = "16.4", refusal: str | None = None, **answers: str
) -> list[tuple[str, str]]:
    server = Server(version, refusal, answers)
    servers.append(server)
    described = {"host": "db.example", "tls": False, "admin": {"role": "owner"}}
    given = ExternalDatabaseSettings.model_validate(described).model_copy(
        update={"host": "127.0.0.1", "port": server.port}
    )
    return [(each.state, str(each)) for each in of_server(given, "team", {"admin": "hidden-password"})]


def test_a_server_that_can_be_used_is_left_as_it_was(servers: list[Server]) -> None:
    ((state, text),) = reported(servers, rolsuper="t")
    assert state == "ok"
    assert text.endswith(": owner may make roles and databases")


@pytest.mark.parametrize("version", ["11.22", "12.20", "9.6.24"])
def test_an_old_server_is_told_its_version_and_what_is_needed(servers: list[Server], version: str) -> None:
    ((state, problem),) = reported(servers, version=version)
    assert state == "refused"
    assert f"{KEY}.host is '127.0.0.1': PostgreSQL {version} is too old: 13 or later is needed" in problem


def test_a_wrong_password_is_told_with_the_command_that_sets_it_and_is_in_no_message(servers: list[Server]) -> None:
    ((_, problem),) = reported(servers, refusal='password authentication failed for user "owner"')
    assert f"{KEY}.admin: role 'owner' is not let into database 'postgres'" in problem
    assert "`pulumi config set --secret --path groundwork:database_passwords.admin`" in problem
    assert "hidden-password" not in problem


def test_an_administrator_who_may_make_nothing_is_told_what_grants_it(servers: list[Server]) -> None:
    ((_, problem),) = reported(servers, rolsuper="f")
    assert f"{KEY}.admin.role is 'owner', which may not create roles and databases: `ALTER ROLE" in problem


def test_names_that_somebody_else_has_are_named(servers: list[Server]) -> None:
    ((_, problem),) = reported(servers, **{"rolsuper": "t", "team-mlflow": "role team-mlflow"})
    assert "of somebody else there: role team-mlflow: give the stack another name" in problem


def test_a_server_without_tls_is_refused_where_tls_is_wanted(servers: list[Server]) -> None:
    server = Server("16.4", None, {})
    servers.append(server)
    given = ExternalDatabaseSettings.model_validate({"host": "db.example", "admin": {"role": "owner"}})
    problems = of_server(given.model_copy(update={"host": "127.0.0.1", "port": server.port}), "team", {"admin": "x"})
    assert f"{KEY}.ca is None: TLS with 127.0.0.1 is not verified" in str(problems[0])
    assert "does not support SSL" in str(problems[0])
