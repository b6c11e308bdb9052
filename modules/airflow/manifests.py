"""The pods of Airflow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import PodSpecArgs, ProbeArgs
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs

from modules.core.access import DATABASE, Mounted, StoreAccess
from modules.core.contracts import Cluster, ObjectStore
from modules.core.pods import (
    ACCOUNT_FILES,
    Container,
    command_probe,
    config_volume,
    http_probe,
    mount,
    pod,
    pod_document,
    secret_volume,
    token_volume,
)
from modules.core.settings import Resources

from . import documents
from .settings import AirflowSettings

LOG_PORTS = {"scheduler": 8793, "triggerer": 8794}
"""Where the API server reads the log of what still runs."""
HEALTH = "/api/v2/monitor/health"
TASK_RULES = [
    PolicyRuleArgs(api_groups=[""], resources=["pods"], verbs=["create", "get", "list", "watch", "patch", "delete"]),
    PolicyRuleArgs(api_groups=[""], resources=["pods/log"], verbs=["get"]),
    PolicyRuleArgs(api_groups=[""], resources=["pods/exec"], verbs=["create", "get"]),
]
"""What starts a task's pod, follows its log and reads its result from the sidecar."""
WORKER_RULES = TASK_RULES[:2]
"""What starts the pods of the KubernetesExecutor."""
LOG_RULES = [
    PolicyRuleArgs(api_groups=[""], resources=["pods"], verbs=["get", "list"]),
    PolicyRuleArgs(api_groups=[""], resources=["pods/log"], verbs=["get"]),
]
"""What reads the logs of those pods while they run."""


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """Names of the Secrets that Airflow's own pods mount."""

    keys: pulumi.Input[str]
    login: pulumi.Input[str]
    connections: pulumi.Input[str]
    database: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class Probes:
    """Of a container; none where it ends by itself."""

    startup: ProbeArgs | None = None
    readiness: ProbeArgs | None = None
    liveness: ProbeArgs | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """One process of Airflow."""

    role: str
    command: Sequence[str]
    resources: Resources
    ports: Mapping[str, int]
    probes: Probes
    keys: Sequence[str]
    """Keys of the Secret of that name: a DAG's code runs in some parts, and has what they have."""
    uses_cluster: bool = False
    """Whether it talks to the Kubernetes API."""


def parts(settings: AirflowSettings) -> list[Part]:
    """The four processes. None is ever there twice: one of each suffices, and takes its share of the memory."""
    sizes = settings.parts
    in_pods = settings.executor == "KubernetesExecutor"
    users = " ".join(f"{user}={role}" for user, role in documents.ROLES_OF_USERS.items())
    login = f"python /opt/groundwork/users.py {documents.LOGIN} {users}"
    return [
        Part(
            role="api-server",
            command=["sh", "-c", f"{login} && exec airflow api-server --proxy-headers"],
            resources=sizes.api_server,
            ports={"http": documents.PORT},
            keys=list(documents.KEY_COMMANDS),
            # What runs in a pod is read there until it is in the bucket.
            uses_cluster=in_pods,
            probes=Probes(
                startup=http_probe(HEALTH, "http", period_seconds=2, failures=90),
                readiness=http_probe(HEALTH, "http", period_seconds=10),
                liveness=http_probe(HEALTH, "http", period_seconds=30, failures=4, timeout_seconds=10),
            ),
        ),
        Part(
            role="scheduler",
            command=["airflow", "scheduler"],
            resources=sizes.scheduler,
            ports={"logs": LOG_PORTS["scheduler"]},
            probes=_heartbeat("SchedulerJob"),
            # It signs the tokens of tasks; who asks for the log of a task beside it shows the third.
            keys=["fernet-key", "jwt-secret", *([] if in_pods else ["secret-key"])],
            uses_cluster=True,
        ),
        Part(
            role="dag-processor",
            command=["airflow", "dag-processor"],
            resources=sizes.dag_processor,
            ports={},
            probes=_heartbeat("DagProcessorJob"),
            keys=[],
        ),
        Part(
            role="triggerer",
            command=["airflow", "triggerer"],
            resources=sizes.triggerer,
            ports={"logs": LOG_PORTS["triggerer"]},
            probes=_heartbeat("TriggererJob"),
            # What a trigger waits for is encrypted; who asks for its log shows the other.
            keys=["fernet-key", "secret-key"],
        ),
    ]


def _heartbeat(kind: str) -> Probes:
    command = ["python", "/opt/groundwork/alive.py", kind]
    return Probes(
        startup=command_probe(command, period_seconds=3, failures=60),
        readiness=command_probe(command, period_seconds=20),
        liveness=command_probe(command, period_seconds=60, failures=4),
    )


def part_pod(
    part: Part,
    *,
    cluster: Cluster,
    image: str,
    account: pulumi.Input[str],
    store: ObjectStore,
    access: StoreAccess,
    configuration: pulumi.Input[str],
    worker: pulumi.Input[str] | None,
    secrets: Secrets,
    database: Mapping[str, str],
) -> PodSpecArgs:
    """`configuration`, `worker`: names of the ConfigMaps with airflow.cfg and the tasks' pods, and with the pod of the
    KubernetesExecutor. `database`: the variables of its clients."""
    files = [
        _configuration(configuration),
        _secret("secrets", secrets.connections, documents.SECRETS),
        _secret("database", secrets.database, DATABASE),
        *access.files,
    ]
    if part.keys:
        files.append((secret_volume("keys", secrets.keys, part.keys), mount("keys", documents.KEYS)))
    if part.role == "api-server":
        files.append(_secret("login", secrets.login, documents.LOGIN))
    if part.uses_cluster:
        files.append(_token())
    if part.role == "scheduler" and worker is not None:
        files.append((config_volume("worker", worker), mount("worker", documents.WORKER)))
    return pod(
        cluster=cluster,
        service_account=account,
        containers=[
            Container(
                name=part.role,
                image=image,
                command=part.command,
                environment={**_environment(store, access, part.keys), **database},
                resources=part.resources,
                ports=part.ports,
                mounts=[mounted for _, mounted in files],
                startup=part.probes.startup,
                readiness=part.probes.readiness,
                liveness=part.probes.liveness,
            )
        ],
        volumes=[volume for volume, _ in files],
        grace_seconds=60,
    )


def migration_pod(
    *,
    cluster: Cluster,
    image: str,
    account: pulumi.Input[str],
    secrets: Secrets,
    database: Mapping[str, str],
    resources: Resources,
) -> PodSpecArgs:
    """Waits for the database, then makes or migrates its tables. It reads no configuration: another one is no reason
    to run again."""
    return pod(
        cluster=cluster,
        service_account=account,
        containers=[
            Container(
                name="migration",
                image=image,
                command=["sh", "-c", "airflow db check --retry 60 --retry-delay 2 && exec airflow db migrate"],
                environment={
                    "AIRFLOW_HOME": documents.HOME,
                    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD": documents.DATABASE_COMMAND,
                    **database,
                },
                resources=resources,
                mounts=[mount("database", DATABASE)],
            )
        ],
        volumes=[secret_volume("database", secrets.database)],
        restart_policy="Never",
    )


def worker_document(
    *,
    cluster: Cluster,
    image: str,
    account: str,
    store: ObjectStore,
    access: StoreAccess,
    configuration: str,
    connections: str,
    resources: Resources,
    labels: Mapping[str, str],
) -> dict[str, Any]:
    """The pod of a task with the KubernetesExecutor, which fills in name and arguments. It has neither a way to the
    database nor the keys of the API: a task asks the API server, by a token of its own."""
    files = [
        _configuration(configuration),
        _secret("secrets", connections, documents.SECRETS),
        *access.files,
        _token(),
    ]
    nothing = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{documents.HOME}/none.db"}
    spec = pod(
        cluster=cluster,
        service_account=account,
        containers=[
            Container(
                name="base",  # by which the executor knows it
                image=image,
                environment={**_environment(store, access, []), **nothing},
                resources=resources,
                mounts=[mounted for _, mounted in files],
            )
        ],
        volumes=[volume for volume, _ in files],
        restart_policy="Never",
    )
    return pod_document(spec, cluster=cluster, labels=labels)


def _configuration(config_map: pulumi.Input[str]) -> Mounted:
    return config_volume("configuration", config_map), mount("configuration", documents.CONFIGURATION)


def _secret(name: str, secret: pulumi.Input[str], path: str) -> Mounted:
    return secret_volume(name, secret), mount(name, path)


def _token() -> Mounted:
    return token_volume("token"), mount("token", ACCOUNT_FILES)


def _environment(store: ObjectStore, access: StoreAccess, keys: Sequence[str]) -> dict[str, str]:
    """Return the environment variables of every container that runs a part or a task."""
    return {
        "AIRFLOW_HOME": documents.HOME,
        "AIRFLOW_CONFIG": f"{documents.CONFIGURATION}/airflow.cfg",
        **access.variables,
        "AWS_REGION": store.region,
        "DATABASE_URI_FILE": f"{DATABASE}/uri",
        **documents.key_variables(keys),
        # The C library would keep a pool of memory for each of many threads.
        "MALLOC_ARENA_MAX": "2",
    }
