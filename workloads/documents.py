"""What components declare and commands fill in, as pure functions: training documents, Job names, model variables."""

import json
from collections.abc import Mapping
from typing import Any

from modules.core.contracts import LAYERS, ObjectStore, TableCatalog, TableColumn
from modules.core.errors import UserError
from modules.core.images import in_repository
from modules.core.lake import table_name
from modules.core.naming import JOB_LIMIT, canonical_json, hashed
from modules.core.releases import Pin
from workloads.artifacts import INCOMING, MODELS, TABLES, data_key
from workloads.columns import catalog_name
from workloads.settings import Format, Workload
from workloads.signing import Statement

PORT, GRPC_PORT = 8080, 8081
"""Where every model server listens, for HTTP and for gRPC: each pod has an address of its own."""
PORTS = {"http": PORT, "grpc": GRPC_PORT}
TRAINER_SUFFIX = "-training"
SERVING, CANARY = "serving", "canary"
"""Components: of the pods of what serves, and of what is tried beside it."""


def trainer(workload: str) -> str:
    """Name of the consumer that a workload's trainings and tasks are, and of the service account of their pods. What
    serves is the consumer of the workload's own name."""
    return f"{workload}{TRAINER_SUFFIX}"


def serving_account(workload: str) -> str:
    """Name of the service account of the pods that serve, and of those that check."""
    return f"{workload}-{SERVING}"


def training_template(workload: str) -> str:
    """Name of the suspended CronJob that trainings start from."""
    return f"{workload}-train"


def held_out_template(workload: str) -> str:
    """Name of the suspended CronJob that prints the rows a training holds out."""
    return f"{workload}-held-out"


def check_template(workload: str) -> str:
    """Name of the suspended CronJob that a model is tried with before its release."""
    return f"{workload}-check"


def signing_secret(workload: str) -> str:
    """Name of the Secret with the key by which the workload's training signs its models: key signing-key.pem."""
    return f"{workload}-signing"


def server_name(workload: str, component: str) -> str:
    """Of the Deployment and Service of what serves, and of what is tried beside it."""
    return workload if component == SERVING else f"{workload}-{component}"


def serving_repository(workload: Workload) -> str:
    """Name of the image in which a workload's models are served and checked, and of its repository in the registry."""
    return "serving" if workload.serving.format == "onnx" else f"serving-{workload.serving.format}"


def form_document(workload: Workload) -> dict[str, Any] | None:
    """Return how a training stores a model for its server; None for ONNX, which documents of before name neither."""
    if workload.serving.format == "onnx":
        return None
    return {"format": workload.serving.format, "trusted": list(workload.serving.trusted)}


def tables(workload: str, store: ObjectStore, catalog: TableCatalog | None) -> dict[str, str]:
    """Return the addresses of a workload's tables in the lake, by layer. By these it is chosen what writes them."""
    if catalog is not None:
        databases = catalog.databases.items()
        return {layer: f"{catalog.scheme}://{database}/{table_name(workload)}" for layer, database in databases}
    return {layer: store.address(role, f"{TABLES}/{workload}/{layer}") for layer, role in LAYERS.items()}


def data_document(workload: Workload, store: ObjectStore, catalog: TableCatalog | None = None) -> dict[str, Any]:
    """Return where the data set is and what it must be. Of a table the columns too: who is first to train makes it.
    From the address of a table in a catalog it does not follow where new data is brought."""
    data = workload.data
    if data.table is not None:
        addresses = tables(workload.name, store, catalog)
        incoming = store.address("raw", f"{INCOMING}/{workload.name}/")
        return {
            **({} if catalog is None else {"incoming": incoming}),
            "address": addresses[data.table],
            "version": data.version,
            "digest": data.digest,
            "columns": columns_document(workload),
            "tables": addresses,
        }
    assert data.file is not None
    return {"address": store.address("raw", data_key(workload.name, data.digest, data.file)), "digest": data.digest}


def table_columns(workload: Workload) -> list[TableColumn]:
    """Return the columns of a workload's tables in a catalog: numbers are double. Raise UserError where two would have
    the same name."""
    found: dict[str, TableColumn] = {}
    for name, column in workload.data.columns.items():
        known = catalog_name(name)
        if known in found:
            raise UserError(
                f"workload {workload.name!r}: column {name!r} would be {known!r} in Athena, as another one is: rename "
                "one of them in data.columns of its workload.yaml"
            )
        kind = "double" if column.labels is None else "string"
        found[known] = TableColumn(name=known, type=kind, optional=column.optional)
    return list(found.values())


def training_document(workload: Workload, store: ObjectStore, catalog: TableCatalog | None = None) -> dict[str, Any]:
    """Return the configuration of a training; workloads/experiment.py reads it."""
    form = form_document(workload)
    return {
        "workload": workload.name,
        "model": workload.name,
        "data": data_document(workload, store, catalog),
        "parameters": workload.parameters.model_dump(),
        **({"serving": form} if form else {}),
    }


def columns_document(workload: Workload) -> list[dict[str, Any]]:
    """What new rows must hold, in the order of the columns; workloads/incoming.py reads it."""
    return [
        {"name": name, **column.model_dump(exclude_defaults=True)} for name, column in workload.data.columns.items()
    ]


def training_job(workload: str, image_digest: str, document: Mapping[str, Any]) -> str:
    """The Job's name: the same image, data and parameters are the same training."""
    return hashed(training_template(workload), {"image": image_digest, "training": dict(document)}, limit=JOB_LIMIT)


def model_variables(pin: Pin | None) -> dict[str, str]:
    """Environment of a pod of the serving image: which model it takes. Empty in a template, for the command to fill.

    A pin that trusts no types has no variable of them: its pods stay as they were before there was one."""
    trusted = {"MODEL_TRUSTED": canonical_json(list(pin.trusted)) if pin else ""}
    return {
        "MODEL_NAME": pin.model_name if pin else "",
        "MODEL_VERSION": str(pin.model_version) if pin else "",
        "MODEL_URI": pin.model_uri if pin else "",
        "MODEL_DIGEST": pin.model_digest if pin else "",
        "MODEL_RUN": pin.run if pin else "",
        "MODEL_DATA_DIGEST": pin.data_digest if pin else "",
        "MODEL_IMAGE_DIGEST": pin.image_digest if pin else "",
        "MODEL_CONFIG_DIGEST": pin.config_digest if pin else "",
        "MODEL_SIGNATURE": pin.signature if pin else "",
        **(trusted if pin is None or pin.trusted else {}),
    }


def pinned_image(image: str, pin: Pin) -> str:
    """Return the reference of the serving image that a release pins, beside today's, whatever that one's version is:
    the same pin is the same pod. Today's for a pin of before releases pinned it."""
    return in_repository(image, pin.serving_repository, pin.serving_image) if pin.serving_image else image


def statement(pin: Pin) -> Statement:
    """Return what the training of a pinned model signed."""
    return Statement(
        model=pin.model_name,
        uri=pin.model_uri,
        digest=pin.model_digest,
        run=pin.run,
        data_digest=pin.data_digest,
        image_digest=pin.image_digest,
        config_digest=pin.config_digest,
    )


def format_of(document: str) -> Format:
    """Return how a training with this document stored its models for their server."""
    return json.loads(document or "{}").get("serving", {}).get("format", "onnx")


def model_root(workload: str, store: ObjectStore) -> str:
    """Return the address below which a workload's model files must be, each model's at its digest."""
    return store.address("artifacts", f"{MODELS}/{workload}")
