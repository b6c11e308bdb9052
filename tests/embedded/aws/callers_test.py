"""Who of this machine gets to the account, which listens on loopback."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from embedded.aws import callers
from embedded.aws.callers import user_of
from embedded.aws.server import make
from modules.core.errors import UserError
from tests.scripts.cli.fakes import always

NOBODY = 65534
ASK = """\
trap '' PIPE
exec 3<>/dev/tcp/127.0.0.1/$0 || exit 1
printf 'GET /clusters HTTP/1.0\\r\\n\\r\\n' >&3 2>/dev/null
head -c1 <&3 2>/dev/null | wc -c
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of an account without clusters."""
    server = make()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.port
    server.shutdown()
    server.server_close()


def ask(port: int, user: int) -> str:
    """Return how many bytes of an answer a user gets, at most one."""
    command = ["bash", "-c", ASK, str(port)]
    done = subprocess.run(command, user=user, cwd="/", stdout=subprocess.PIPE, text=True, check=True, timeout=30)
    return done.stdout.strip()


def test_its_own_user_gets_answers(port: int) -> None:
    assert ask(port, os.geteuid()) == "1"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_of_the_machine_gets_none(port: int) -> None:
    assert ask(port, NOBODY) == "0"


def test_a_connection_that_nobody_holds_any_more_is_of_no_user() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = socket.create_connection(listener.getsockname())
        held, theirs = listener.accept()
        with held:
            assert user_of(held.getsockname(), theirs) == os.geteuid()
            connection.close()
            assert user_of(held.getsockname(), theirs) is None


def test_where_the_kernel_knows_no_owners_nothing_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "user_of", always(None))
    with pytest.raises(UserError, match="does not say which user a connection is of"):
        make()


def test_an_owner_that_can_not_be_asked_for_is_none_and_ends_no_server(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("too many open files")

    with monkeypatch.context() as failing:
        failing.setattr(callers, "user_of", fail)
        assert ask(port, os.geteuid()) == "0"
    assert ask(port, os.geteuid()) == "1"
