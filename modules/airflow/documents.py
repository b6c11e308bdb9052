"""The documents of Airflow, as pure functions of settings and neighbours."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modules.core.access import DATABASE
from modules.core.contracts import ROLES, ObjectStore
from modules.core.documents import render
from modules.core.naming import canonical_json, service_host
from modules.core.settings import Resources, resources

from .settings import AirflowSettings

FILES = Path(__file__).parent / "files"
SERVICE = "airflow"
PORT = 8080
ADMINISTRATOR = "admin"
HOME = "/tmp/airflow"
"""Of what Airflow writes: its logs, until they are in the bucket."""
CONFIGURATION = "/etc/groundwork/airflow"
"""Folder of airflow.cfg and of each task's pod, which DAGs read from here."""
WORKER = "/etc/groundwork/worker"
"""Folder of the pod that the KubernetesExecutor starts."""
KEYS, LOGIN, SECRETS = (f"/var/run/groundwork/{role}" for role in ("keys", "login", "secrets"))
ROLES_OF_USERS = {ADMINISTRATOR: "Admin", "user": "User", "viewer": "Viewer"}
"""Role in Airflow of each generated user."""
KEY_COMMANDS = {
    "fernet-key": "AIRFLOW__CORE__FERNET_KEY_CMD",
    "jwt-secret": "AIRFLOW__API_AUTH__JWT_SECRET_CMD",
    "secret-key": "AIRFLOW__API__SECRET_KEY_CMD",
}
"""The variable that says how a key is read, by key. Not airflow.cfg: no part has all of them."""
DATABASE_COMMAND = f"sed s/^postgresql:/postgresql+psycopg2:/ {DATABASE}/uri"
"""Prints the database's address. SQLAlchemy's own choice would be another driver than the one that is installed."""
DAGS = "/opt/groundwork/workloads"
LOGS_CONNECTION = "logs"
SIDECAR: Resources = resources(cpu=("1m", "100m"), memory=("8Mi", "32Mi"))


def configuration(settings: AirflowSettings, *, namespace: str, store: ObjectStore) -> str:
    """airflow.cfg. It holds no secret, but the commands that read each from its file."""
    folder = "airflow.dag_processing.bundles.local.LocalDagBundle"
    secrets = {
        "connections_file_path": f"{SECRETS}/connections.json",
        "variables_file_path": f"{SECRETS}/variables.json",
    }
    return render(
        FILES / "airflow.cfg.j2",
        executor=settings.executor,
        parallelism=settings.parallelism,
        home=HOME,
        api=url(namespace),
        database_command=DATABASE_COMMAND,
        port=PORT,
        base_url=settings.address,
        # A browser sends such a cookie by HTTPS alone.
        cookie_secure=settings.address is None or settings.address.startswith("https:"),
        bundles=canonical_json([{"name": "workloads", "classpath": folder, "kwargs": {"path": DAGS}}]),
        logs=store.address("logs", "airflow"),
        logs_connection=LOGS_CONNECTION,
        secrets=canonical_json(secrets),
        namespace=namespace,
        worker=WORKER,
    )


def url(namespace: str) -> str:
    """Where pods reach the API server of Airflow in that namespace."""
    return f"http://{service_host(SERVICE, namespace)}:{PORT}"


def connections(store: ObjectStore, sidecar_image: str) -> str:
    """The connections of all DAGs: to the object store, with the mounted credentials, and to this cluster."""
    endpoint = {} if store.endpoint is None else {"endpoint_url": store.endpoint}
    security = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    cluster = {
        "in_cluster": True,
        "xcom_sidecar_container_image": sidecar_image,
        # The provider takes these two as text.
        "xcom_sidecar_container_resources": canonical_json(SIDECAR.model_dump()),
        "xcom_sidecar_container_security_context": canonical_json(security),
    }
    return canonical_json(
        {
            LOGS_CONNECTION: {"conn_type": "aws", "extra": {"region_name": store.region, **endpoint}},
            "kubernetes_default": {"conn_type": "kubernetes", "extra": cluster},
        }
    )


def variables(environment: str, store: ObjectStore) -> str:
    """The variables of all DAGs: where they are."""
    addresses = {role: store.address(role, "") for role in ROLES}
    return canonical_json({"environment": environment, "addresses": canonical_json(addresses)})


def task_pods(pods: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The pod of each task as a file, by workload and task."""
    return {
        f"{workload}.{task}.json": canonical_json(pod)
        for workload, tasks in pods.items()
        for task, pod in tasks.items()
    }


def key_variables(keys: Sequence[str]) -> dict[str, str]:
    """Return how a part that has these keys reads them. Without a Fernet key of its own, Airflow would make one."""
    commands = {KEY_COMMANDS[key]: f"cat {KEYS}/{key}" for key in keys}
    return commands if "fernet-key" in keys else {**commands, "AIRFLOW__CORE__FERNET_KEY": ""}


def fernet_key(base64: str) -> str:
    """32 random bytes in the alphabet that Fernet wants, from the usual one."""
    return base64.replace("+", "-").replace("/", "_")
