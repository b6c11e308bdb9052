"""The embedded cluster, running: what Kubernetes promises of a node, and what this one promises besides.

Its pods run kubectl, which the cluster brings along: it can talk, write files and serve them.
"""

import json
import secrets
import signal
import socket
import ssl
import struct
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded.cluster import Cluster, ClusterSpec
from embedded.cluster.host import link_name
from embedded.cluster.image import write_image
from embedded.cluster.network import split
from embedded.cluster.ports import is_free

from . import pods
from .pods import SERVE, eventually, fetched, free_port, kubectl, published, run_pod

NAMESPACE = "cluster-test"
IMAGE = "groundwork.dev/test-kubectl:1"


def in_node(cluster: Cluster, *command: str) -> None:
    first = next(process.pid for process in cluster.processes() if process.name == "embedded.cluster.supervisor")
    subprocess.run(["nsenter", f"--target={first}", "--mount", *command], check=True, capture_output=True)


def import_image(cluster: Cluster) -> None:
    archive = cluster.spec.state_dir / "test-image.tar"
    write_image(cluster.spec.bin_dir / "kubectl", IMAGE, archive)
    in_node(cluster, "ctr", "-n=k8s.io", "images", "import", str(archive))
    archive.unlink()


def pod(name: str, *arguments: str, claim: str | None = None, account: bool = False) -> dict[str, Any]:
    return pods.pod(name, *arguments, namespace=NAMESPACE, image=IMAGE, claim=claim, account=account)


def claim(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


WRITE = ("config", "set-cluster", "written", "--kubeconfig=/data/index.html", "--server=https://written")


@pytest.fixture(scope="module")
def tested(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with a namespace that enforces the restricted standard and a test image on the node."""
    import_image(cluster)
    make_namespace(cluster)
    yield cluster
    kubectl(cluster, "delete", "namespace", NAMESPACE, "--wait=true")


def make_namespace(cluster: Cluster) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
    kubectl(cluster, "apply", "-f-", document=namespace)
    found = ("get", "serviceaccount", "default", "-n", NAMESPACE, "--ignore-not-found", "-oname")
    assert eventually(lambda: bool(kubectl(cluster, *found)))


def test_the_node_is_ready_and_nothing_keeps_pods_away(cluster: Cluster) -> None:
    node = json.loads(kubectl(cluster, "get", "node", cluster.name, "-ojson"))
    assert {c["type"]: c["status"] for c in node["status"]["conditions"]}["Ready"] == "True"
    assert not node["spec"].get("taints")


def test_a_start_of_a_running_cluster_changes_nothing(cluster: Cluster) -> None:
    before = {process.pid for process in cluster.processes() if process.pod is None}
    output: list[str] = []
    cluster.start(output.append)
    assert output == ["runs already"]
    assert {process.pid for process in cluster.processes() if process.pod is None} == before


def test_a_cron_job_may_name_a_time_zone_whatever_this_machine_knows_of_them(tested: Cluster) -> None:
    job = pod("late", *SERVE)["spec"] | {"restartPolicy": "Never"}
    document: dict[str, Any] = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "late", "namespace": NAMESPACE},
        "spec": {
            "schedule": "0 3 * * *",
            "timeZone": "Pacific/Auckland",
            "jobTemplate": {"spec": {"template": {"spec": job}}},
        },
    }
    assert "created" in kubectl(tested, "create", "--dry-run=server", "-f-", document=document)


def test_logs_and_exec_work_in_a_pod_of_the_restricted_standard(tested: Cluster) -> None:
    run_pod(tested, pod("talker", *SERVE))
    assert eventually(lambda: "Starting to serve" in kubectl(tested, "logs", "-n", NAMESPACE, "talker"))
    assert "Client Version" in kubectl(
        tested, "exec", "-n", NAMESPACE, "talker", "--", "/kubectl", "version", "--client"
    )


def test_a_privileged_pod_is_refused_where_the_restricted_standard_is_enforced(tested: Cluster) -> None:
    document = pod("greedy", *SERVE)
    document["spec"]["containers"][0]["securityContext"] = {"runAsUser": 0}
    assert "restricted" in kubectl(tested, "apply", "-f-", document=document, check=False)


def test_a_pod_finds_the_api_server_by_its_service_name_and_is_known_there(tested: Cluster) -> None:
    run_pod(tested, pod("caller", *SERVE, account=True))
    call = ("exec", "-n", NAMESPACE, "caller", "--", "/kubectl")
    assert f"system:serviceaccount:{NAMESPACE}:default" in kubectl(tested, *call, "auth", "whoami")
    by_name = ("--server=https://kubernetes.default.svc.cluster.local", "--token=nobody", "get", "--raw=/version")
    authority = "--certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
    assert "Unauthorized" in kubectl(tested, *call, authority, *by_name, check=False)


def test_what_listens_on_this_machine_is_closed_to_a_pod_that_no_policy_is_about(tested: Cluster) -> None:
    run_pod(tested, pod("curious", *SERVE))
    address = str(split(tested.spec.network).host_end)
    with socket.create_server(("0.0.0.0", 0)) as server:
        server.settimeout(0)
        asked = (
            f"--server=http://{address}:{server.getsockname()[1]}",
            "--request-timeout=3s",
            "get",
            "--raw=/version",
        )
        output = kubectl(tested, "exec", "-n", NAMESPACE, "curious", "--", "/kubectl", *asked, check=False)
        assert "refused" in output
        with pytest.raises(BlockingIOError):
            server.accept()


def ask_dns(server: str, name: str) -> tuple[int, int]:
    """Response code and number of answers for an A record."""
    question = (
        b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0" + struct.pack(">HH", 1, 1)
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.sendto(struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + question, (server, 53))
        answer = client.recv(512)
    _, flags, _, answers, _, _ = struct.unpack(">HHHHHH", answer[:12])
    return flags & 0xF, answers


def test_services_have_names_and_what_is_outside_has_none(cluster: Cluster) -> None:
    assert ask_dns(cluster.node_address, "kubernetes.default.svc.cluster.local") == (0, 1)
    assert ask_dns(cluster.node_address, "absent.default.svc.cluster.local")[0] == 3
    assert ask_dns(cluster.node_address, "example.com")[0] == 3


def test_an_unprivileged_pod_writes_into_its_volume_and_the_data_go_with_the_claim(tested: Cluster) -> None:
    kubectl(tested, "apply", "-f-", document=claim("notes"))
    run_pod(tested, pod("writer", *SERVE, claim="notes"))
    kubectl(tested, "exec", "-n", NAMESPACE, "writer", "--", "/kubectl", *WRITE)
    volumes = tested.spec.state_dir / "data" / "volumes"
    assert [path for path in volumes.glob("*/index.html") if "written" in path.read_text()]
    left = set(volumes.iterdir())
    kubectl(tested, "delete", "-n", NAMESPACE, "pod/writer", "pvc/notes")
    assert eventually(lambda: len(set(volumes.iterdir())) < len(left))


def test_a_service_of_the_platforms_own_that_asks_for_it_is_published_on_this_machine_until_it_goes(
    tested: Cluster,
) -> None:
    port = free_port()
    run_pod(tested, pod("web", *SERVE))
    kubectl(tested, "exec", "-n", NAMESPACE, "web", "--", "/kubectl", *WRITE)
    kubectl(tested, "apply", "-f-", document=published("web", port, namespace=NAMESPACE))
    assert eventually(lambda: any(f"{NAMESPACE}/web" in each for each in tested.status().complaints))
    assert fetched(port) == ""
    kubectl(tested, "label", "namespace", NAMESPACE, "app.kubernetes.io/part-of=groundwork")
    kubectl(tested, "label", "-n", NAMESPACE, "service/web", "seen=again")
    assert eventually(lambda: "written" in fetched(port))
    assert tested.status().published[str(port)] == f"{NAMESPACE}/web"
    kubectl(tested, "delete", "-n", NAMESPACE, "service", "web")
    assert eventually(lambda: fetched(port) == "")
    kubectl(tested, "label", "namespace", NAMESPACE, "app.kubernetes.io/part-of-")


def test_the_api_server_is_published_and_refuses_who_shows_no_certificate(cluster: Cluster) -> None:
    context = ssl.create_default_context(cafile=str(cluster.ca))
    url = f"https://127.0.0.1:{cluster.spec.api_port}/api"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url, context=context, timeout=5)
    assert refused.value.code == 401
    refused.value.close()


def test_a_part_that_is_killed_is_started_again(cluster: Cluster) -> None:
    def scheduler() -> int | None:
        return next((process.pid for process in cluster.processes() if process.name == "kube-scheduler"), None)

    before = scheduler()
    assert before is not None
    subprocess.run(["kill", "-9", str(before)], check=True)
    assert eventually(lambda: scheduler() not in {before, None} and cluster.status().parts["kube-scheduler"] == "ready")


def test_a_secret_can_be_read_neither_in_etcds_files_nor_in_process_arguments(tested: Cluster) -> None:
    value = secrets.token_hex(16)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "hidden", "namespace": NAMESPACE},
        "stringData": {"key": value},
    }
    kubectl(tested, "apply", "-f-", document=secret)
    files = [path for path in (tested.spec.state_dir / "data" / "etcd").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if value.encode() in path.read_bytes()]
    for process in tested.processes():
        assert b"PRIVATE KEY" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()


def test_the_simulated_nodes_are_as_many_as_asked_for_and_run_only_what_tolerates_them(tested: Cluster) -> None:
    nodes = json.loads(kubectl(tested, "get", "nodes", "-lgroundwork.dev/simulated=true", "-ojson"))["items"]
    assert len(nodes) == tested.spec.simulated_nodes
    assert all(node["spec"]["taints"][0]["effect"] == "NoSchedule" for node in nodes)


@pytest.fixture
def second(tmp_path: Path, cluster: Cluster) -> Iterator[Cluster]:
    """Another cluster beside the first."""
    other = Cluster(
        ClusterSpec(
            name="groundwork-second",
            network="10.94.0.0/16",
            api_port=free_port(),
            bin_dir=cluster.spec.bin_dir,
            state_dir=tmp_path / "cluster",
            registry_dir=tmp_path / "registry",
            simulated_nodes=2,
        )
    )
    other.start()
    yield other
    other.destroy()


def traces(spec: ClusterSpec) -> list[str]:
    """What of a cluster can be seen on this machine: mounts, link, routes, control groups, processes, port, tables."""
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if spec.name in line]
    links = [line for line in run_out("ip", "-o", "link").splitlines() if link_name(spec.name) in line]
    routes = [line for line in run_out("ip", "route").splitlines() if line.startswith("10.94.")]
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{spec.name}")]
    commands = [line for line in run_out("ps", "-eo", "args").splitlines() if str(spec.state_dir) in line]
    ports = [] if spec.api_port is None or is_free(spec.api_port) else [str(spec.api_port)]
    tables = [
        line
        for line in run_out("nft", "list", "tables").splitlines()
        if "kube-proxy" in line or link_name(spec.name) in line
    ]
    return [*mounts, *links, *routes, *groups, *commands, *ports, *tables]


def run_out(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_data_outlive_stops_and_kills_and_nothing_outlives_a_destroy(second: Cluster, cluster: Cluster) -> None:
    make_namespace(second)
    import_image(second)
    kubectl(second, "apply", "-f-", document=claim("kept"))
    run_pod(second, pod("keeper", *SERVE, claim="kept"))
    kubectl(second, "exec", "-n", NAMESPACE, "keeper", "--", "/kubectl", *WRITE)
    assert "simulated-1" in kubectl(second, "get", "nodes")

    second.stop()
    assert not second.running
    assert second.processes() == []
    second.start()
    ready = ("wait", "--for=condition=Ready", "--timeout=60s", "-n", NAMESPACE, "pod/keeper")
    kubectl(second, *ready)
    index = ("exec", "-n", NAMESPACE, "keeper", "--", "/kubectl", "config", "view", "--kubeconfig=/data/index.html")
    assert "https://written" in kubectl(second, *index)

    everything = {process.pid for process in second.processes()}
    daemon = next(process.pid for process in second.processes() if process.name == "embedded.cluster.daemon")
    subprocess.run(["kill", f"-{signal.SIGKILL.value}", str(daemon)], check=True)
    assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in everything))
    assert second.status().state == "stopped"
    second.start()
    kubectl(second, *ready)
    assert "https://written" in kubectl(second, *index)

    second.destroy()
    assert not second.spec.state_dir.exists()
    assert traces(second.spec) == []
    assert kubectl(cluster, "get", "--raw", "/readyz") == "ok"
