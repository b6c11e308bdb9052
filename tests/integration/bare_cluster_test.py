"""`groundwork cluster`: a bare cluster as a person has it, from its first start until nothing of it is left."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from embedded.cluster import Cluster
from embedded.cluster.layout import PROXY_PORT
from embedded.toolchain.build import bin_folder
from modules.core.contracts import Registry
from modules.core.errors import UserError
from modules.core.paths import data_home
from modules.registry.access import RegistryAccess
from modules.registry.remote import Remote
from scripts.cli.environment import CLUSTER_TARGETS, Environment
from scripts.cli.lifecycle.clusters import BareCluster, existing
from scripts.cli.lifecycle.up import access_of, cluster_of, settings_file
from tests.kubectl_image import push_kubectl

from . import pods
from .conftest import STACK, Traces, address_of_this_machine, run
from .pods import SERVE, eventually, fetched, free_port, kubectl, published, run_pod
from .registries import trust_registry

NAME, NETWORK = "bare-test", "10.83.0.0/16"
REGISTRY = f"{NETWORK.removesuffix('0.0/16')}0.1:5000"
REPOSITORY, TAG = "bare-test", "1"
OUTSIDE = "198.51.100.7"
"""An address of this machine while a test runs, to which the node has no route."""
PORT = 15443
NAMESPACE = "default"
pod = partial(pods.pod, namespace=NAMESPACE, image=f"{REGISTRY}/{REPOSITORY}/kubectl:{TAG}")


@pytest.fixture(scope="module")
def untouched() -> Traces:
    """This machine without the cluster. Where the platform runs, so do all its pods: others' tests restart some."""
    run("scripts/cluster", "delete", NAME, "--yes")
    if settings_file(STACK).exists() and (platform := cluster_of(Environment(STACK))).running:
        kubectl(platform, "wait", "--for=condition=Available", "deployment", "--all", "-A", "--timeout=120s")
    return Traces.now(NAME)


@pytest.fixture(scope="module")
def bare(untouched: Traces) -> Iterator[Cluster]:  # noqa: ARG001  taken before anything starts
    run("scripts/cluster", "start", NAME, "--nodes", "2", "--network", NETWORK)
    cluster = existing(BareCluster(NAME))
    with Remote(Registry(push=f"{REGISTRY}/{REPOSITORY}", pull=""), access_of(cluster)) as registry:
        push_kubectl(registry, bin_folder(CLUSTER_TARGETS), cluster.layout.root, TAG)
    yield cluster
    run("scripts/cluster", "delete", NAME, "--yes")


def test_its_registry_gives_and_takes_nothing_without_its_login(bare: Cluster) -> None:
    registry, access = Registry(push=f"{REGISTRY}/{REPOSITORY}", pull=""), access_of(bare)
    with Remote(registry, access) as opened:
        assert opened.find({"kubectl": TAG})
    with Remote(registry, replace(access, login=None)) as opened:
        for ask in (lambda: opened.find({"kubectl": TAG}), lambda: opened.check_push("kubectl")):
            with pytest.raises(UserError, match="wants a login"):
                ask()


def named(cluster: Cluster, kind: str) -> set[str]:
    return set(kubectl(cluster, "get", kind, "-A", "-oname").split())


def test_a_bare_cluster_holds_nothing_of_the_platform(bare: Cluster) -> None:
    namespaces = {f"namespace/{name}" for name in ("default", "kube-node-lease", "kube-public", "kube-system")}
    assert named(bare, "namespaces") == namespaces
    assert named(bare, "priorityclasses") == {
        f"priorityclass.scheduling.k8s.io/system-{name}-critical" for name in ("cluster", "node")
    }
    assert named(bare, "pods,deployments,statefulsets,networkpolicies,pvc,crd") == set()


def test_it_has_names_volumes_and_figures_of_what_is_used(bare: Cluster) -> None:
    assert "(default)" in kubectl(bare, "get", "storageclass", "standard")
    run_pod(bare, pod("caller", *SERVE, account=True))
    authority = "--certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
    by_name = (
        "--server=https://kubernetes.default.svc.cluster.local",
        authority,
        "--token=nobody",
        "get",
        "--raw=/api",
    )
    assert "Unauthorized" in kubectl(bare, "exec", "caller", "--", "/kubectl", *by_name, check=False)
    # The figures themselves are tested on the platform's cluster: the first ones take half a minute.
    kubectl(bare, "wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", pods.WAIT)


def test_the_list_shows_it_with_what_is_real_and_what_is_simulated(bare: Cluster) -> None:
    listed = {row["name"]: row for row in json.loads(run("scripts/cluster", "list", "--json").stdout)}
    nodes = json.loads(kubectl(bare, "get", "nodes", "-ojson"))["items"]
    simulated = [node for node in nodes if node["metadata"]["labels"].get("groundwork.dev/simulated")]
    assert listed[NAME] == {
        "name": NAME,
        "state": "ready",
        "nodes": len(nodes),
        "simulated_nodes": len(simulated),
        "version": next(node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes if node not in simulated),
        "network": NETWORK,
        "api": "https://10.83.0.1:6443",
        "context": f"groundwork-{NAME}",
        "kubeconfig": str(bare.kubeconfig),
    }
    assert (len(nodes), len(simulated)) == (2, 1)


def test_its_exports_lead_kubectl_to_it_and_a_second_start_changes_nothing(bare: Cluster, tmp_path: Path) -> None:
    copy = tmp_path / "config"
    before = {process.pid for process in bare.processes()}
    done = run("scripts/cluster", "start", NAME, "--kubeconfig", str(copy))
    assert "runs already" in done.stderr
    assert {process.pid for process in bare.processes()} >= before
    assert copy.stat().st_mode & 0o777 == 0o600
    asked = f"eval '{done.stdout}'; PATH=$PATH:{bare.spec.bin_dir} kubectl config current-context"
    assert subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True).stdout.strip() == bare.name


def test_a_network_policy_is_enforced(bare: Cluster) -> None:
    run_pod(bare, pod("server", *SERVE))
    run_pod(bare, pod("client", *SERVE))
    address = kubectl(bare, "get", "pod", "server", "-ojsonpath={.status.podIP}")
    ask = ("get", f"--server=http://{address}:8001", "--raw=/static/", "--request-timeout=2s")

    def is_open() -> bool:
        return "<pre>" in kubectl(bare, "exec", "client", "--", "/kubectl", *ask, check=False)

    assert eventually(is_open)
    closed = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "closed", "namespace": NAMESPACE},
        "spec": {"podSelector": {"matchLabels": {"app": "server"}}, "policyTypes": ["Ingress"]},
    }
    kubectl(bare, "apply", "-f-", document=closed)
    assert eventually(lambda: not is_open())
    kubectl(bare, "delete", "networkpolicy", "closed")
    assert eventually(is_open)


def test_a_service_that_asks_for_it_is_published_at_a_port_of_this_machine(bare: Cluster) -> None:
    port = free_port()
    run_pod(bare, pod("server", *SERVE))
    kubectl(bare, "apply", "-f-", document=published("server", port, namespace=NAMESPACE))
    assert eventually(lambda: "<pre>" in fetched(port))
    kubectl(bare, "delete", "service", "server")
    assert eventually(lambda: fetched(port) == "")


@contextmanager
def registry_outside(bare: Cluster, folder: Path) -> Generator[Remote]:
    """A registry of somebody else, on this machine, which the node knows by its certificate."""
    key, certificate = folder / "key.pem", folder / "registry.crt"
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1")
    named = ("-subj", "/CN=registry", "-addext", f"subjectAltName=IP:{OUTSIDE}")
    run("openssl", *new, *named, "-keyout", str(key), "-out", str(certificate))
    trust_registry(bare, f"{OUTSIDE}:{PORT}", certificate.read_bytes())
    configuration: dict[str, Any] = {
        "version": 0.1,
        "log": {"accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {"addr": f"{OUTSIDE}:{PORT}", "tls": {"certificate": str(certificate), "key": str(key)}},
    }
    (folder / "registry.yaml").write_text(json.dumps(configuration))
    command = [str(bare.spec.bin_dir / "registry"), "serve", str(folder / "registry.yaml")]
    process = subprocess.Popen(command, env={**os.environ, "OTEL_TRACES_EXPORTER": "none"})
    access = RegistryAccess(ca=certificate, own=True, advice="does it run?")
    try:
        with Remote(Registry(push=f"{OUTSIDE}:{PORT}/other", pull=""), access) as remote:
            assert eventually(lambda: answers(remote))
            yield remote
    finally:
        process.kill()
        process.wait()


def answers(remote: Remote) -> bool:
    try:
        return remote.client.get("/v2/").is_success
    except httpx.HTTPError:
        return False


def test_an_image_of_another_registry_is_pulled_by_way_of_this_machine_which_stays_closed_to_pods(
    bare: Cluster, tmp_path: Path
) -> None:
    with address_of_this_machine(OUTSIDE), registry_outside(bare, tmp_path) as remote:
        push_kubectl(remote, bin_folder(CLUSTER_TARGETS), tmp_path, TAG)
        run_pod(bare, pod("foreign", *SERVE, image=f"{OUTSIDE}:{PORT}/other/kubectl:{TAG}"))
        ask = ("exec", "foreign", "--", "/kubectl", "get", "--raw=/v2/", "--token=nobody", "--request-timeout=3s")
        assert "unreachable" in kubectl(bare, *ask, f"--server=https://{OUTSIDE}:{PORT}", check=False)
        proxy = f"{bare.spec.addresses.host_end}:{PROXY_PORT}"
        assert "refused" in kubectl(bare, *ask, f"--server=http://{proxy}", check=False)


@pytest.mark.parametrize(("name", "port"), [("kubelet-server", 10250), ("kube-apiserver", 6443)])
def test_a_certificate_that_is_renewed_is_served_without_a_restart(bare: Cluster, name: str, port: int) -> None:
    file = bare.layout.certificate(name)
    file.unlink()
    run(sys.executable, "-m", "embedded.cluster.certificates", str(bare.layout.spec))
    renewed = file.read_text()
    assert eventually(lambda: ssl.get_server_certificate((bare.node_address, port)).strip() == renewed.strip(), 100)


def test_stop_leaves_nothing_running(bare: Cluster, untouched: Traces) -> None:
    run_pod(bare, pod("server", *SERVE))
    kubectl(bare, "create", "configmap", "kept", "--from-literal=is=kept")
    run("scripts/cluster", "stop", NAME)
    assert eventually(lambda: Traces.now(NAME) == untouched), Traces.now(NAME)


def test_a_start_brings_all_back(bare: Cluster) -> None:
    assert "was not running" in run("scripts/cluster", "stop", NAME).stderr
    run("scripts/cluster", "start", NAME)
    assert kubectl(bare, "get", "configmap", "kept", "-ojsonpath={.data.is}") == "kept"
    kubectl(bare, "wait", "--for=condition=Ready", pods.WAIT, "pod/server")
    assert len(named(bare, "nodes")) == 2


def test_wrong_input_is_refused_and_the_cluster_stays_as_it_is(bare: Cluster) -> None:
    refusals = {
        ("start", NAME, "--network", "10.84.0.0/16"): f"--network: 10.84.0.0/16, but the data in {bare.layout.root}",
        ("start", f"{NAME}2", "--network", NETWORK): f"--network: {NETWORK} overlaps {NETWORK} of cluster {bare.name}",
        ("start", "test"): "cluster test: this is the name of an environment",
        ("delete", NAME): "pass --yes to confirm",
    }
    for command, expected in refusals.items():
        done = run("scripts/cluster", *command, check=False)
        assert done.returncode == 1
        assert expected in done.stderr
    assert not data_home(f"{NAME}2").exists()
    assert f"groundwork cluster delete {NAME}" in run("scripts/up", NAME, check=False).stderr
    assert kubectl(bare, "get", "--raw", "/readyz") == "ok"


def test_delete_leaves_nothing_at_all(bare: Cluster, untouched: Traces) -> None:
    run("scripts/cluster", "delete", NAME, "--yes")
    assert Traces.now(NAME) == untouched
    assert not data_home(NAME).exists()
    assert not bare.running
    assert "There is no cluster" in run("scripts/cluster", "delete", NAME, "--yes").stderr
