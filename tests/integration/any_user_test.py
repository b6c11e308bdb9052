"""The images as a user that only the cluster knows, on a read-only root: what OpenShift does with every pod."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from embedded.cluster import Cluster
from modules.core.contracts import Cluster as ClusterContract
from modules.core.contracts import PodRules, Reach
from modules.core.images import read_images
from modules.core.pods import Container, pod, pod_document
from modules.core.settings import resources
from scripts.cli.environment import Environment
from stacks.foundation.embedded import describe_registry

from .conftest import STACK
from .pods import SECURE, eventually, kubectl
from .uid_range import FIRST, uid_range

NAMESPACE = "any-user"
LABELS = {"pod-security.kubernetes.io/enforce": "restricted", "tests/uid-range": "true"}
DRY_RUN = ("create", "--dry-run=server", "-f-")
UNNAMED: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "unnamed", "namespace": NAMESPACE},
    "spec": {
        "serviceAccountName": "anyone",
        "securityContext": {},
        "containers": [
            {
                "name": "run",
                "image": "none",
                "securityContext": {name: value for name, value in SECURE.items() if name != "runAsUser"},
            }
        ],
    },
}
"""A pod that names no user."""
SECONDS = 300
"""For a pod to end, its image's pull included."""


@dataclass(frozen=True)
class Run:
    """What runs in an image until it ends, and the variables that the platform's pods of it have."""

    script: str
    variables: Mapping[str, str] = field(default_factory=dict[str, str])


ANSWERS = (
    "until python -c \"import urllib.request as u; u.urlopen('http://127.0.0.1:{}')\" 2> /dev/null; do sleep 1; done"
)
POSTGRESQL = """
printf secret > /tmp/password && printf "unix_socket_directories = '/tmp'\\n" > /tmp/postgresql.conf
serve() { sh /opt/groundwork/start.sh & until pg_isready --quiet --host=/tmp; do sleep 1; done; }
serve && PGPASSWORD=secret psql --host=/tmp --command='CREATE TABLE kept (n int)' && pg_ctl stop --mode=fast && wait
serve && PGPASSWORD=secret psql --host=/tmp --command='SELECT * FROM kept' && pg_ctl stop --mode=fast
"""
"""Makes its data, stops, starts again with them: by the commands of its pod and its probes."""
STORAGE = f"""
weed server -dir=/tmp -ip=127.0.0.1 -s3 -s3.port=8333 > /tmp/log 2>&1 &
{ANSWERS.format("8333/status")}
"""
AIRFLOW = f"""
airflow db migrate && airflow api-server &
{ANSWERS.format("8080/api/v2/monitor/health")}
"""
MLFLOW = f"""
mlflow server --backend-store-uri=sqlite:////tmp/mlflow.db --artifacts-destination=/tmp/files --workers=1 &
{ANSWERS.format("5000/health")}
"""
GATEWAY = f"""
echo "
defaults
    mode http
    timeout client 9s
frontend ping
    bind 127.0.0.1:8082
    http-request return status 200" > /tmp/haproxy.cfg
python /opt/groundwork/follow.py /tmp/haproxy.cfg & echo "{{}}" > /tmp/portal.json
python /opt/groundwork/portal.py /tmp/portal.json 9000 &
{ANSWERS.format("8082/ping")} && {ANSWERS.format("9000/live")}
"""
TRAINING = """
python -c "
import mlflow, sklearn.linear_model
mlflow.set_tracking_uri('file:///tmp/runs')
with mlflow.start_run():
    model = sklearn.linear_model.LinearRegression().fit([[1], [2]], [1, 2])
    mlflow.log_text(str(model.coef_), 'coefficients.txt')
"
"""
RUNS = {
    "postgresql": Run(POSTGRESQL, {"PGDATA": "/tmp/data", "CONFIGURATION": "/tmp", "SUPERUSER": "/tmp"}),
    "storage": Run(STORAGE),
    "mlflow": Run(MLFLOW),
    "airflow": Run(AIRFLOW, {"AIRFLOW_HOME": "/tmp/airflow", "AIRFLOW__CORE__LOAD_EXAMPLES": "false"}),
    "gateway": Run(GATEWAY),
    "training": Run(TRAINING, {"MLFLOW_ALLOW_FILE_STORE": "true"}),
    "serving": Run("python -c 'import getpass, workloads.server.__main__; print(getpass.getuser())'"),
    "xcom": Run("cat /etc/passwd && echo {} > /tmp/return.json && cat /tmp/return.json"),
}


@pytest.fixture(scope="module")
def chosen(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with a namespace in which it chooses the users of pods."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": LABELS}}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "anyone", "namespace": NAMESPACE}}
    policies = uid_range({"tests/uid-range": "true"})
    for document in (policies, namespace, account):
        kubectl(cluster, "apply", "-f-", document=document)
    # The API server follows its policies a moment later, each by itself.
    assert eventually(lambda: "created" in kubectl(cluster, *DRY_RUN, document=UNNAMED, check=False))
    yield cluster
    kubectl(cluster, "delete", "namespace", NAMESPACE, "--wait=true")
    kubectl(cluster, "delete", "-f-", document=policies)


def test_every_image_is_run(platform: Environment) -> None:
    assert RUNS.keys() == read_images(platform.stack).keys() - {"base"}


@pytest.mark.parametrize("name", RUNS)
def test_an_image_runs_as_a_user_that_only_the_cluster_knows(name: str, chosen: Cluster) -> None:
    images, registry = read_images(STACK), describe_registry(STACK, chosen.spec.network)
    run = RUNS[name]
    rules = ClusterContract(
        name="any",
        pod_range="10.81.0.0/18",
        dns=Reach(port=53),
        storage_class=None,
        publisher=None,
        pods=PodRules(user=None),
    )
    spec = pod(
        cluster=rules,
        service_account="anyone",
        containers=[
            Container(
                name="run",
                image=f"{registry.pull}/{name}@{images[name].digest}",
                command=["sh", "-euc", f"test $(id -u) = {FIRST} && test $(id -g) = 0\n{run.script}"],
                environment=run.variables,
                resources=resources(cpu=("10m", "2"), memory=("64Mi", "2Gi")),
            )
        ],
        restart_policy="Never",
    )
    document = pod_document(spec, cluster=rules, labels={"app": name}, namespace=NAMESPACE)
    document["metadata"]["name"] = name
    kubectl(chosen, "apply", "-f-", document=document)
    assert eventually(lambda: phase(chosen, name) in {"Succeeded", "Failed"}, SECONDS), f"{name}: {phase(chosen, name)}"
    assert phase(chosen, name) == "Succeeded", kubectl(chosen, "logs", name, "-n", NAMESPACE, check=False)


def phase(cluster: Cluster, name: str) -> str:
    return kubectl(cluster, "get", "pod", name, "-n", NAMESPACE, "-o", "jsonpath={.status.phase}")
