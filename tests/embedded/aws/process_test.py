"""The account's server in the background: one for its folder, which nothing is left of when it is removed."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from embedded.aws.process import AccountServer
from modules.core.errors import UserError
from tests.scripts.cli.fakes import quiet

REGISTRY = f"""\
#!{sys.executable} -I
import http.server, re, ssl, sys
text = open(sys.argv[2]).read()
host, port, certificate, key = re.search('addr: "(.*):(.*)", tls: {{certificate: (.*), key: (.*)}}}}', text).groups()
server = http.server.HTTPServer((host, int(port)), http.server.SimpleHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
"""Answers where its configuration says, as the toolchain's does."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AccountServer]:
    program = tmp_path / "tools/registry"
    program.parent.mkdir()
    program.write_text(REGISTRY)
    program.chmod(0o755)
    made = AccountServer(
        tmp_path / "account", account="210987654321", tools=tmp_path / "tools", registry=tmp_path / "registry"
    )
    yield made
    made.remove()


def account_of(server: AccountServer) -> str:
    import boto3

    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    session: Any = boto3.Session(**keys, region_name="eu-west-1")
    return session.client("sts", endpoint_url=server.address).get_caller_identity()["Account"]


def test_it_is_the_account_of_its_number_runs_once_and_leaves_nothing(server: AccountServer) -> None:
    assert (server.pid, server.address) == (None, None)
    server.start(quiet)
    assert account_of(server) == "210987654321"
    first = server.pid
    server.start(quiet)
    assert server.pid == first
    server.remove()
    assert (server.pid, server.address) == (None, None)
    assert not server.folder.exists()


def test_one_that_was_killed_has_no_address_and_is_started_again(server: AccountServer) -> None:
    server.start(quiet)
    killed = server.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    until = time.monotonic() + 30
    while server.address is not None:
        assert time.monotonic() < until
    server.start(quiet)
    assert server.pid not in {None, killed}


def test_one_whose_start_was_interrupted_is_started_again(server: AccountServer) -> None:
    server.start(quiet)
    interrupted = server.pid
    (server.folder / "port").unlink()
    server.start(quiet)
    assert server.pid not in {None, interrupted}


def test_of_two_that_start_it_at_once_one_waits_for_the_other(server: AccountServer) -> None:
    again = AccountServer(
        server.folder, account=server.account, tools=server.machine.tools, registry=server.machine.registry
    )
    with ProcessPoolExecutor(2, get_context("spawn")) as commands:
        for done in [commands.submit(each.start, quiet) for each in (server, again)]:
            done.result()
    assert (server.folder / "server.log").read_text() == ""
    assert account_of(again) == server.account


def test_one_that_does_not_come_up_is_reported_with_what_it_said_last(server: AccountServer) -> None:
    (server.machine.tools / "registry").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(UserError, match=r"the emulated account does not start: .*registry.*\(log: .*server\.log\)"):
        server.start(quiet)
    assert server.pid is None
