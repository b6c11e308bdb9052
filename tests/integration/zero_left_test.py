"""Last of all: what `scripts/down` leaves of a platform on this machine."""

import time
from typing import Any

import testinfra

from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.down import Down

from .conftest import STACK, Traces, run

VOLUME_SECONDS = 60
"""For the cluster's controller to remove a volume whose claim is gone."""


def test_down_names_the_data_and_asks_before_it_goes(platform: Environment) -> None:
    done = run("scripts/down", STACK, check=False)
    assert done.returncode == 1
    assert f"{STACK}-storage/" in done.stderr
    assert f"{STACK}-database/" in done.stderr
    assert f"{STACK}-jenkins/home-jenkins-0" in done.stderr
    assert "--yes" in done.stderr
    assert platform.kubeconfig.exists()


def test_what_down_destroys_leaves_no_object_in_the_cluster(platform: Environment) -> None:
    Down(platform, purge=False).destroy(lambda _: None)
    assert kubectl.items(platform, "namespaces", "-l", "app.kubernetes.io/part-of=groundwork") == []
    deadline = time.monotonic() + VOLUME_SECONDS
    while (left := kubectl.items(platform, "pv")) and time.monotonic() < deadline:
        time.sleep(1)
    assert left == []


def test_down_leaves_no_process_mount_link_route_cgroup_table_or_port(platform: Environment, before: Traces) -> None:
    run("scripts/down", STACK, "--yes")
    assert Traces.now() == before
    host: Any = testinfra.get_host("local://")
    assert not host.file(str(platform.home / "cluster")).exists
    for port in platform.settings.ports().values():
        assert not host.socket(f"tcp://127.0.0.1:{port}").is_listening


def test_down_of_what_is_not_there_is_fine() -> None:
    assert "no data" in run("scripts/down", STACK, "--yes").stderr
