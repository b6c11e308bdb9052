"""The platform on a cluster that somebody else runs, as people have it who are neither root nor its admin."""

import json
from base64 import b64encode
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from embedded.cluster import Cluster
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.clusters import BareCluster, existing

from .conftest import run
from .person import Person, somebody
from .pods import kubectl
from .registries import PASSWORD, USER, ForeignRegistry, password_registry

NAME, NETWORK = "theirs-test", "10.85.0.0/16"
ADDRESS = "198.51.100.8"
"""Of this machine while the registry runs, to which the node has no route."""
TEAM = "team"
PASSING = ("events", "leases", "endpoints", "endpointslices", "componentstatuses", "nodes", "pods", "bindings")
"""Kinds that change by themselves."""


@pytest.fixture(scope="module")
def theirs() -> Iterator[Cluster]:
    """Somebody else's cluster, with something of theirs in it."""
    run("scripts/cluster", "delete", NAME, "--yes")
    run("scripts/cluster", "start", NAME, "--network", NETWORK)
    cluster = existing(BareCluster(NAME))
    kubectl(cluster, "create", "namespace", "theirs")
    kubectl(cluster, "create", "configmap", "theirs", "-n", "theirs", "--from-literal=is=theirs")
    yield cluster
    run("scripts/cluster", "delete", NAME, "--yes")


@pytest.fixture(scope="module")
def registry(
    theirs: Cluster, platform: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ForeignRegistry]:
    """Somebody else's registry, behind a login, with the images of a platform copied to it."""
    folder = tmp_path_factory.mktemp("registry")
    with address_of_this_machine(), password_registry(folder, ADDRESS) as served:
        trusted = theirs.layout.config / "registries" / served.host
        trusted.mkdir()
        server = f"https://{served.host}"
        (trusted / "hosts.toml").write_text(f'server = "{server}"\n[host."{server}"]\nca = "{trusted}/ca.crt"\n')
        (trusted / "ca.crt").write_bytes(served.ca.read_bytes())
        (folder / "login.json").write_text(login(served))
        copy = ("groundwork", "images", "copy", "--to", f"{served.host}/ml", "--ca", str(served.ca))
        run(*copy, "--stack", platform.stack, env={"REGISTRY_AUTH_FILE": str(folder / "login.json")})
        yield served


@contextmanager
def address_of_this_machine() -> Generator[None]:
    run("ip", "address", "add", f"{ADDRESS}/32", "dev", "lo")
    try:
        yield
    finally:
        run("ip", "address", "delete", f"{ADDRESS}/32", "dev", "lo")


def login(served: ForeignRegistry) -> str:
    """What `docker login` writes."""
    return json.dumps({"auths": {served.host: {"auth": b64encode(f"{USER}:{PASSWORD}".encode()).decode()}}})


@pytest.fixture(scope="module")
def person(theirs: Cluster, registry: ForeignRegistry) -> Iterator[Person]:
    """Somebody who may use cluster and registry, and has nothing else."""
    with somebody() as found:
        found.write(".kube/config", theirs.kubeconfig.read_text())
        found.write(".docker/config.json", login(registry))
        found.write("registry.crt", registry.ca.read_text())
        found.write(f"groundwork/stacks/Pulumi.{TEAM}.yaml", yaml.safe_dump({"config": settings(theirs, registry)}))
        yield found


def settings(theirs: Cluster, registry: ForeignRegistry) -> dict[str, Any]:
    pods = str(theirs.spec.addresses.pods)
    return {
        "groundwork:owner": "team",
        "groundwork:foundation": {
            "target": "existing",
            "context": theirs.name,
            "registry": {"push": f"{registry.host}/ml", "credentials": "login", "ca": "~/registry.crt"},
            "pod_range": pods,
            # Its name servers are a process of the node, no pods.
            "dns": {"namespace": None, "ranges": [pods]},
        },
        "groundwork:jenkins": {"enabled": False},
        "groundwork:workloads": {"iris": {}},
    }


def everything(cluster: Cluster) -> dict[str, str]:
    """Every object of a cluster that does not change by itself, by kind, namespace and name."""
    kinds = kubectl(cluster, "api-resources", "--verbs=list", "-oname").split()
    stable = ",".join(kind for kind in kinds if kind.partition(".")[0] not in PASSING)
    items: list[dict[str, Any]] = json.loads(kubectl(cluster, "get", stable, "-A", "-ojson"))["items"]
    found: dict[str, str] = {}
    for item in items:
        metadata = item["metadata"]
        name = f"{item['kind']} {metadata.get('namespace', '')} {metadata['name']}"
        found[name] = json.dumps({**item, "metadata": {**metadata, "resourceVersion": ""}}, sort_keys=True)
    return found


def test_a_person_without_root_brings_the_platform_up_uses_it_and_takes_it_down(
    theirs: Cluster, person: Person
) -> None:
    before = everything(theirs)
    up = person.run("scripts/up", TEAM)
    assert "iris serves iris version 1" in up.stderr
    shell = f'eval "$(scripts/env {TEAM})" && pulumi preview -s {TEAM} --expect-no-changes --non-interactive'
    assert "unchanged" in person.run("bash", "-c", shell).stdout
    status = json.loads(person.run("groundwork", "status", TEAM, "--json").stdout)
    assert {each["health"] for each in status["services"]} == {"healthy"}
    down = person.run("scripts/down", TEAM, "--yes")
    assert "deleted" in down.stderr
    assert everything(theirs) == before
