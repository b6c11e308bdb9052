from typing import Any

import pytest

from modules.core.releases import Pin
from tests.neighbours import store
from workloads import catalog
from workloads.documents import model_variables, statement, training_document, training_job
from workloads.server.model import read_pin

STORE = store()
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


def test_what_a_server_verifies_is_what_the_host_verifies() -> None:
    """Of the same pin: by its variables, and by its fields."""
    read = read_pin({**model_variables(PIN), "MODEL_PUBLIC_KEY": "k", "MODEL_ROOT": "s3://b"})
    assert (read.statement, read.signature) == (statement(PIN), "s")
