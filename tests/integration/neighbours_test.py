"""Other users of this machine, and what it forwards for, try to get past the ports that a platform publishes."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from embedded.cluster import Cluster
from embedded.cluster.host import link_name
from embedded.cluster.layout import API_PORT, KUBELET_PORT, REGISTRY_PORT
from modules.core.contracts import IMAGE_USER
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment
from stacks.foundation.users import FIRST, user_of

from . import pods
from .conftest import STACK, run
from .pods import eventually

NOBODY = 65534
OPEN, REFUSED = "open", "refused"
CONTAINER, BRIDGE = "198.51.100.18", "198.51.100.17"
"""Of a container's end and of this machine's end of the link between them."""


def as_user(user: int, *command: str) -> "subprocess.CompletedProcess[str]":
    changed = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
    return subprocess.run([*changed, *command], cwd="/", capture_output=True, text=True, timeout=20, check=False)


def state(done: "subprocess.CompletedProcess[str]") -> str:
    return OPEN if done.returncode == 0 else REFUSED if "refused" in done.stderr.lower() else done.stderr


def connect(place: str) -> tuple[str, ...]:
    """A command that every machine has, for every user."""
    return ("timeout", "5", "bash", "-c", f"exec 3<>/dev/tcp/{place.replace(':', '/')}")


def tried(user: int, *places: str) -> dict[str, str]:
    """What came of a connection to each host:port."""
    return {place: state(as_user(user, *connect(place))) for place in places}


@pytest.fixture(scope="module")
def inside(platform: Environment, cluster: Cluster) -> list[str]:
    """Services, pods and the node's own: what asks for no login, or for another than the gateway does."""
    found: set[str] = set()
    for name in ("mlflow", "storage", "database"):
        namespace = ("-n", f"{STACK}-{name}")
        for service in kubectl.items(platform, "services", *namespace):
            found |= {f"{service['spec']['clusterIP']}:{each['port']}" for each in service["spec"]["ports"]}
        for pod in kubectl.items(platform, "pods", *namespace, "--field-selector=status.phase=Running"):
            ports = [each for container in pod["spec"]["containers"] for each in container.get("ports", [])]
            found |= {f"{pod['status']['podIP']}:{each['containerPort']}" for each in ports}
    addresses = sorted(each for each in found if not each.startswith("None"))
    assert len(addresses) >= 5
    return [*addresses, f"{cluster.node_address}:{REGISTRY_PORT}", f"{cluster.node_address}:{KUBELET_PORT}"]


@pytest.mark.parametrize("user", [NOBODY, IMAGE_USER])
def test_another_user_of_this_machine_is_refused_at_once(inside: list[str], user: int) -> None:
    assert set(tried(user, *inside).values()) == {REFUSED}


def test_root_and_the_published_ports_are_not(platform: Environment, cluster: Cluster, inside: list[str]) -> None:
    reached = tried(0, *inside[-2:])
    assert set(reached.values()) == {OPEN}
    ports = platform.settings.ports()
    published = [f"127.0.0.1:{ports[name]}" for name in ("gateway", "storage", "api")]
    assert set(tried(NOBODY, *published, f"{cluster.node_address}:{API_PORT}").values()) == {OPEN}


def test_rules_that_somebody_removed_are_put_in_place_again(cluster: Cluster) -> None:
    registry = f"{cluster.node_address}:{REGISTRY_PORT}"
    run("nft", "delete", "table", "inet", link_name(cluster.name))
    assert tried(NOBODY, registry) == {registry: OPEN}  # so that it is the rules that refuse
    assert eventually(lambda: tried(NOBODY, registry) == {registry: REFUSED}, 30)


@pytest.fixture
def container() -> Iterator[str]:
    """A network namespace that this machine forwards for, in its own name, as Docker's are."""
    forwarding = Path("/proc/sys/net/ipv4/ip_forward")
    before = forwarding.read_text()
    with ExitStack() as undo:

        def made(make: str, unmake: str) -> None:
            run(*make.split())
            undo.callback(lambda: run(*unmake.split()))

        made("ip netns add gw-container", "ip netns delete gw-container")
        run(*["ip", "link", "add", "gw-bridge", "type", "veth", "peer", "name", "eth0", "netns", "gw-container"])
        run(*f"ip address add {BRIDGE}/30 dev gw-bridge".split())
        run(*["ip", "link", "set", "gw-bridge", "up"])
        within = "ip -n gw-container"
        run(*f"{within} address add {CONTAINER}/30 dev eth0".split())
        run(*f"{within} link set eth0 up".split())
        run(*f"{within} route add default via {BRIDGE}".split())
        made("nft add table ip gw-container", "nft delete table ip gw-container")
        chain = "add chain ip gw-container out { type nat hook postrouting priority srcnat; }"
        run("nft", f"{chain}; add rule ip gw-container out ip saddr {CONTAINER} masquerade")
        undo.callback(forwarding.write_text, before)
        forwarding.write_text("1")
        yield "gw-container"


def test_what_this_machine_forwards_for_is_refused_too(container: str, cluster: Cluster) -> None:
    registry = f"{cluster.node_address}:{REGISTRY_PORT}"

    def reached() -> str:
        command = ["ip", "netns", "exec", container, *connect(registry)]
        return state(subprocess.run(command, capture_output=True, text=True, check=False))

    assert reached() == REFUSED
    run("nft", "delete", "table", "inet", link_name(cluster.name))
    assert reached() == OPEN
    assert eventually(lambda: reached() == REFUSED, 30)


def test_pods_run_as_a_user_of_the_stacks_own_who_alone_sees_what_they_hold(
    platform: Environment, cluster: Cluster
) -> None:
    user = user_of(platform.stack, platform.settings.foundation)
    assert user is not None
    assert user >= FIRST
    named = [
        f"/proc/{process.pid}/environ" for process in cluster.processes() if process.pod and process.name != "pause"
    ]
    assert len(named) > 5
    own = [path for path in named if as_user(user, "cat", path).returncode == 0]
    assert len(own) > 5
    refused = [as_user(other, "cat", path) for path in own for other in (NOBODY, IMAGE_USER)]
    assert not [each.args for each in refused if each.returncode == 0]
    assert sum("Permission denied" in each.stderr for each in refused) > 5  # some processes live for moments


def planted(image: str, namespace: str = f"{STACK}-mlflow") -> dict[str, Any]:
    return pods.pod("planted", namespace=namespace, image=image)


def refusal(cluster: Cluster, document: dict[str, Any]) -> str:
    return pods.kubectl(cluster, "create", "--dry-run=server", "-f-", document=document, check=False)


def test_a_pod_of_the_platform_runs_no_image_of_elsewhere_nor_by_a_tag(platform: Environment, cluster: Cluster) -> None:
    deployment = kubectl.get(platform, "deployment", "mlflow", "-n", f"{STACK}-mlflow")
    assert deployment is not None
    image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    assert "groundwork-images" not in refusal(cluster, planted(image))
    tag, _, digest = image.partition("@")
    for other in (tag, f"registry.example/serving@{digest}", "python:3.11"):
        refused = refusal(cluster, planted(other))
        assert "groundwork-images" in refused
        assert other in refused
    beside = planted(image)
    beside["spec"]["initContainers"] = [{**beside["spec"]["containers"][0], "name": "first", "image": tag}]
    assert "groundwork-images" in refusal(cluster, beside)


def test_an_image_that_nothing_runs_may_be_of_elsewhere(platform: Environment, cluster: Cluster) -> None:
    jenkins = kubectl.items(platform, "pods", "-n", f"{STACK}-jenkins")
    images = [container["image"] for each in jenkins for container in each["spec"]["containers"]]
    assert images
    assert not any(image.startswith(cluster.registry) for image in images)
