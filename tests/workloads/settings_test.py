from typing import Any

import pytest

from modules.core.errors import UserError
from modules.core.settings import validated
from workloads import catalog
from workloads.settings import Workload, WorkloadSettings

IRIS = catalog.load("iris").model_dump()


def changed(path: str, value: Any) -> dict[str, Any]:
    """The iris workload with one value replaced, or added."""
    *groups, last = path.split(".")
    document = catalog.load("iris").model_dump()
    place: Any = document
    for group in groups:
        place = place[group]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "wine"),
        ("parameters.seed", 0),
        ("parameters.test_size", 0.01),
        ("parameters.models", {"SVC": {"C": 1.0, "shrinking": True, "kernel": "rbf", "max_iter": None}}),
        ("serving.example", {"x": 1}),
        ("serving.format", "onnx"),
        ("serving.format", "skops"),
        ("serving.trusted", []),
        ("serving", {"format": "skops", "trusted": ["sklearn.tree._tree.Tree"], "example": {"x": 1}}),
        ("data.columns.colour", {"labels": ["blue", "white"]}),
        ("data.columns.sepal_length", {"minimum": -1, "maximum": 1.5}),
        ("images.training", "training-lake"),
        ("data.columns.colour", {"labels": ["blue"], "optional": False}),
    ],
)
def test_a_workload_is_accepted(path: str, value: Any) -> None:
    validated(Workload, changed(path, value), source="workload.yaml", prefix="")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("names", "iris", "names: unknown key; did you mean 'name'?"),
        ("parameters.sed", 1, "parameters.sed: unknown key; did you mean 'seed'?"),
        ("name", "Iris", "name is 'Iris'"),
        ("name", "a-name-of-21-characters", "name is 'a-name-of-21-characters'"),
        ("data.digest", "sha256:12", "data.digest is 'sha256:12'"),
        ("data.file", "../iris.csv", "data.file is '../iris.csv'"),
        ("data.file", None, "say file for a data set in a file, or table and version for one in the lake"),
        ("data.table", "features", "say file for a data set in a file, or table and version for one in the lake"),
        ("data.table", "raw", "data.table is 'raw'"),
        ("data.version", 0, "table is None and version is 0: a table needs one, a file has none"),
        ("data.version", -1, "data.version is -1"),
        ("data.columns.x", {"labels": ["a"], "optional": True}, "columns ['x'] are optional, but a file has all"),
        ("data.columns", {}, "data.columns is {}"),
        ("data.columns.x", {"minimum": 2}, "say minimum and maximum for numbers, or labels for texts"),
        ("data.columns.x", {"minimum": 2, "maximum": 1}, "minimum 2.0 is greater than maximum 1.0"),
        ("data.columns.x", {"minimum": 1, "maximum": 2, "labels": ["a"]}, "not both"),
        ("data.columns.x", {"labels": []}, "data.columns.x.labels is []"),
        ("data.columns.x", {"labels": ["a", "b\rc"]}, "label 'b\\rc' is not of printable characters alone"),
        ("data.columns", {"a,b": {"labels": ["a"]}}, "columns holds 'a,b': a name is of printable characters"),
        ("data.columns", {"a\nb": {"labels": ["a"]}}, "columns holds 'a\\nb': a name is of printable"),
        ("parameters.seed", -1, "parameters.seed is -1"),
        ("parameters.seed", "1", "parameters.seed is '1'"),
        ("parameters.seed", 2**32, "parameters.seed is 4294967296"),
        ("parameters.test_size", 0, "parameters.test_size is 0"),
        ("parameters.test_size", 1, "parameters.test_size is 1"),
        ("parameters.models", {}, "parameters.models is {}"),
        ("parameters.models", {"SVC": {"C": [1]}}, "parameters.models.SVC.C"),
        ("serving.example", {"x": "wide"}, "serving.example.x is 'wide'"),
        ("serving.format", "pickle", "serving.format is 'pickle'"),
        ("serving.trusted", ["a.B"], "a model of the format onnx has no types: remove trusted, or say format: skops"),
        ("serving.trusted", True, "serving.trusted is True"),
        ("serving.trusted", "a.B", "serving.trusted is 'a.B'"),
        ("serving.trusted", ["Tree"], "serving.trusted.0 is 'Tree'"),
        ("serving.trusted", ["a.*"], "serving.trusted.0 is 'a.*'"),
        ("serving.trusts", ["a.B"], "serving.trusts: unknown key; did you mean 'trusted'?"),
    ],
)
def test_a_wrong_workload_is_refused_with_key_path_and_value(path: str, value: Any, message: str) -> None:
    with pytest.raises(UserError) as refused:
        validated(Workload, changed(path, value), source="workloads/iris/workload.yaml", prefix="")
    assert message in str(refused.value)
    assert "workloads/iris/workload.yaml" in str(refused.value)


def table(**data: Any) -> dict[str, Any]:
    """The workload of the lake, with other data."""
    document = catalog.load("screening").model_dump()
    return {**document, "data": {**document["data"], **data}}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"table": "curated", "version": 12},
        {"columns": {"x": {"labels": ["a"], "optional": True}, "y": {"minimum": 0, "maximum": 1}}},
    ],
)
def test_data_in_a_table_is_accepted(data: dict[str, Any]) -> None:
    validated(Workload, table(**data), source="workload.yaml", prefix="")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (table(version=None), "table is features and version is None: a table needs one, a file has none"),
        (table(version="newest"), "data.version is 'newest'"),
        (
            table(columns={"x": {"labels": ["a"]}, "X": {"labels": ["a"]}}),
            "columns ['x', 'X'] differ in capitals only, and are one column of a table: rename one",
        ),
        (table(file="screening.csv"), "say file for a data set in a file, or table and version for one in the lake"),
        (
            {**table(), "images": {"training": "training"}},
            "data.table is features, but images.training is training, which knows no tables: set images.training: "
            "training-lake",
        ),
    ],
)
def test_wrong_data_in_a_table_is_refused(document: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as refused:
        validated(Workload, document, source="workloads/screening/workload.yaml", prefix="")
    assert message in str(refused.value)


@pytest.mark.parametrize("key", sorted(IRIS.keys() - {"images", "tasks"}))
def test_every_key_of_a_workload_but_its_images_and_tasks_is_needed(key: str) -> None:
    document = {name: value for name, value in IRIS.items() if name != key}
    with pytest.raises(UserError, match=f"{key}: missing"):
        validated(Workload, document, source="workload.yaml", prefix="")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"replicas": 20, "local_port": 1024},
        {"local_port": None},
        {"serving": {"limits": {"memory": "1Gi"}}},
        {"serving": {"requests": {"memory": "160Mi"}, "limits": {"memory": "160Mi"}}},
        {"training": {"requests": {"cpu": "1", "memory": "320Mi"}, "limits": {"memory": "320Mi"}}},
    ],
)
def test_settings_of_a_workload_are_accepted(values: dict[str, Any]) -> None:
    validated(WorkloadSettings, values, source="stack")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"replica": 1}, "groundwork:replica: unknown key; did you mean 'replicas'?"),
        ({"replicas": 0}, "groundwork:replicas is 0"),
        ({"replicas": 21}, "groundwork:replicas is 21"),
        ({"replicas": "2"}, "groundwork:replicas is '2'"),
        ({"replicas": True}, "groundwork:replicas is True"),
        ({"local_port": 80}, "groundwork:local_port is 80"),
        ({"local_port": 65536}, "groundwork:local_port is 65536"),
        ({"serving": {"limits": {"memory": "100MB"}}}, "groundwork:serving.limits.memory is '100MB'"),
        ({"serving": {"requests": {"memory": "64Mi"}, "limits": {"memory": "128Mi"}}}, "128Mi is less than 160Mi"),
        ({"training": {"requests": {"memory": "64Mi"}, "limits": {"memory": "160Mi"}}}, "160Mi is less than 320Mi"),
        ({"training": {"requests": {"cpu": "4"}}}, "limits.cpu 1 is less than requests.cpu 4"),
    ],
)
def test_wrong_settings_of_a_workload_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as refused:
        validated(WorkloadSettings, values, source="stacks/Pulumi.local.yaml")
    assert message in str(refused.value)
