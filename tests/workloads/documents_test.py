import json
from typing import Any

import pytest

from modules.core.contracts import LAYERS, Reach, TableCatalog, TableColumn
from modules.core.errors import UserError
from modules.core.releases import Pin
from tests.neighbours import store
from workloads import catalog
from workloads.artifacts import split_s3
from workloads.documents import (
    columns_document,
    format_of,
    model_variables,
    pinned_image,
    serving_repository,
    statement,
    table_columns,
    trainer,
    training_document,
    training_job,
)
from workloads.server.model import read_pin
from workloads.service import members
from workloads.settings import Column, Workload, WorkloadSettings

STORE = store()
CATALOG = TableCatalog(
    scheme="glue",
    reach=Reach(port=443, ranges=("52.94.0.0/22",)),
    databases={layer: f"groundwork_dev_{layer}" for layer in LAYERS},
)
IMAGE = "sha256:" + "1" * 64
PIN = Pin(
    release=1,
    model_name="iris",
    model_version=2,
    model_uri="s3://b/k",
    model_digest=IMAGE,
    run="r",
    data_digest="sha256:d",
    image_digest="sha256:i",
    config_digest="sha256:c",
    signature="s",
)


def document() -> dict[str, Any]:
    return training_document(catalog.load("iris"), STORE)


def test_a_data_set_is_addressed_by_its_content() -> None:
    data = document()["data"]
    assert data["address"] == f"s3://local-raw/data/iris/{data['digest'].removeprefix('sha256:')}/iris.csv"


def test_the_same_training_has_the_same_name() -> None:
    assert training_job("iris", IMAGE, document()) == training_job("iris", IMAGE, dict(reversed(document().items())))


@pytest.mark.parametrize("key", ["image", "data", "parameters"])
def test_another_image_data_set_or_parameter_is_another_training(key: str) -> None:
    image, other = IMAGE, document()
    if key == "image":
        image = "sha256:" + "2" * 64
    elif key == "data":
        other["data"]["digest"] = "sha256:" + "2" * 64
    else:
        other["parameters"]["seed"] += 1
    name = training_job("iris", image, other)
    assert name.startswith("iris-train-")
    assert name != training_job("iris", IMAGE, document())


def test_a_template_names_no_model() -> None:
    assert set(model_variables(None).values()) == {""}
    assert model_variables(PIN) == {
        "MODEL_NAME": "iris",
        "MODEL_VERSION": "2",
        "MODEL_URI": "s3://b/k",
        "MODEL_DIGEST": IMAGE,
        "MODEL_RUN": "r",
        "MODEL_DATA_DIGEST": "sha256:d",
        "MODEL_IMAGE_DIGEST": "sha256:i",
        "MODEL_CONFIG_DIGEST": "sha256:c",
        "MODEL_SIGNATURE": "s",
    }


def test_a_pin_that_trusts_types_says_which() -> None:
    variables = model_variables(PIN.model_copy(update={"trusted": ("a.B", "a.C")}))
    assert variables["MODEL_TRUSTED"] == '["a.B","a.C"]'
    assert variables.keys() == model_variables(None).keys()


def test_a_training_for_skops_is_another_one_than_for_onnx() -> None:
    workload = catalog.load("neighbours")
    found = training_document(workload, STORE)
    assert found["serving"] == {"format": "skops", "trusted": workload.serving.trusted}
    assert "serving" not in document()  # its name is that of before there were formats
    assert (format_of(json.dumps(found)), format_of(json.dumps(document())), format_of("")) == ("skops", "onnx", "onnx")


@pytest.mark.parametrize(("name", "repository"), [("iris", "serving"), ("neighbours", "serving-skops")])
def test_the_format_decides_on_the_image_that_serves(name: str, repository: str) -> None:
    assert serving_repository(catalog.load(name)) == repository


@pytest.mark.parametrize(
    ("pinned", "image"),
    [
        ({}, "host:5000/ml/serving-skops:1@sha256:9"),
        ({"serving_image": IMAGE}, f"host:5000/ml/serving@{IMAGE}"),
        (
            {"serving_image": IMAGE, "serving_repository": "serving-skops"},
            f"host:5000/ml/serving-skops@{IMAGE}",
        ),
    ],
)
def test_a_pin_runs_in_its_own_repository_beside_that_of_todays_image(pinned: dict[str, str], image: str) -> None:
    assert pinned_image("host:5000/ml/serving-skops:1@sha256:9", PIN.model_copy(update=pinned)) == image


def test_what_a_server_verifies_is_what_the_host_verifies() -> None:
    """Of the same pin: by its variables, and by its fields."""
    read = read_pin({**model_variables(PIN), "MODEL_PUBLIC_KEY": "k", "MODEL_ROOT": "s3://b"})
    assert (read.statement, read.signature) == (statement(PIN), "s")


def test_the_document_of_a_table_has_its_version_its_columns_and_the_tables_beside_it() -> None:
    workload = catalog.load("screening")
    data = training_document(workload, STORE)["data"]
    assert (data["address"], data["version"]) == ("s3://local-features/tables/screening/features", 0)
    assert data["columns"] == columns_document(workload)
    assert data["tables"] == {
        "raw": "s3://local-raw/tables/screening/raw",
        "curated": "s3://local-features/tables/screening/curated",
        "features": "s3://local-features/tables/screening/features",
    }
    assert document()["data"].keys() == {"address", "digest"}  # its name is that of before there were tables


def test_the_document_of_a_table_in_a_catalog_names_its_database_and_where_new_data_is_brought() -> None:
    data = training_document(catalog.load("screening"), STORE, CATALOG)["data"]
    assert data["address"] == "glue://groundwork_dev_features/screening"
    assert data["tables"] == {layer: f"glue://groundwork_dev_{layer}/screening" for layer in LAYERS}
    assert data["incoming"] == "s3://local-raw/incoming/screening/"
    assert document() == training_document(catalog.load("iris"), STORE, CATALOG)


def with_columns(*names: str) -> Workload:
    workload = catalog.load("screening")
    columns = {name: Column(minimum=0, maximum=1) for name in names} | {"Kind": Column(labels=["a"], optional=True)}
    return workload.model_copy(update={"data": workload.data.model_copy(update={"columns": columns})})


def test_columns_have_names_in_a_catalog_that_athena_can_write() -> None:
    assert table_columns(with_columns("Width (cm)")) == [
        TableColumn(name="width_cm_", type="double", optional=False),
        TableColumn(name="kind", type="string", optional=True),
    ]


def test_columns_that_athena_could_not_tell_apart_are_refused() -> None:
    problem = "workload 'screening': column 'a-b' would be 'a_b' in Athena, as another one is"
    with pytest.raises(UserError, match=problem):
        table_columns(with_columns("a b", "a-b"))


def test_tables_are_where_the_training_may_add_to_them() -> None:
    grants = members({"screening": WorkloadSettings()})[trainer("screening")].buckets
    for address in training_document(catalog.load("screening"), STORE)["data"]["tables"].values():
        bucket, key = split_s3(address)
        assert f"{key}/".startswith(tuple(grants["raw" if bucket == "local-raw" else "features"].add))
