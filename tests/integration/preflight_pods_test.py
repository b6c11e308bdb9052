"""What preflight finds out by a pod, in somebody else's cluster, of which nothing stays."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.cluster import Cluster
from embedded.cluster.network import split
from modules.core.contracts import Reach, Registry
from modules.core.errors import UserError
from modules.core.images import lock_file, read_images, reference
from modules.registry.build import build_images
from modules.registry.images import BASE
from scripts.cli.clients.api import connect
from scripts.cli.clients.cache.signing import signing_key
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.preflight import checks, probe
from scripts.cli.lifecycle.preflight.findings import Context, Finding
from scripts.cli.lifecycle.up import access_of
from stacks.services import images
from tests.scripts.cli.fakes import quiet

from .pods import kubectl
from .preflight_test import admins
from .wrong_stack import NETWORK, OURS, STACK, STACK_FILE, Team, applied, bare, namespace

__all__ = ["bare"]
REGISTRY = f"{NETWORK.removesuffix('0.0/16')}0.1:5000/groundwork"
TEMPORARY = f"{STACK}-preflight"
DNS = {"namespace": None, "ranges": [str(split(NETWORK).pods)]}
"""Of this cluster, whose name server is no pod."""


@pytest.fixture
def team(bare: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """With the image that pods of a check run."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    registry = Registry(push=REGISTRY, pull=REGISTRY)
    needed = [BASE, *(each for each in images() if each.name == checks.IMAGE)]
    build_images(
        STACK,
        needed,
        registry=registry,
        access=access_of(bare),
        progress=quiet,
        log=tmp_path / "log",
        open_key=signing_key,
    )
    yield Team(bare, tmp_path)
    for path in (STACK_FILE, lock_file(STACK)):
        path.unlink(missing_ok=True)


def ask(environment: Environment, servers: probe.Servers | None = None, image: str | None = None) -> dict[str, Finding]:
    """What a pod finds, by check."""
    existing = environment.settings.existing
    assert existing
    own = reference(Registry(push=REGISTRY, pull=REGISTRY), checks.IMAGE, read_images(STACK)[checks.IMAGE])
    with connect(environment) as api:
        found = probe.run(Context(environment, existing, api), image or own, servers or {})
    return {each.check: each for each in found}


def everything(cluster: Cluster) -> set[str]:
    kinds = "namespaces,pods,networkpolicies,configmaps,secrets,serviceaccounts"
    return set(kubectl(cluster, "get", kinds, "-A", "-oname").split())


def test_a_pod_finds_all_well_and_leaves_nothing(team: Team) -> None:
    environment = team.settle(dns=DNS)
    before = everything(team.bare)
    existing = environment.settings.existing
    assert existing
    found = checks.run_inside(environment, existing)
    assert {each.state for each in found} == {"ok"}, found
    assert "enforced: a pod" in next(each.detail for each in found if each.check == "network policies")
    assert everything(team.bare) == before


def test_what_a_pod_does_not_reach_is_refused(team: Team) -> None:
    """The name servers are not where the settings have them by default."""
    ports = {"storage": 1, "database": 6443}
    servers = {
        name: probe.Server("10.84.0.1", port, Reach(port=port, ranges=["0.0.0.0/0"])) for name, port in ports.items()
    }
    found = ask(team.settle(), servers)
    assert found["names in pods"].state == "refused"
    assert "groundwork:foundation.dns" in str(found["names in pods"])
    assert found["object store from a pod"].state == "refused"
    assert found["database from a pod"].state == "ok"


def test_an_image_that_no_node_can_pull_is_refused(team: Team) -> None:
    before = everything(team.bare)
    found = ask(team.settle(), image=f"{REGISTRY}/nobody:1@sha256:{0:064x}")
    assert found["images on nodes"].state == "refused"
    assert "groundwork:foundation.registry" in str(found["images on nodes"])
    assert everything(team.bare) == before


def test_where_it_may_make_no_namespace_it_asks_in_one_of_the_admins(team: Team) -> None:
    environment = team.settle(cluster_scope=False, dns=DNS)
    with applied(team.bare, *admins()):
        before = everything(team.bare)
        assert {each.state for each in ask(environment).values()} == {"ok"}
        assert everything(team.bare) == before


def test_what_a_killed_run_left_is_removed_and_what_is_somebody_elses_is_not(team: Team) -> None:
    kubectl(team.bare, "create", "-f-", document=namespace(TEMPORARY, labels=OURS))
    assert {each.state for each in ask(team.settle(dns=DNS)).values()} == {"ok"}
    with applied(team.bare, namespace(TEMPORARY)):
        with pytest.raises(UserError, match=f"somebody else has /api/v1/namespaces/{TEMPORARY}"):
            ask(team.settle())
        assert TEMPORARY in kubectl(team.bare, "get", "namespace", TEMPORARY, "-oname")
