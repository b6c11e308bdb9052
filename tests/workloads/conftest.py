"""A model small enough to make in a moment, and an object store in memory."""

import hashlib
import warnings
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

FEATURES = ["width", "height"]
SIZES = ["small", "small", "large", "large"]


class MemoryStore:
    """What the code uses of boto3's S3 client, over a dictionary of (bucket, key)."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.deleted: list[str] = []
        """Keys."""

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str | None = None, **_: Any) -> None:
        if IfNoneMatch == "*" and (Bucket, Key) in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self.objects[Bucket, Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": _Body(self.objects[Bucket, Key])}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        content = self.objects[Bucket, Key]
        return {"ContentLength": len(content), "ETag": f'"{hashlib.md5(content).hexdigest()}"'}

    def copy(self, source: dict[str, str], bucket: str, key: str, **_: Any) -> None:
        self.objects[bucket, key] = self.objects[source["Bucket"], source["Key"]]

    def delete_object(self, *, Bucket: str, Key: str) -> None:
        del self.objects[Bucket, Key]
        self.deleted.append(Key)

    def list_objects_v2(self, *, Bucket: str, Prefix: str, **_: Any) -> dict[str, Any]:
        keys = sorted(key for bucket, key in self.objects if bucket == Bucket and key.startswith(Prefix))
        return {"Contents": [{"Key": key} for key in keys]} if keys else {}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_objects_v2"
        store = self

        class Pages:
            def paginate(self, **query: str) -> list[dict[str, Any]]:
                return [store.list_objects_v2(**query)]

        return Pages()

    def put_folder(self, folder: Path, uri: str) -> None:
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        for path in folder.rglob("*"):
            if path.is_file():
                key = f"{prefix}/{path.relative_to(folder).as_posix()}"
                self.objects[bucket, key] = path.read_bytes()


class _Body:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self) -> bytes:
        return self.content


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved classifier of small and large things, native in MLflow's layout and as ONNX, as a training stores it."""
    folder = tmp_path_factory.mktemp("model") / "model"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries, about each other
        _save_model(folder)
    return folder


TRUSTED = ["sklearn.metrics._dist_metrics.CanberraDistance64", "sklearn.neighbors._ball_tree.BallTree"]
"""Types of the next model that skops does not trust by itself."""


@pytest.fixture(scope="session")
def skops_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of the same things that has no ONNX form, as a training stores it for its server."""
    from sklearn.neighbors import KNeighborsClassifier

    from workloads import skops_form

    folder, rows = tmp_path_factory.mktemp("skops"), _rows()
    model: Any = KNeighborsClassifier(n_neighbors=1, metric="canberra")
    model.fit(rows, SIZES)
    skops_form.add_classifier(folder, model, rows, library="scikit-learn", trusted=TRUSTED)
    return folder


def _rows() -> Any:
    import pandas as pd

    return pd.DataFrame([[1.0, 1.0], [1.5, 1.0], [8.0, 9.0], [9.0, 9.5]], columns=FEATURES)


def _save_model(folder: Path) -> None:
    from importlib.metadata import version

    import mlflow
    from sklearn.ensemble import RandomForestClassifier

    from workloads import onnx_form

    library: Any = mlflow
    rows = _rows()
    model: Any = RandomForestClassifier(n_estimators=5, random_state=1)
    model.fit(rows, SIZES)
    library.sklearn.save_model(
        model,
        str(folder),
        serialization_format="cloudpickle",
        signature=library.models.infer_signature(rows, model.predict(rows)),
        pip_requirements=[f"{name}=={version(name)}" for name in ("mlflow-skinny", "scikit-learn", "pandas")],
    )
    graph = onnx_form.from_scikit_learn(model, len(FEATURES))
    onnx_form.add_classifier(folder, model, rows, graph=graph, library="scikit-learn")


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tables of the lake are folders, below the name of their bucket."""
    from workloads import delta_tables, lake

    def in_folder(original: Any) -> Any:
        def called(address: str, *more: Any) -> Any:
            return original(address.replace("s3:/", str(tmp_path)), *more)

        return called

    monkeypatch.setattr(delta_tables, "storage_options", dict[str, str])
    for name in ("exists", "has", "create", "append", "read", "rows"):
        monkeypatch.setattr(lake, name, in_folder(getattr(lake, name)))
