"""The pods of a workload: what trains, what tries a model before its release, what serves."""

from dataclasses import replace
from typing import Any

import pulumi
from pulumi_kubernetes.batch.v1 import CronJobSpecArgs, JobSpecArgs, JobTemplateSpecArgs
from pulumi_kubernetes.core.v1 import (
    ExecActionArgs,
    LifecycleArgs,
    LifecycleHandlerArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from modules.core import pods
from modules.core.access import StoreAccess, store_access, tracking_access
from modules.core.contracts import Cluster, ObjectStore, TableCatalog, Tracking
from modules.core.images import version_of
from modules.core.labels import VERSION, Labels
from modules.core.naming import canonical_json
from modules.core.pods import mount, secret_volume
from modules.core.quantities import millicores
from modules.core.releases import Pin
from modules.core.settings import Resources
from workloads.documents import (
    PORTS,
    columns_document,
    model_root,
    model_variables,
    signing_secret,
    trainer,
    training_document,
    training_job,
)
from workloads.settings import Workload

DRAIN_SECONDS = 8
"""How long workloads/server drains before it stops; a test holds the two figures to each other."""
REQUEST_SECONDS = 25
"""Then, for the slowest request that is still being answered: 10 s to arrive, 15 s to finish."""
NEVER = "0 0 31 2 *"
"""A template's CronJob is suspended, and its schedule names a day that does not come."""
SIGNING, SIGNING_KEY = "/var/run/groundwork/signing", "signing-key.pem"
"""Where a training finds the key that signs its models, and which key of the Secret it is."""
MLFLOW_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""No calls home, and no addresses in the log that only pods could open."""


def store_variables(store: ObjectStore, access: StoreAccess) -> dict[str, str]:
    """Return what leads every client of the store to it."""
    endpoint = {} if store.endpoint is None else {"AWS_ENDPOINT_URL_S3": store.endpoint}
    return {"AWS_REGION": store.region, "AWS_DEFAULT_REGION": store.region, **endpoint, **access.variables}


def training_access(workload: Workload, store: ObjectStore, tracking: Tracking) -> StoreAccess:
    """Return what lets the pods of a workload's training into the store, and into MLflow."""
    consumer = trainer(workload.name)
    access = store_access(store, consumer)
    return replace(access, files=(*access.files, tracking_access(tracking, consumer)))


def training_pod(
    workload: Workload,
    *,
    cluster: Cluster,
    image: str,
    resources: Resources,
    account: str,
    store: ObjectStore,
    catalog: TableCatalog | None,
    tracking: Tracking,
) -> PodSpecArgs:
    """A run of the training image. `groundwork train|reproduce` fill the variables that are empty here."""
    access = training_access(workload, store, tracking)
    container = pods.Container(
        name="training",
        image=image,
        resources=resources,
        command=["python", "-m", f"workloads.{workload.name}.train"],
        environment={
            **store_variables(store, access),
            **_training_variables(workload, image, store, catalog, tracking),
            "GROUNDWORK_JOB": "",
            "GROUNDWORK_REVISION": "",
            "GROUNDWORK_UV_LOCK": "",
            "GROUNDWORK_REPRODUCES": "",
        },
        mounts=[*access.mounts, mount("signing", SIGNING)],
    )
    return _training_pod(workload, container, cluster, account, access)


def held_out_pod(
    workload: Workload, *, cluster: Cluster, image: str, resources: Resources, account: str, store: ObjectStore
) -> PodSpecArgs:
    """Prints the rows that a training holds out. `groundwork canary` says of which, in the image that trained."""
    access = store_access(store, trainer(workload.name))
    container = pods.Container(
        name="held-out",
        image=image,
        resources=resources,
        command=["python", "-m", f"workloads.{workload.name}.held_out"],
        environment={**store_variables(store, access), **MLFLOW_QUIET, "GROUNDWORK_TRAINING": ""},
        mounts=access.mounts,
    )
    return _pod(container, cluster, account, access, restart_policy="Never")


def task_pods(
    workload: Workload,
    *,
    cluster: Cluster,
    image: str,
    account: str,
    namespace: str,
    store: ObjectStore,
    catalog: TableCatalog | None,
    tracking: Tracking,
    labels: Labels,
) -> dict[str, dict[str, Any]]:
    """The pod of each task of the workload's DAGs, as a document by task. The DAG gives the arguments and says in
    GROUNDWORK_JOB which run it is; where a task writes its result, Airflow's sidecar looks."""
    access = training_access(workload, store, tracking)
    declared = training_job(workload.name, image.rpartition("@")[2], training_document(workload, store, catalog))
    documents: dict[str, dict[str, Any]] = {}
    for task, resources in workload.tasks.items():
        container = pods.Container(
            name="task",
            image=image,
            resources=resources,
            command=["python", "-m", f"workloads.{workload.name}.tasks"],
            environment={
                **store_variables(store, access),
                **_training_variables(workload, image, store, catalog, tracking),
                "GROUNDWORK_FEATURES": store.address("features", workload.name),
                "GROUNDWORK_COLUMNS": canonical_json(columns_document(workload)),
                "GROUNDWORK_DECLARED_JOB": declared,
                "GROUNDWORK_UV_LOCK": "",
            },
            mounts=[*access.mounts, mount("signing", SIGNING)],
        )
        documents[task] = pods.pod_document(
            _training_pod(workload, container, cluster, account, access),
            cluster=cluster,
            namespace=namespace,
            labels={
                **labels.of(workload.name, component="task"),
                VERSION: version_of(image),
                "app.kubernetes.io/managed-by": "airflow",
            },
        )
    return documents


def _training_variables(
    workload: Workload, image: str, store: ObjectStore, catalog: TableCatalog | None, tracking: Tracking
) -> dict[str, str]:
    """Return the environment variables of every process of the training image."""
    return {
        **MLFLOW_QUIET,
        "MLFLOW_TRACKING_URI": tracking.url,
        "GROUNDWORK_TRAINING": canonical_json(training_document(workload, store, catalog)),
        "GROUNDWORK_IMAGE": image,
        "GROUNDWORK_SIGNING_KEY": f"{SIGNING}/{SIGNING_KEY}",
        "MODEL_ROOT": model_root(workload.name, store),
    }


def check_pod(
    workload: Workload,
    *,
    cluster: Cluster,
    image: str,
    resources: Resources,
    account: str,
    store: ObjectStore,
    public_key: pulumi.Input[str],
) -> PodSpecArgs:
    """Tries a model in the serving image. `groundwork release` says which."""
    access = store_access(store, workload.name)
    container = pods.Container(
        name="check",
        image=image,
        resources=resources,
        command=["python", "-m", "workloads.server", "check"],
        environment={
            **store_variables(store, access),
            **model_variables(None),
            **_trust_variables(workload, store, public_key),
            **_threads(resources),
            "MODEL_EXAMPLE": canonical_json(workload.serving.example),
        },
        mounts=access.mounts,
    )
    return _pod(container, cluster, account, access, restart_policy="Never")


def serving_pod(
    workload: Workload,
    *,
    cluster: Cluster,
    image: str,
    resources: Resources,
    account: str,
    store: ObjectStore,
    public_key: pulumi.Input[str],
    pin: Pin,
) -> PodSpecArgs:
    """A model server: ready once the pinned model answers, gone only after its clients have moved on.

    `image`: the one that the pin was released in, which may be of an earlier version of this repository: what it finds
    here (command, variables, ports) must stay as it is, or be there beside what is new.
    """
    access = store_access(store, workload.name)
    drain = ExecActionArgs(command=["python", "-m", "workloads.server", "drain"])
    container = pods.Container(
        name="server",
        image=image,
        resources=resources,
        command=["python", "-m", "workloads.server"],
        environment={
            **store_variables(store, access),
            **model_variables(pin),
            **_trust_variables(workload, store, public_key),
            **_threads(resources),
        },
        ports=PORTS,
        mounts=access.mounts,
        startup=pods.http_probe("/v2/health/live", "http", period_seconds=1, failures=60),
        readiness=pods.http_probe("/v2/health/ready", "http", period_seconds=2, failures=2),
        liveness=pods.http_probe("/v2/health/live", "http", period_seconds=10, failures=3),
        lifecycle=LifecycleArgs(pre_stop=LifecycleHandlerArgs(exec_=drain)),
    )
    return _pod(container, cluster, account, access, grace_seconds=DRAIN_SECONDS + REQUEST_SECONDS)


def _trust_variables(
    workload: Workload, store: ObjectStore, public_key: pulumi.Input[str]
) -> dict[str, pulumi.Input[str]]:
    """Return by what a pod of the serving image knows the models that it may load."""
    return {"MODEL_PUBLIC_KEY": public_key, "MODEL_ROOT": model_root(workload.name, store)}


def _threads(resources: Resources) -> dict[str, str]:
    """Return with how many threads a model computes: more than its CPU limit would only wait for each other."""
    return {"MODEL_THREADS": str(max(1, millicores(resources.limits.cpu) // 1000))}


def _training_pod(
    workload: Workload, container: pods.Container, cluster: Cluster, account: str, access: StoreAccess
) -> PodSpecArgs:
    return pods.pod(
        cluster=cluster,
        service_account=account,
        containers=[container],
        volumes=[*access.volumes, secret_volume("signing", signing_secret(workload.name))],
        restart_policy="Never",
    )


def _pod(
    container: pods.Container,
    cluster: Cluster,
    account: str,
    access: StoreAccess,
    *,
    restart_policy: str | None = None,
    grace_seconds: int | None = None,
) -> PodSpecArgs:
    return pods.pod(
        cluster=cluster,
        service_account=account,
        containers=[container],
        volumes=access.volumes,
        restart_policy=restart_policy,
        grace_seconds=grace_seconds,
    )


def job_template(
    pod: PodSpecArgs, meta: ObjectMetaArgs, *, deadline_seconds: int, retries: int, kept_seconds: int | None = None
) -> CronJobSpecArgs:
    """A CronJob that never runs by itself: the template from which commands start Jobs, declared like all the rest.

    An ended Job is kept for `kept_seconds`, or else as long as its namespace.
    """
    return CronJobSpecArgs(
        schedule=NEVER,
        suspend=True,
        job_template=JobTemplateSpecArgs(
            metadata=meta,
            spec=JobSpecArgs(
                backoff_limit=retries,
                active_deadline_seconds=deadline_seconds,
                ttl_seconds_after_finished=kept_seconds,
                template=PodTemplateSpecArgs(metadata=meta, spec=pod),
            ),
        ),
    )
