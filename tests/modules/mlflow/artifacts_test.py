"""The server's repository of artifacts, found as MLflow finds it."""

from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
from mlflow.store.artifact import s3_artifact_repo
from mlflow.store.artifact.artifact_repo import MultipartDownloadMixin, MultipartUploadMixin, PresignedUploadMixin

from modules.core.paths import REPOSITORY

FILES = REPOSITORY / "modules/mlflow/files"


class MemoryClient:
    """What MLflow uses of an S3 client, over a dictionary of (bucket, key)."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}

    def upload_file(self, *, Filename: str, Bucket: str, Key: str, ExtraArgs: Any) -> None:
        assert ExtraArgs is not None
        self.objects[Bucket, Key] = Path(Filename).read_bytes()

    def download_file(self, Bucket: str, Key: str, Filename: str, **_: Any) -> None:
        Path(Filename).write_bytes(self.objects[Bucket, Key])


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryClient:
    client = MemoryClient()

    def of(_: Any) -> MemoryClient:
        return client

    monkeypatch.setattr(s3_artifact_repo.S3ArtifactRepository, "_get_s3_client", of)
    return client


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FILES))
    points = [point for found in distributions(path=[str(FILES)]) for point in found.entry_points]
    (point,) = [point for point in points if (point.group, point.name) == ("mlflow.artifact_repository", "s3")]
    return point.load()("s3://artifacts/mlflow")


def test_clients_are_offered_no_address_of_the_store(repository: Any) -> None:
    assert not isinstance(repository, MultipartDownloadMixin | MultipartUploadMixin | PresignedUploadMixin)


def test_a_file_goes_to_the_store_and_back(repository: Any, store: MemoryClient, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    repository.log_artifact(str(tmp_path / "a.txt"), "1/run/artifacts")
    assert store.objects == {("artifacts", "mlflow/1/run/artifacts/a.txt"): b"hello"}
    repository._download_file("1/run/artifacts/a.txt", str(tmp_path / "b.txt"))
    assert (tmp_path / "b.txt").read_text() == "hello"
