"""The platform on a foundation: its services and workloads, wired. Creates no resource of its own.

Import it as `stacks.platform`: the folder of the program is on the module path, where `platform` is Python's own.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from modules.airflow.server import TENANT as AIRFLOW
from modules.airflow.server import Airflow
from modules.core.contracts import Tenant, Tracking
from modules.core.errors import UserError
from modules.core.images import require_image
from modules.core.labels import Labels
from modules.core.naming import namespace
from modules.core.releases import Release, read_releases
from modules.jenkins.documents import SERVICE as JENKINS
from modules.jenkins.documents import Images
from modules.jenkins.server import Jenkins
from modules.mlflow.server import TENANT as MLFLOW
from modules.mlflow.server import Mlflow, tracking
from modules.registry.third_party import ThirdPartyImage, read_third_party, unresolved
from stacks.foundation import Foundation, lay
from stacks.settings import PlatformSettings
from workloads import catalog
from workloads.manifests import task_pods
from workloads.serving import Serving
from workloads.training import COMPONENT as TRAINING
from workloads.training import Training

Outputs = dict[str, Any]


def tenants(settings: PlatformSettings) -> dict[str, Tenant]:
    """Who uses the platform's data, and how: MLflow keeps models and records, a workload reads them and its data,
    Airflow keeps the logs of tasks."""
    services: dict[str, Tenant] = {
        MLFLOW: Tenant(buckets={"artifacts": "write"}, database=True),
        AIRFLOW: Tenant(buckets={"logs": "write"}, database=True),
    }
    if settings.jenkins.enabled:
        services[JENKINS] = Tenant(buckets={})
    workload = Tenant(buckets={"raw": "write", "features": "write", "artifacts": "read"})
    return services | dict.fromkeys(sorted(settings.workloads), workload)


def build(settings: PlatformSettings, environment: str) -> Outputs:
    """Lays the foundation and everything on it; returns the stack's outputs."""
    labels = Labels(environment=environment, owner=settings.owner)
    foundation = lay(settings, labels, tenants(settings))
    contract = tracking(namespace(environment, MLFLOW), foundation.object_store)
    names = (MLFLOW, AIRFLOW, "xcom", *(("training", "serving") if settings.workloads else ()))
    images = {name: require_image(environment, foundation.registry, name) for name in names}
    Mlflow(
        MLFLOW,
        settings=settings.mlflow,
        labels=labels,
        contract=contract,
        store=foundation.object_store,
        database=foundation.database,
        image=images[MLFLOW],
        namespace=foundation.namespaces[MLFLOW],
        clients={name: foundation.namespaces[name] for name in sorted(settings.workloads)},
        opts=pulumi.ResourceOptions(providers=[foundation.provider]),
    )
    if settings.jenkins.enabled:
        images |= place_jenkins(settings, labels, foundation)
    orchestrate(settings=settings, labels=labels, foundation=foundation, contract=contract, images=images)
    return {
        "urls": {**foundation.addresses, **local_addresses(settings)},
        "buckets": dict(foundation.object_store.buckets),
        "images": {**foundation.images, **images},
        "workloads": {
            name: place_workload(
                name, settings=settings, labels=labels, foundation=foundation, contract=contract, images=images
            )
            for name in sorted(settings.workloads)
        },
    }


def place_jenkins(settings: PlatformSettings, labels: Labels, foundation: Foundation) -> dict[str, str]:
    """Jenkins, on simulated nodes while an image of it is unresolved; returns its images' references by digest."""
    images = jenkins_images(settings)
    references = {name: image.reference for name, image in images.items()}
    token = settings.github_token
    Jenkins(
        JENKINS,
        settings=settings.jenkins,
        labels=labels,
        cluster=foundation.cluster,
        images=Images(controller=references["jenkins"], agent=references["jenkins-agent"], steps=references["python"]),
        namespace=foundation.namespaces[JENKINS],
        token=pulumi.Output.secret(token.get_secret_value()) if token else None,
        simulated=unresolved(images),
        opts=pulumi.ResourceOptions(providers=[foundation.provider]),
    )
    return {name: reference for name, reference in references.items() if "@" in reference}


def jenkins_images(settings: PlatformSettings) -> dict[str, ThirdPartyImage]:
    """The images of Jenkins by name. UserError where one is unresolved and no simulated node could take it."""
    listed = read_third_party()
    images = {name: listed[name] for name in ("jenkins", "jenkins-agent", "python")}
    if (reason := unresolved(images)) and not settings.foundation.simulated_nodes:
        raise UserError(
            f"groundwork:foundation.simulated_nodes is 0, but Jenkins can run on no other node: {reason}. "
            "Set simulated_nodes to 1, or groundwork:jenkins.enabled to false"
        )
    return images


def orchestrate(
    *,
    settings: PlatformSettings,
    labels: Labels,
    foundation: Foundation,
    contract: Tracking,
    images: Mapping[str, str],
) -> None:
    """Airflow, told the pods of every workload's tasks."""
    environment = labels.environment
    Airflow(
        AIRFLOW,
        settings=settings.airflow,
        labels=labels,
        store=foundation.object_store,
        database=foundation.database,
        image=images[AIRFLOW],
        sidecar_image=images["xcom"],
        place=namespace(environment, AIRFLOW),
        namespace=foundation.namespaces[AIRFLOW],
        pods={
            name: task_pods(
                catalog.load(name),
                image=images["training"],
                account=f"{name}-{TRAINING}",
                namespace=namespace(environment, name),
                store=foundation.object_store,
                tracking=contract,
                labels=labels,
            )
            for name in sorted(settings.workloads)
        },
        workspaces={name: foundation.namespaces[name] for name in sorted(settings.workloads)},
        clients={},
        opts=pulumi.ResourceOptions(providers=[foundation.provider]),
    )


def place_workload(
    name: str,
    *,
    settings: PlatformSettings,
    labels: Labels,
    foundation: Foundation,
    contract: Tracking,
    images: Mapping[str, str],
) -> Outputs:
    """Training and serving of a workload; returns what is exported of it."""
    workload = catalog.load(name)
    release = read_releases(labels.environment).get(name)
    on_cluster = pulumi.ResourceOptions(providers=[foundation.provider])
    Training(
        name,
        workload=workload,
        settings=settings.workloads[name],
        image=images["training"],
        namespace=foundation.namespaces[name],
        store=foundation.object_store,
        tracking=contract,
        labels=labels,
        opts=on_cluster,
    )
    serving = Serving(
        name,
        workload=workload,
        settings=settings.workloads[name],
        image=images["serving"],
        namespace=foundation.namespaces[name],
        store=foundation.object_store,
        release=release,
        labels=labels,
        opts=on_cluster,
    )
    return describe_workload(release, images["serving"], serving.address)


def describe_workload(release: Release | None, image: str, address: pulumi.Output[str] | None) -> Outputs:
    """What is exported of a workload: `version` counts its releases; without one nothing serves."""
    return {
        "version": release.release if release else None,
        "image": image,
        "model_name": release.model_name if release else None,
        "model_version": release.model_version if release else None,
        "address": address,
    }


def local_addresses(settings: PlatformSettings) -> dict[str, str]:
    """Where this machine reaches MLflow, Airflow and the served models, by service."""
    ports = settings.ports()
    names = (MLFLOW, AIRFLOW, *sorted(settings.workloads))
    return {name: f"http://127.0.0.1:{ports[name]}" for name in names if name in ports}
