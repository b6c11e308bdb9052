"""The platform on a foundation: its services and workloads, wired. Creates no resource of its own.

Import it as `stacks.platform`: the folder of the program is on the module path, where `platform` is Python's own.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from modules.airflow.documents import url as airflow_url
from modules.airflow.manifests import HEALTH as AIRFLOW_HEALTH
from modules.airflow.server import TENANT as AIRFLOW
from modules.airflow.server import Airflow
from modules.airflow.settings import AirflowSettings
from modules.core.contracts import Route, ServedModel, Tenant, Tracking
from modules.core.images import require_image
from modules.core.labels import Labels
from modules.core.naming import namespace
from modules.core.releases import Release, read_releases, releases_document
from modules.gateway.documents import PORTAL
from modules.gateway.documents import SERVICE as GATEWAY
from modules.gateway.documents import address as gateway_address
from modules.gateway.proxy import Gateway
from modules.jenkins.documents import SERVICE as JENKINS
from modules.jenkins.documents import Images
from modules.jenkins.server import Jenkins
from modules.mlflow.server import TENANT as MLFLOW
from modules.mlflow.server import Mlflow, tracking
from modules.registry.third_party import unresolved
from stacks.foundation import Foundation, lay
from stacks.settings import PlatformSettings
from stacks.third_party import jenkins_images
from workloads import catalog
from workloads.manifests import task_pods
from workloads.serving import Serving
from workloads.serving import route as model_route
from workloads.training import COMPONENT as TRAINING
from workloads.training import Training

Outputs = dict[str, Any]


def tenants(settings: PlatformSettings) -> dict[str, Tenant]:
    """Who uses the platform's data, and how: MLflow keeps models and records, a workload reads them and its data,
    Airflow keeps the logs of tasks and looks for new data."""
    services: dict[str, Tenant] = {
        MLFLOW: Tenant(buckets={"artifacts": "write"}, database=True),
        AIRFLOW: Tenant(buckets={"logs": "write", "raw": "read"}, database=True),
        GATEWAY: Tenant(buckets={}),
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
    names = (MLFLOW, AIRFLOW, "xcom", GATEWAY, *(("training", "serving") if settings.workloads else ()))
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
        clients={name: foundation.namespaces[name] for name in (GATEWAY, *sorted(settings.workloads))},
        origins=[gateway_address(MLFLOW, settings.gateway.local_port)] if settings.gateway.local_port else [],
        opts=pulumi.ResourceOptions(providers=[foundation.provider]),
    )
    if settings.jenkins.enabled:
        images |= place_jenkins(settings, labels, foundation)
    orchestrate(settings=settings, labels=labels, foundation=foundation, contract=contract, images=images)
    workloads = {
        name: place_workload(
            name, settings=settings, labels=labels, foundation=foundation, contract=contract, images=images
        )
        for name in sorted(settings.workloads)
    }
    Gateway(
        GATEWAY,
        settings=settings.gateway,
        labels=labels,
        image=images[GATEWAY],
        namespace=foundation.namespaces[GATEWAY],
        routes=routes(settings, environment, contract),
        models=served_models(settings, environment),
        tracking=contract,
        ready=[serving.ready for serving in workloads.values()],
        opts=pulumi.ResourceOptions(providers=[foundation.provider]),
    )
    released = read_releases(environment)
    return {
        "urls": {**foundation.addresses, **local_addresses(settings)},
        "buckets": dict(foundation.object_store.buckets),
        "images": {**foundation.images, **images},
        "workloads": {
            name: describe_workload(released.get(name), images["serving"], serving.address)
            for name, serving in workloads.items()
        },
        # By which a checkout that has no file of pins takes them over: scripts/cli/pins.py.
        "releases": releases_document(released)["releases"],
    }


def airflow_settings(settings: PlatformSettings) -> AirflowSettings:
    """With the address that people open it by: its links and redirects lead there."""
    given, port = settings.airflow, settings.gateway.local_port
    if given.address is not None or port is None:
        return given
    return given.model_copy(update={"base_url": gateway_address(AIRFLOW, port)})


def routes(settings: PlatformSettings, environment: str, contract: Tracking) -> list[Route]:
    """The ways from the gateway: to MLflow, to Airflow, and to each workload that serves."""
    mlflow = Route(
        name=MLFLOW,
        title="Experiments and the model registry",
        servers={MLFLOW: contract.url},
        weights={MLFLOW: 1},
        health="/health",
        login=True,
    )
    airflow = Route(
        name=AIRFLOW,
        title="Pipelines: what runs when, and what became of it",
        servers={AIRFLOW: airflow_url(namespace(environment, AIRFLOW))},
        weights={AIRFLOW: 1},
        health=AIRFLOW_HEALTH,
        login=False,
    )
    released = read_releases(environment)
    serving = [
        model_route(catalog.load(name), released[name], namespace(environment, name))
        for name in sorted(settings.workloads)
        if name in released
    ]
    return [mlflow, airflow, *serving]


def served_models(settings: PlatformSettings, environment: str) -> list[ServedModel]:
    """What the landing page tells of each workload's model."""
    released = read_releases(environment)
    return [served_model(name, catalog.load(name).model, released.get(name)) for name in sorted(settings.workloads)]


def served_model(workload: str, model: str, release: Release | None) -> ServedModel:
    canary = release.canary if release else None
    return ServedModel(
        workload=workload,
        model=model,
        release=release.release if release else None,
        version=release.model_version if release else None,
        canary_version=canary.pin.model_version if canary else None,
        canary_weight=canary.weight if canary else None,
    )


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
        settings=airflow_settings(settings),
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
        clients={GATEWAY: foundation.namespaces[GATEWAY]},
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
) -> Serving:
    """Training and serving of a workload."""
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
    return Serving(
        name,
        workload=workload,
        settings=settings.workloads[name],
        image=images["serving"],
        namespace=foundation.namespaces[name],
        store=foundation.object_store,
        release=release,
        gateway=foundation.namespaces[GATEWAY],
        labels=labels,
        opts=on_cluster,
    )


def describe_workload(release: Release | None, image: str, address: pulumi.Output[str] | None) -> Outputs:
    """What is exported of a workload: `version` counts its releases; without one nothing serves."""
    canary = release.canary if release else None
    return {
        "version": release.release if release else None,
        "image": image,
        "model_name": release.model_name if release else None,
        "model_version": release.model_version if release else None,
        "canary": {"model_version": canary.pin.model_version, "weight": canary.weight} if canary else None,
        "address": address,
    }


def local_addresses(settings: PlatformSettings) -> dict[str, str]:
    """Where this machine reaches the landing page, the services behind it and the served models, by service."""
    ports = settings.ports()
    served = {name: f"http://127.0.0.1:{ports[name]}" for name in sorted(settings.workloads) if name in ports}
    port = settings.gateway.local_port
    if port is None:
        return served
    hosts = {GATEWAY: PORTAL, MLFLOW: MLFLOW, AIRFLOW: AIRFLOW}
    return {**served, **{name: gateway_address(host, port) for name, host in hosts.items()}}
