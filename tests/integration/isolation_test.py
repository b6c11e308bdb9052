"""Who may talk to whom, tried from pods and from this machine: what is declared open is open, all else is refused."""

import json
import socket
import subprocess
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest

from embedded.cluster import Cluster
from embedded.cluster.network import split
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment
from tests.processes import running

from .conftest import STACK
from .idle import idle
from .pods import eventually

TRY = """
import json, socket, sys
def state(host, port):
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
    except OSError as error:
        return type(error).__name__
    return "open"
print(json.dumps({place: state(*place.rsplit(":", 1)) for place in sys.argv[1:]}))
"""
STORE, MLFLOW = "storage.test-storage.svc.cluster.local:8333", "mlflow.test-mlflow.svc.cluster.local:5000"
DATABASE, AIRFLOW = "postgresql.test-database.svc.cluster.local:5432", "airflow.test-airflow.svc.cluster.local:8080"
GATEWAY, METRICS = (f"gateway.test-gateway.svc.cluster.local:{port}" for port in (8443, 9100))
SERVER = "iris.test-iris.svc.cluster.local:8080"
API = "kubernetes.default.svc.cluster.local:443"


def tried(platform: Environment, pod: str, namespace: str, *places: str) -> dict[str, str]:
    """What came of a connection to each host:port from inside a pod that has Python."""
    output = kubectl.run(platform, "exec", "-n", f"{STACK}-{namespace}", pod, "--", "python", "-c", TRY, *places)
    return json.loads(output)


def opened(platform: Environment, pod: str, namespace: str, *places: str) -> set[str]:
    return {place for place, state in tried(platform, pod, namespace, *places).items() if state == "open"}


@pytest.fixture(scope="module")
def others(platform: Environment, cluster: Cluster) -> list[str]:
    """What no pod of the platform may reach: the node's own services, this machine's, and pods past their Services."""
    pods = kubectl.items(platform, "pods", "-n", f"{STACK}-database", "-l", "app.kubernetes.io/component=server")
    node = str(split(cluster.spec.network).node)
    return [f"{pods[0]['status']['podIP']}:5432", f"{node}:5000", f"{node}:10250", f"{node}:10256", f"{node}:4443"]


def test_a_model_server_reaches_the_object_store_and_nothing_else(platform: Environment, others: list[str]) -> None:
    places = [STORE, MLFLOW, DATABASE, AIRFLOW, METRICS, API, *others]
    assert opened(platform, "deploy/iris", "iris", *places) == {STORE}


def test_mlflow_reaches_its_database_and_its_bucket_and_nothing_else(platform: Environment, others: list[str]) -> None:
    places = [STORE, DATABASE, AIRFLOW, GATEWAY, SERVER, API, *others[1:]]
    assert opened(platform, "deploy/mlflow", "mlflow", *places) == {STORE, DATABASE}


def test_the_gateway_reaches_what_it_leads_to_and_nothing_else(platform: Environment, others: list[str]) -> None:
    places = [MLFLOW, AIRFLOW, SERVER, STORE, DATABASE, API, *others]
    gateway = tried_in(platform, "gateway", "portal", *places)
    assert {place for place, state in gateway.items() if state == "open"} == {MLFLOW, AIRFLOW, SERVER}


def tried_in(platform: Environment, name: str, container: str, *places: str) -> dict[str, str]:
    place = ("-n", f"{STACK}-{name}", f"deploy/{name}", "-c", container)
    return json.loads(kubectl.run(platform, "exec", *place, "--", "python", "-c", TRY, *places))


def test_airflow_may_start_pods_and_reaches_its_own_data(platform: Environment, others: list[str]) -> None:
    places = [API, DATABASE, STORE, AIRFLOW, MLFLOW, SERVER, METRICS, *others[1:4]]
    assert opened(platform, "deploy/airflow-scheduler", "airflow", *places) == {API, DATABASE, STORE, AIRFLOW}


def await_rules(platform: Environment, pod: str, namespace: str) -> None:
    """A pod's rules are in place a moment after it has started (README). No idle one may reach a workload's server."""
    assert eventually(lambda: not opened(platform, pod, namespace, SERVER), 15)


@pytest.fixture
def worker(platform: Environment) -> Iterator[str]:
    """A pod with the labels of a task's that the KubernetesExecutor starts."""
    namespace = f"{STACK}-airflow"
    scheduler = kubectl.get(platform, "deployment", "airflow-scheduler", "-n", namespace)
    assert scheduler is not None
    template: dict[str, Any] = scheduler["spec"]["template"]
    labels = {**template["metadata"]["labels"], "app.kubernetes.io/component": "worker"}
    with idle(platform, namespace, "idle-worker", template["spec"], labels) as pod:
        yield pod


def test_a_task_of_airflow_starts_pods_and_asks_its_server_and_not_the_database(
    platform: Environment, worker: str, others: list[str]
) -> None:
    await_rules(platform, worker, "airflow")
    places = [AIRFLOW, STORE, DATABASE, MLFLOW, SERVER, API, *others]
    assert opened(platform, worker, "airflow", *places) == {AIRFLOW, STORE, API}


def test_a_training_reaches_mlflow_and_the_object_store_and_nothing_else(
    platform: Environment, training: str, others: list[str]
) -> None:
    await_rules(platform, training, "iris-training")
    places = [MLFLOW, STORE, DATABASE, AIRFLOW, SERVER, API, *others]
    assert opened(platform, training, "iris-training", *places) == {MLFLOW, STORE}


@contextmanager
def listener(address: str) -> Generator[tuple[int, list[str]]]:
    """A server of this machine: (its port, the addresses that connected)."""
    with socket.create_server((address, 0)) as server:
        callers: list[str] = []

        def accept() -> None:
            while True:
                try:
                    connection, (caller, _) = server.accept()
                except OSError:
                    return
                callers.append(caller)
                connection.close()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1], callers


@pytest.mark.parametrize("namespace", ["iris", "airflow"])
def test_what_listens_on_this_machine_is_not_reached_from_a_pod(
    platform: Environment, cluster: Cluster, namespace: str
) -> None:
    address = str(split(cluster.spec.network).host_end)
    pod = "deploy/iris" if namespace == "iris" else "deploy/airflow-scheduler"
    with listener("0.0.0.0") as (port, callers):
        assert opened(platform, pod, namespace, f"{address}:{port}") == set()
    assert callers == []


@pytest.mark.parametrize(("name", "port"), [("database", 5432), ("mlflow", 5000), ("airflow", 8080)])
def test_no_user_of_this_machine_gets_past_the_gateway_to_a_pod(platform: Environment, name: str, port: int) -> None:
    pods = kubectl.items(platform, "pods", "-n", f"{STACK}-{name}", "-l", "app.kubernetes.io/part-of=groundwork")
    addresses = [pod["status"]["podIP"] for pod in pods if pod["status"]["phase"] == "Running"]
    script = f"import socket; socket.create_connection(('{{}}', {port}), timeout=3)"
    for address in addresses:
        for user in ("root", "nobody"):
            command = ["setpriv", f"--reuid={user}", "--clear-groups", "python3", "-c", script.format(address)]
            done = subprocess.run(command, capture_output=True, check=False)
            assert done.returncode != 0, f"{user} reached {address}:{port}"


def test_nodes_and_pods_tell_what_they_use(platform: Environment, cluster: Cluster) -> None:
    """As `kubectl top` and autoscalers ask for it."""
    node = kubectl.run(platform, "top", "node", cluster.spec.name, "--no-headers")
    assert "Mi" in node
    pods = kubectl.run(platform, "top", "pod", "-n", f"{STACK}-mlflow", "--no-headers")
    assert "Mi" in pods


INTERNAL = 18333
"""Port of the object store at which its own parts say whose keys let in, on all addresses of its pod."""
NO_METHOD, NO_TOKEN = grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNAUTHENTICATED


def test_a_client_of_the_object_store_does_not_reach_its_internal_port(platform: Environment) -> None:
    (pod,) = kubectl.items(platform, "pods", "-n", f"{STACK}-storage", "-l", "app.kubernetes.io/component=server")
    inside = [f"{pod['status']['podIP']}:{port}" for port in (8333, INTERNAL)]
    assert opened(platform, "deploy/iris", "iris", *inside) == {inside[0]}


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("messaging_pb.SeaweedS3IamCache/PutIdentity", NO_TOKEN),
        ("messaging_pb.SeaweedS3IamCache/PutPolicy", NO_TOKEN),
        ("messaging_pb.SeaweedS3IamCache/ListPolicies", NO_TOKEN),
        ("s3_lifecycle_pb.SeaweedS3LifecycleInternal/LifecycleDelete", NO_TOKEN),
        ("messaging_pb.SeaweedS3IamCache/Nothing", NO_METHOD),
    ],
)
def test_whoever_reaches_the_internal_port_of_the_store_is_asked_for_a_token(
    platform: Environment, method: str, answer: grpc.StatusCode
) -> None:
    """By a forwarded port, which no network policy stops: else whoever got there would be its administrator."""
    command = ("kubectl", "port-forward", "-n", f"{STACK}-storage", "pod/storage-server-0", f":{INTERNAL}")
    with running(command, env=platform.process_environment()) as forward:
        assert forward.stdout is not None
        port = forward.stdout.readline().split()[2].rpartition(":")[2]
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            with pytest.raises(grpc.RpcError) as refused:
                channel.unary_unary(f"/{method}")(b"", timeout=10)
            assert refused.value.code() == answer
