"""Airflow as a service."""

from modules.core.contracts import Consumer, Grant, Route, TaskPods
from modules.core.images import Image
from modules.core.service import Context, Deployed, Login, Service

from .settings import AirflowSettings


def deploy(context: Context[AirflowSettings]) -> Deployed:
    from .documents import url
    from .manifests import HEALTH
    from .server import Airflow, Images, Workspace

    Airflow(
        context.name,
        settings=with_address(context.settings, context.address),
        labels=context.labels,
        cluster=context.cluster,
        store=context.store,
        database=context.database,
        identity=context.identity,
        registry=context.registry,
        images=Images(server=context.images["airflow"], sidecar=context.images["xcom"]),
        namespace=context.namespace,
        workspaces={
            each.workload: Workspace(namespace=context.namespace_of(each.consumer).ready, pods=each.pods)
            for each in context.every(TaskPods)
        },
        clients=context.clients,
        opts=context.opts,
    )
    route = Route(
        name=context.name,
        title=AIRFLOW.title,
        servers={context.name: url(context.namespace.name)},
        weights={context.name: 1},
        health=HEALTH,
        login=None,
        own_logins=("/auth/login", "/auth/token"),
    )
    return Deployed(routes=(route,))


def with_address(settings: AirflowSettings, address: str | None) -> AirflowSettings:
    """Return the settings with the address that browsers open it by: its links and redirects lead there."""
    if settings.address is not None or address is None:
        return settings
    return settings.model_copy(update={"base_url": address})


WITH_DATABASE = ("api-server", "dag-processor", "migration", "scheduler", "triggerer")
"""Components of its pods that connect to the database. Not the workers: a task asks the API server."""

AIRFLOW = Service[AirflowSettings](
    name="airflow",
    title="Pipelines: what runs when, and what became of it",
    settings=AirflowSettings,
    deploy=deploy,
    needs=Consumer(
        buckets={"logs": Grant(write=("airflow/",)), "raw": Grant(read=("incoming/",))},
        database=True,
        connections=36,
        accounts=tuple(f"airflow-{role}" for role in (*WITH_DATABASE, "worker")),
        uses={"database": WITH_DATABASE},
    ),
    routed=True,
    images=(
        Image(
            name="airflow",
            budget_mb=500,
            containerfile="modules/airflow/Containerfile",
            files=(
                "modules/airflow/files/alive.py",
                "modules/airflow/files/airflow_local_settings.py",
                "modules/airflow/files/users.py",
                "workloads/*/dags/*.py",
            ),
            group="airflow",
            package="apache-airflow-core",
            prune=(
                "jsonpath-ng",
                "opentelemetry-exporter-otlp-proto-grpc",
                "pyathena",
                "redshift-connector",
                "sagemaker-studio",
            ),
        ),
        Image(
            name="xcom",
            budget_mb=3,
            containerfile="modules/airflow/xcom.Containerfile",
            files=("modules/airflow/files/pgrep",),
        ),
    ),
    login=Login(namespace="airflow", secret="airflow-login", username="username", password="admin"),
)
