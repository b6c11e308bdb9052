"""How the gateway is reached on a cluster that somebody else runs: behind their Ingress controller and Gateway, and by
a forwarded port. The part of both controllers is played by a Traefik of theirs."""

import json
import os
import signal
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
import yaml

from embedded.cluster import Cluster
from embedded.toolchain.programs import program
from modules.core.contracts import Registry, Route, Tracking
from modules.core.images import Image, read_images
from modules.core.labels import Labels
from modules.core.namespaces import NamespaceRef
from modules.core.paths import REPOSITORY
from modules.gateway.proxy import Gateway
from modules.gateway.service import GATEWAY
from modules.gateway.settings import GatewaySettings
from modules.registry.build import build_images
from modules.registry.images import BASE
from scripts.cli.clients import gateway
from scripts.cli.clients.cache.signing import SBOM_KEYS
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.clusters import BareCluster, existing
from scripts.cli.lifecycle.up import access_of, settings_file
from stacks import services
from tests.mocks import declare
from tests.neighbours import CLUSTER
from tests.processes import running

from .certificates import Authority
from .conftest import INTERRUPTIBLE, run
from .front import CLASSES, FRONT, NODE_PORT, deploy_front, gateway_of
from .pods import encoded, eventually, kubectl

NAME, NETWORK = "entry-test", "10.86.0.0/16"
NODE = f"{NETWORK.removesuffix('0.0/16')}0.1"
STACK = "second"
"""Its files are ignored by git."""
PLACE = f"{STACK}-gateway"
DOMAIN = "ml.example.com"
SHOWN = "shown"
"""Secret of a certificate that a person brings."""
PAGES = Route(
    name="pages",
    title="Pages",
    servers={"pages": "http://127.0.0.1:8000"},  # the landing page, which is in the proxy's pod
    weights={"pages": 1},
    health="/live",
    login=None,
)
THEIR_PROXY = Image(
    name="their-proxy", budget_mb=300, containerfile="tests/integration/their_proxy.Containerfile", program="traefik"
)
TRACKING = Tracking(
    url="http://mlflow:5000", namespace="mlflow", artifacts="s3://artifacts", credentials={"gateway": "mlflow-login"}
)
"""Where nothing is: no test asks for it."""


@pytest.fixture(scope="module")
def theirs() -> Iterator[Cluster]:
    run("scripts/cluster", "delete", NAME, "--yes")
    run("scripts/cluster", "start", NAME, "--network", NETWORK)
    yield existing(BareCluster(NAME))
    run("scripts/cluster", "delete", NAME, "--yes")
    for kind in ("Pulumi", "images"):
        (REPOSITORY / f"stacks/{kind}.{STACK}.yaml").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def images(theirs: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    registry = Registry(push=f"{NODE}:5000/groundwork", pull=f"{NODE}:5000/groundwork")
    log = tmp_path_factory.mktemp("images") / "log"
    own = [image for image in services.images() if image.name in (BASE.name, *(own.name for own in GATEWAY.images))]
    built = [*own, replace(THEIR_PROXY, compiled=program("traefik"))]
    build_images(STACK, built, registry=registry, access=access_of(theirs), progress=print, log=log, keys=SBOM_KEYS)
    return {
        name: f"{registry.pull}/{name}:{pinned.version}@{pinned.digest}" for name, pinned in read_images(STACK).items()
    }


@pytest.fixture(scope="module")
def image(images: Mapping[str, str]) -> str:
    return images["gateway"]


@pytest.fixture(scope="module")
def ours() -> Authority:
    return Authority.new("ours")


@pytest.fixture(scope="module")
def public() -> Authority:
    """Whose certificate the Ingress controller and the Gateway show."""
    return Authority.new("public")


def environment_of(cluster: Cluster, **reached: Any) -> Environment:
    """The stack with such an entry, as a person has it."""
    foundation = {
        "target": "existing",
        "context": cluster.name,
        "kubeconfig": str(cluster.kubeconfig),
        "registry": {"push": "unused.example.com"},
        "reached": reached,
    }
    settings_file(STACK).write_text(yaml.safe_dump({"config": {"groundwork:foundation": foundation}}))
    environment = Environment(STACK)
    environment.prepare()
    return environment


def deploy(
    cluster: Cluster,
    environment: Environment,
    image: str,
    authority: Authority,
    shown: Mapping[str, str] | None = None,
) -> None:
    """Apply what the program declares for the gateway, with a true certificate in place of the mocks'. `shown`: the
    certificate that a person brings."""
    # Its pods would come back, and finish for half a minute what they had begun.
    kubectl(cluster, "delete", "deployments", "--all", "-n", PLACE)
    kubectl(cluster, "delete", "pods", "--all", "-n", PLACE, "--now")
    kubectl(cluster, "delete", "namespace", PLACE, "--ignore-not-found", "--wait")
    kubectl(cluster, "create", "namespace", PLACE)
    kubectl(cluster, "create", "secret", "generic", TRACKING.credentials["gateway"], "-n", PLACE)
    if shown is not None:
        metadata = {"name": SHOWN, "namespace": PLACE}
        secret = {"type": "kubernetes.io/tls", "data": encoded(shown)}
        kubectl(
            cluster, "apply", "-f-", document={"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **secret}
        )

    def program() -> None:
        Gateway(
            "gateway",
            settings=GatewaySettings(),
            labels=Labels(environment=STACK, owner="someone"),
            cluster=CLUSTER,
            entry=environment.settings.entry,
            registry=Registry(push="unused", pull="unused"),
            image=image,
            namespace=NamespaceRef(name=PLACE, ready=PLACE),
            routes=[PAGES],
            models=(),
            tracking=TRACKING,
            ready=(),
        )

    recorder, _ = declare(program)
    request = next(each.inputs for each in recorder.declared if each.type.endswith("CertRequest"))
    made = authority.issue([*request["dnsNames"], *request["ipAddresses"]])
    objects = [each.inputs for each in recorder.declared if each.is_object]
    for each in objects:
        if each["metadata"]["name"] == gateway.CERTIFICATE:
            each["data"] = encoded(made)
        if each["metadata"]["name"] == "authority":
            each["data"] = {"ca.crt": made["ca.crt"]}
    kubectl(cluster, "apply", "-f-", document={"apiVersion": "v1", "kind": "List", "items": objects})
    kubectl(cluster, "rollout", "status", "deployment/gateway", "-n", PLACE, "--timeout=100s")


def ask(authority: Authority, host: str, path: str, port: int = NODE_PORT) -> httpx.Response | None:
    """What a client gets whose resolver leads it to the node; None where nobody answers whom it trusts."""
    context = ssl.create_default_context(cadata=authority.pem)
    with httpx.Client(verify=context, trust_env=False, timeout=5) as client:
        try:
            return client.get(f"https://{NODE}:{port}{path}", headers={"host": host}, extensions={"sni_hostname": host})
        except httpx.TransportError:
            return None


def answers(authority: Authority, port: int = NODE_PORT) -> Callable[[], bool]:
    def ask_all() -> bool:
        found = [
            ask(authority, DOMAIN, "/pages/status.json", port),
            ask(authority, f"pages.{DOMAIN}", "/status.json", port),
        ]
        return all(each is not None and each.status_code == 200 and "environment" in each.text for each in found)

    return ask_all


def status(environment: Environment) -> dict[str, Any]:
    done = run(".venv/bin/groundwork", "status", environment.stack, "--json", check=False)
    return json.loads(done.stdout)


def document_of(lines: Iterable[str]) -> Iterator[str]:
    """The lines of one JSON document that a command prints before it goes on."""
    for line in lines:
        yield line
        if line == "}\n":
            return


def test_a_command_gets_in_by_a_forwarded_port_whatever_the_pod(theirs: Cluster, image: str, ours: Authority) -> None:
    environment = environment_of(theirs)
    deploy(theirs, environment, image, ours)
    address = gateway.service_address(environment, "pages")
    assert address == "https://localhost:8443/pages"
    with gateway.client(environment, f"{address}/") as client:
        assert client.get("status.json").json()["environment"] == STACK
        kubectl(theirs, "rollout", "restart", "deployment/gateway", "-n", PLACE)
        kubectl(theirs, "rollout", "status", "deployment/gateway", "-n", PLACE, "--timeout=100s")
        assert client.get("status.json").status_code == 200


def test_a_service_is_open_until_its_command_ends_and_goes_on_with_the_next_pod(
    theirs: Cluster, image: str, ours: Authority
) -> None:
    environment = environment_of(theirs, port=18555)
    deploy(theirs, environment, image, ours)
    command = [*INTERRUPTIBLE, ".venv/bin/groundwork", "open", "--stack", STACK, "--json"]
    with running(command, cwd=REPOSITORY, env={**os.environ}) as opened:
        assert opened.stdout is not None
        document = json.loads("".join(document_of(opened.stdout)))
        assert document == {"service": "gateway", "address": "https://localhost:18555", "login": "none needed"}
        context = ssl.create_default_context(cadata=ours.pem)

        def is_open() -> bool:
            try:
                return (
                    httpx.get(f"{document['address']}/pages/live", verify=context, trust_env=False).status_code == 200
                )
            except httpx.TransportError:
                return False

        assert is_open()
        kubectl(theirs, "delete", "pod", "--all", "-n", PLACE, "--wait")
        assert eventually(is_open, 60)
        opened.send_signal(signal.SIGINT)
        assert opened.wait(10) == 0
    assert not is_open()


@pytest.fixture(scope="module")
def front(theirs: Cluster, images: Mapping[str, str], public: Authority) -> None:
    """An Ingress controller and a Gateway of somebody else."""
    deploy_front(theirs, images[THEIR_PROXY.name], public.issue([DOMAIN, f"*.{DOMAIN}"]))


@pytest.mark.usefixtures("front")
@pytest.mark.parametrize("controller", CLASSES)
def test_an_ingress_speaks_https_to_the_gateway_and_checks_its_certificate(
    theirs: Cluster, image: str, ours: Authority, public: Authority, controller: str
) -> None:
    reached = {"by": "ingress", "domain": DOMAIN, "ingress_class": controller, "certificate": SHOWN}
    environment = environment_of(theirs, **reached, proxy_namespace=FRONT)
    deploy(theirs, environment, image, ours, public.issue([DOMAIN, f"*.{DOMAIN}"]))
    assert eventually(answers(public), 60)
    assert gateway.outer_ca_certificate(environment) == public.pem
    with gateway.client(environment, f"https://{DOMAIN}/pages/") as client:
        assert client.get("status.json").json()["environment"] == STACK
    # An authority that did not issue the gateway's certificate: nobody is led there any more.
    other = {"data": encoded({"ca.crt": Authority.new("other").pem})}
    kubectl(theirs, "patch", "secret", gateway.CERTIFICATE, "-n", PLACE, "-p", json.dumps(other))
    assert eventually(lambda: not answers(public)(), 60)


@pytest.mark.usefixtures("front")
@pytest.mark.parametrize("passthrough", [False, True])
def test_a_gateway_speaks_https_to_the_gateway_or_passes_tls_through(
    theirs: Cluster, image: str, ours: Authority, public: Authority, passthrough: bool
) -> None:
    listener = {"name": FRONT, "namespace": FRONT, "passthrough": passthrough}
    reached = {"by": "gateway-api", "domain": DOMAIN, "gateway": listener, "proxy_namespace": FRONT}
    kubectl(theirs, "apply", "-f-", document=gateway_of(passthrough))
    environment = environment_of(theirs, **reached)
    deploy(theirs, environment, image, ours)
    assert eventually(answers(ours if passthrough else public), 60)
    assert "must lead to the address" in status(environment)["entry"]["note"]


def test_a_node_port_ends_tls_at_the_gateway(theirs: Cluster, image: str, ours: Authority) -> None:
    environment = environment_of(theirs, by="node-port", domain=DOMAIN, port=30444, addresses=[NODE])
    deploy(theirs, environment, image, ours)
    assert eventually(answers(ours, 30444), 60)
    found = ask(ours, NODE, "/pages/status.json", 30444)
    assert found is not None
    assert found.status_code == 200
    addresses = {each["name"]: each["address"] for each in status(environment)["services"]}
    assert addresses == {
        "gateway": f"https://{DOMAIN}:30444",
    }
