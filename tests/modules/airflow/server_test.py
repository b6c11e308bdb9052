"""What the component declares, seen through the engine's mocks."""

import json
from dataclasses import replace
from typing import Any

import pytest

from modules.airflow.documents import KEYS
from modules.airflow.server import Airflow, Images, Workspace
from modules.airflow.service import AIRFLOW
from modules.airflow.settings import AirflowSettings
from modules.core.contracts import Cluster, Identity, ObjectStore
from modules.core.labels import Labels
from modules.core.namespaces import NamespaceRef
from tests.mocks import Objects, declare
from tests.neighbours import CLOUD_STORE, REGISTRY, database, nobody, somebody
from tests.neighbours import store as store_with_keys

POLICY = "ValidatingAdmissionPolicy"
IMAGE = "registry/{}:3@sha256:" + "1" * 64
NOBODY = nobody("airflow", AIRFLOW.needs.accounts)
STORE, DATABASE = store_with_keys("airflow"), database("airflow")
PARTS = {"airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"}
TASK: dict[str, Any] = {
    "kind": "Pod",
    "metadata": {"labels": {"app.kubernetes.io/name": "iris", "app.kubernetes.io/component": "task"}},
    "spec": {
        "serviceAccountName": "iris-training",
        "containers": [{"name": "task", "image": IMAGE.format("training")}],
        "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "s3", "secret": {"secretName": "iris-keys"}}],
    },
}


def declared(cluster: Cluster, *, store: ObjectStore = STORE, identity: Identity = NOBODY, **settings: Any) -> Objects:
    def program() -> None:
        Airflow(
            "airflow",
            settings=AirflowSettings(**settings),
            labels=Labels(environment="local", owner="someone"),
            cluster=cluster,
            store=store,
            database=DATABASE,
            identity=identity,
            registry=REGISTRY,
            images=Images(server=IMAGE.format("airflow"), sidecar=IMAGE.format("xcom")),
            namespace=NamespaceRef(name="local-airflow", ready="local-airflow"),
            workspaces={"iris": Workspace(namespace="local-iris-training", pods={"train_rf": TASK})},
            clients={},
        )

    return declare(program)[0].objects


@pytest.fixture(scope="module")
def local(cluster: Cluster) -> Objects:
    return declared(cluster, executor="LocalExecutor")


@pytest.fixture(scope="module")
def kubernetes(cluster: Cluster) -> Objects:
    return declared(cluster)


def pod(objects: Objects, part: str) -> dict[str, Any]:
    return objects["Deployment", part]["spec"]["template"]["spec"]


def subjects(objects: Objects) -> dict[str, tuple[str, str]]:
    """(account, namespace of the right) by binding."""
    return {
        name: (inputs["subjects"][0]["name"], inputs["metadata"]["namespace"])
        for (kind, name), inputs in objects.items()
        if kind == "RoleBinding"
    }


def test_each_part_is_one_pod_that_is_never_there_twice(local: Objects) -> None:
    deployments = {name: inputs for (kind, name), inputs in local.items() if kind == "Deployment"}
    assert deployments.keys() == PARTS
    assert {d["spec"]["strategy"]["type"] for d in deployments.values()} == {"Recreate"}


def test_parts_start_once_the_tables_are_there(local: Objects) -> None:
    job = local["Job", "airflow-migration"]["metadata"]["name"]
    for part in PARTS:
        annotations = local["Deployment", part]["spec"]["template"]["metadata"]["annotations"]
        assert annotations["groundwork.dev/migrated-by"] == job
        assert annotations["groundwork.dev/checksum"]


def test_another_configuration_is_no_reason_to_migrate(local: Objects, kubernetes: Objects) -> None:
    assert local["Job", "airflow-migration"] == kubernetes["Job", "airflow-migration"]


def test_what_runs_tasks_may_start_pods_of_the_workload_and_nothing_else(local: Objects) -> None:
    assert subjects(local) == {"airflow-tasks-iris-binding": ("airflow-scheduler", "local-iris-training")}
    rules = local["Role", "airflow-tasks-iris"]["rules"]
    assert {resource for rule in rules for resource in rule["resources"]} == {"pods", "pods/log", "pods/exec"}
    assert {tuple(rule["verbs"]) for rule in rules if rule["resources"] == ["pods/exec"]} == {("create", "get")}


def test_with_the_kubernetes_executor_workers_run_tasks_and_the_scheduler_starts_workers(kubernetes: Objects) -> None:
    assert subjects(kubernetes) == {
        "airflow-tasks-iris-binding": ("airflow-worker", "local-iris-training"),
        "airflow-workers-airflow-binding": ("airflow-scheduler", "local-airflow"),
        "airflow-logs-airflow-binding": ("airflow-api-server", "local-airflow"),
    }
    rules = kubernetes["Role", "airflow-logs-airflow"]["rules"]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list"}


def test_only_who_starts_tasks_or_reads_their_logs_has_a_token(local: Objects, kubernetes: Objects) -> None:
    def holders(objects: Objects) -> set[str]:
        return {part for part in PARTS if any("projected" in volume for volume in pod(objects, part)["volumes"])}

    assert holders(local) == {"airflow-scheduler"}
    assert holders(kubernetes) == {"airflow-scheduler", "airflow-api-server"}


def test_each_part_has_the_keys_that_it_needs_and_no_others(local: Objects, kubernetes: Objects) -> None:
    def keys(objects: Objects, part: str) -> set[str]:
        """As files; and a variable for each says where it is."""
        volumes = [each["secret"] for each in pod(objects, f"airflow-{part}")["volumes"] if each["name"] == "keys"]
        found = {item["key"] for volume in volumes for item in volume["items"]}
        variables = {each["value"] for each in pod(objects, f"airflow-{part}")["containers"][0]["env"]}
        assert {value for value in variables if value.startswith("cat ")} == {f"cat {KEYS}/{key}" for key in found}
        return found

    every = {"fernet-key", "jwt-secret", "secret-key"}
    assert keys(kubernetes, "api-server") == every
    assert keys(kubernetes, "scheduler") == {"fernet-key", "jwt-secret"}
    assert keys(local, "scheduler") == every
    assert keys(kubernetes, "triggerer") == {"fernet-key", "secret-key"}
    assert keys(kubernetes, "dag-processor") == set()


def test_what_airflow_may_start_is_held_to_the_declared_pods(kubernetes: Objects, local: Objects) -> None:
    def policies(objects: Objects) -> dict[str, tuple[str, list[str]]]:
        """(name, namespaces) by name in the program."""
        bindings = [inputs for (kind, _), inputs in objects.items() if kind == "ValidatingAdmissionPolicyBinding"]
        places = {
            each["spec"]["policyName"]: each["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
            for each in bindings
        }
        names = [inputs["metadata"]["name"] for (kind, _), inputs in objects.items() if kind == POLICY]
        assert places.keys() == set(names)
        return {name: places[name][0]["values"] for name in names}

    of_tasks = {f"local-airflow-{role}": ["local-iris-training"] for role in ("tasks-iris", "exec")}
    assert policies(local) == of_tasks
    assert policies(kubernetes) == {**of_tasks, "local-airflow-workers": ["local-airflow"]}


def test_where_nothing_outside_of_namespaces_may_be_declared_there_is_no_policy(cluster: Cluster) -> None:
    objects = declared(replace(cluster, admission_policies=False))
    assert not [name for kind, name in objects if kind.startswith(POLICY)]


def test_a_worker_is_restricted_and_has_neither_database_nor_keys(kubernetes: Objects) -> None:
    document = json.loads(kubernetes["ConfigMap", "airflow-worker"]["data"]["pod.json"])
    container = document["spec"]["containers"][0]
    assert container["name"] == "base"
    assert container["image"] == IMAGE.format("airflow")
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert document["spec"]["securityContext"]["runAsNonRoot"] is True
    assert not {"database", "keys"} & {volume["name"] for volume in document["spec"]["volumes"]}
    assert "airflow-login" not in json.dumps(document)


def test_the_passwords_are_with_the_api_server_only(local: Objects) -> None:
    holders = {
        part
        for part in PARTS
        if any(volume.get("secret", {}).get("secretName") == "airflow-login" for volume in pod(local, part)["volumes"])
    }
    assert holders == {"airflow-api-server"}


def test_no_generated_value_is_in_what_is_no_secret(local: Objects) -> None:
    for (kind, name), inputs in local.items():
        if kind != "Secret":
            assert "generated" not in json.dumps(inputs, default=str), name


def test_the_tasks_pods_lie_beside_the_configuration(local: Objects) -> None:
    files = local["ConfigMap", "airflow-configuration"]["data"]
    assert files.keys() == {"airflow.cfg", "iris.train_rf.json"}


def test_it_is_published_where_the_settings_say(cluster: Cluster) -> None:
    annotations = declared(cluster, local_port=9001)["Service", "airflow-service"]["metadata"]["annotations"]
    assert annotations["groundwork.dev/local-port"] == "9001"


@pytest.mark.parametrize("executor", ["LocalExecutor", "KubernetesExecutor"])
def test_without_keys_its_accounts_are_its_identity(cluster: Cluster, executor: str) -> None:
    identity = somebody("airflow", AIRFLOW.needs.accounts)
    objects = declared(cluster, store=CLOUD_STORE, identity=identity, executor=executor)
    accounts = [inputs["metadata"] for (kind, _), inputs in objects.items() if kind == "ServiceAccount"]
    assert accounts
    for account in accounts:
        assert account["annotations"]["cloud.example/role"] == f"role-of-{account['name']}"
    text = json.dumps(list(objects.values()), default=str)
    assert "s3-credentials" not in text
    assert "AWS_SHARED_CREDENTIALS_FILE" not in text
