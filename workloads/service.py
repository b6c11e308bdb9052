"""The workloads as a service: training and serving of each, in namespaces of their own."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modules.core.contracts import Consumer, Grant, ServedModel, TaskPods, Tracking
from modules.core.images import Image
from modules.core.releases import Release, read_releases, releases_document
from modules.core.service import Context, Deployed, Service
from workloads import catalog
from workloads.artifacts import ACCEPTED, DATA, MODELS, TABLES
from workloads.documents import pinned_image, serving_account, serving_repository, trainer
from workloads.settings import WorkloadSettings

if TYPE_CHECKING:
    from workloads.serving import Serving

Settings = Mapping[str, WorkloadSettings]


def deploy(context: Context[Settings]) -> Deployed:
    """Create training and serving of every workload, each with what it has released."""
    from workloads.serving import route

    releases = read_releases(context.environment)
    serving = {name: deploy_workload(name, context, releases.get(name)) for name in sorted(context.settings)}
    models = [served_model(name, releases.get(name)) for name in serving]
    return Deployed(
        provides=(*models, *(task_pods_of(name, context) for name in serving)),
        routes=tuple(
            route(catalog.load(name), releases[name], context.namespace_of(name).name)
            for name in serving
            if name in releases
        ),
        ready=tuple(each.ready for each in serving.values()),
        outputs={
            "workloads": {
                name: describe(releases.get(name), serving_image(name, context), each.address)
                for name, each in serving.items()
            },
            # By which a checkout that has no file of pins takes them over: scripts/cli/clients/pins.py.
            "releases": releases_document(releases)["releases"],
        },
    )


def members(settings: Settings) -> dict[str, Consumer]:
    """Return two consumers of each workload: what serves its model reads that and nothing else, and what trains it
    reads and writes its own data. workloads/incoming.py says what lies where in the raw bucket."""
    found: dict[str, Consumer] = {}
    for name in sorted(settings):
        models = (f"{MODELS}/{name}/",)
        raw = Grant(
            read=("sha256/",),  # data sets of before each workload had a place of its own
            add=(f"{DATA}/{name}/", f"{ACCEPTED}/{name}/", f"quarantine/{name}/", f"{TABLES}/{name}/"),
            write=(f"incoming/{name}/", f"current/{name}.json"),
        )
        found[name] = Consumer(buckets={"artifacts": Grant(read=models)}, accounts=(serving_account(name),))
        found[trainer(name)] = Consumer(
            buckets={
                "raw": raw,
                "features": Grant(add=(f"{name}/", f"{TABLES}/{name}/")),
                "artifacts": Grant(add=models),
            },
            accounts=(trainer(name),),
            uses={"mlflow": ("training", "task")},
            models=(name,),
            tables=(name,),
        )
    return found


def deploy_workload(name: str, context: Context[Settings], release: Release | None) -> "Serving":
    from workloads.serving import Serving
    from workloads.training import Training

    workload = catalog.load(name)
    training = Training(
        name,
        workload=workload,
        settings=context.settings[name],
        registry=context.registry,
        image=context.images[workload.images.training],
        namespace=context.namespace_of(trainer(name)).ready,
        cluster=context.cluster,
        store=context.store,
        catalog=context.catalog,
        identity=context.identity,
        tracking=context.require(Tracking),
        protect=context.protect_data,
        labels=context.labels,
        opts=context.opts,
    )
    return Serving(
        name,
        workload=workload,
        settings=context.settings[name],
        registry=context.registry,
        image=serving_image(name, context),
        namespace=context.namespace_of(name).ready,
        cluster=context.cluster,
        store=context.store,
        identity=context.identity,
        public_key=training.public_key,
        release=release,
        gateway=context.clients["gateway"],
        labels=context.labels,
        opts=context.opts,
    )


def serving_image(name: str, context: Context[Settings]) -> str:
    """Return the reference of the image in which a workload's next release is checked and serves."""
    return context.images[serving_repository(catalog.load(name))]


def task_pods_of(name: str, context: Context[Settings]) -> TaskPods:
    from workloads.manifests import task_pods

    workload = catalog.load(name)
    pods = task_pods(
        workload,
        cluster=context.cluster,
        image=context.images[workload.images.training],
        account=trainer(name),
        namespace=context.namespace_of(trainer(name)).name,
        store=context.store,
        catalog=context.catalog,
        tracking=context.require(Tracking),
        labels=context.labels,
    )
    return TaskPods(workload=name, consumer=trainer(name), pods=pods)


def images_of(settings: Settings) -> frozenset[str]:
    """Return the names of the images in which the workloads run."""
    workloads = [catalog.load(name) for name in settings]
    return frozenset(name for each in workloads for name in (each.images.training, serving_repository(each)))


def served_model(workload: str, release: Release | None) -> ServedModel:
    """Return what the landing page shows of a workload's model."""
    canary = release.canary if release else None
    return ServedModel(
        workload=workload,
        model=workload,
        release=release.release if release else None,
        version=release.model_version if release else None,
        canary_version=canary.pin.model_version if canary else None,
        canary_weight=canary.weight if canary else None,
    )


def describe(release: Release | None, image: str, address: Any) -> dict[str, Any]:
    """Return what is exported of a workload: `version` counts its releases; without one nothing serves. `image`: of
    what serves, or would; None for a release of before they pinned it. `todays_image`: in which the next release is
    checked and serves."""
    canary = release.canary if release else None
    serves = pinned_image(image, release) if release and release.serving_image else None
    return {
        "version": release.release if release else None,
        "image": serves if release else image,
        "todays_image": image,
        "model_name": release.model_name if release else None,
        "model_version": release.model_version if release else None,
        "model_format": release.model_format if release else None,
        "canary": {"model_version": canary.pin.model_version, "weight": canary.weight} if canary else None,
        "address": address,
    }


SERVER = (
    "workloads/__init__.py",
    "workloads/artifacts.py",
    "workloads/signing.py",
    "workloads/server/*.py",
    "workloads/server/grpc/*.py",
)
"""Files of the model server."""

TRAINING = Image(
    name="training",
    budget_mb=600,
    containerfile="workloads/training.Containerfile",
    files=(
        "workloads/__init__.py",
        "workloads/artifacts.py",
        "workloads/boosted_trees.py",
        "workloads/classification.py",
        "workloads/columns.py",
        "workloads/continuous.py",
        "workloads/delta_tables.py",
        "workloads/experiment.py",
        "workloads/iceberg_tables.py",
        "workloads/incoming.py",
        "workloads/lake.py",
        "workloads/onnx_form.py",
        "workloads/signing.py",
        "workloads/skops_form.py",
        "workloads/tables.py",
        "workloads/*/*.py",
    ),
    without="workloads/server/*",
    group="training",
    prune=("prettytable",),
)

TABLES_IMAGE = "training-lake"
"""Its repository has the images of both libraries, so that a run of before is reproduced after tables moved."""

WORKLOADS = Service[Settings](
    name="workloads",
    title="The workloads that this environment trains and serves, by name",
    settings=dict[str, WorkloadSettings],
    deploy=deploy,
    members=members,
    runs=images_of,
    routed=True,
    images=(
        TRAINING,
        # PyTorch of Debian, for CPUs: that of PyPI comes with 3 GB for GPUs. Without what it asks for and never loads:
        # drivers of screens with a compiler, maps' data, its own tests, a NumPy beside the locked one.
        replace(
            TRAINING,
            name="training-torch",
            budget_mb=1350,
            arguments={
                "DEBIAN": "python3-torch -- libgl1-mesa-dri libllvm15 libz3-4 libtorch-test proj-data iso-codes "
                "python3-numpy python3-sympy"
            },
        ),
        # Delta Lake's library, of which one file has 134 MB.
        replace(TRAINING, name=TABLES_IMAGE, budget_mb=750, group="training-lake"),
        Image(
            name="serving",
            budget_mb=240,
            containerfile="workloads/serving.Containerfile",
            files=SERVER,
            group="serving",
            prune=("flatbuffers", "packaging", "pycparser"),
        ),
        Image(
            name="serving-skops",
            budget_mb=420,
            containerfile="workloads/serving-skops.Containerfile",
            files=SERVER,
            group="serving-skops",
            prune=("flatbuffers", "prettytable", "pycparser"),
        ),
    ),
    # The library of Iceberg, with pyarrow, of 150 MB.
    with_catalog=(replace(TRAINING, name=TABLES_IMAGE, budget_mb=820, group="training-iceberg"),),
)
