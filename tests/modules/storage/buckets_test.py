"""The script that makes the buckets, against a store in memory."""

import runpy
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modules.core.contracts import ROLES
from modules.core.paths import REPOSITORY
from modules.storage.documents import bucket_document
from modules.storage.settings import BucketSettings, BucketsSettings

SCRIPT = runpy.run_path(str(REPOSITORY / "modules/storage/files/buckets.py"), run_name="script")
apply: Callable[[Any, list[dict[str, Any]]], list[str]] = SCRIPT["apply"]
DOCUMENT = bucket_document(BucketsSettings(), {role: f"local-{role}" for role in ROLES})["buckets"]
CODES = {
    "lifecycle": "NoSuchLifecycleConfiguration",
    "tagging": "NoSuchTagSet",
    "encryption": "ServerSideEncryptionConfigurationNotFoundError",
}


class Store:
    """What the script uses of S3. `writes` counts the calls that change something."""

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, dict[str, list[str]]] = {}
        self.writes: list[str] = []

    def list_buckets(self) -> dict[str, Any]:
        return {"Buckets": [{"Name": name} for name in self.buckets]}

    def create_bucket(self, *, Bucket: str) -> None:
        self.writes.append(f"create {Bucket}")
        self.buckets[Bucket] = {}

    def delete_bucket(self, *, Bucket: str) -> None:
        self.writes.append(f"delete {Bucket}")
        del self.buckets[Bucket]

    def _put(self, name: str, kind: str, value: Any) -> None:
        self.writes.append(f"{kind} {name}")
        self.buckets[name][kind] = value

    def _get(self, name: str, kind: str, key: str) -> dict[str, Any]:
        if kind not in self.buckets[name]:
            raise ClientError({"Error": {"Code": CODES[kind]}}, kind)
        return {key: self.buckets[name][kind]}

    def put_bucket_tagging(self, *, Bucket: str, Tagging: Any) -> None:
        self._put(Bucket, "tagging", Tagging["TagSet"])

    def get_bucket_tagging(self, *, Bucket: str) -> dict[str, Any]:
        return self._get(Bucket, "tagging", "TagSet")

    def put_bucket_lifecycle_configuration(self, *, Bucket: str, LifecycleConfiguration: Any) -> None:
        self._put(Bucket, "lifecycle", LifecycleConfiguration["Rules"])

    def get_bucket_lifecycle_configuration(self, *, Bucket: str) -> dict[str, Any]:
        return self._get(Bucket, "lifecycle", "Rules")

    def put_bucket_encryption(self, *, Bucket: str, ServerSideEncryptionConfiguration: Any) -> None:
        self._put(Bucket, "encryption", ServerSideEncryptionConfiguration)

    def get_bucket_encryption(self, *, Bucket: str) -> dict[str, Any]:
        return self._get(Bucket, "encryption", "ServerSideEncryptionConfiguration")

    def put_bucket_versioning(self, *, Bucket: str, VersioningConfiguration: Any) -> None:
        self._put(Bucket, "versioning", VersioningConfiguration)

    def get_bucket_versioning(self, *, Bucket: str) -> dict[str, Any]:
        return self.buckets[Bucket].get("versioning", {})

    def list_objects_v2(self, *, Bucket: str, **_: Any) -> dict[str, Any]:
        return self._contents(Bucket, "Contents")

    def list_object_versions(self, *, Bucket: str, **_: Any) -> dict[str, Any]:
        return self._contents(Bucket, "Versions", "DeleteMarkers")

    def list_multipart_uploads(self, *, Bucket: str) -> dict[str, Any]:
        return self._contents(Bucket, "Uploads")

    def _contents(self, name: str, *kinds: str) -> dict[str, Any]:
        return {k: v for k, v in self.contents.get(name, {}).items() if k in kinds}


@pytest.fixture
def store() -> Store:
    return Store()


def test_buckets_are_made_as_the_document_says(store: Store) -> None:
    apply(store, DOCUMENT)
    assert set(store.buckets) == {bucket["name"] for bucket in DOCUMENT}
    assert store.buckets["local-raw"]["versioning"] == {"Status": "Enabled"}
    assert "versioning" not in store.buckets["local-logs"]
    rule = store.buckets["local-raw"]["encryption"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_a_second_run_changes_nothing(store: Store) -> None:
    apply(store, DOCUMENT)
    store.writes.clear()
    assert apply(store, DOCUMENT) == ["nothing to change"]
    assert store.writes == []


def test_only_what_differs_is_changed(store: Store) -> None:
    apply(store, DOCUMENT)
    store.writes.clear()
    changed = BucketsSettings(raw=BucketSettings(noncurrent_expiration_days=2))
    apply(store, bucket_document(changed, {role: f"local-{role}" for role in ROLES})["buckets"])
    assert store.writes == ["lifecycle local-raw"]


def test_a_run_that_was_cut_short_is_finished_by_the_next(store: Store) -> None:
    store.create_bucket(Bucket="local-raw")
    apply(store, DOCUMENT)
    assert store.buckets["local-raw"].keys() == {"tagging", "versioning", "lifecycle", "encryption"}


def test_an_empty_bucket_that_left_the_document_is_deleted(store: Store) -> None:
    apply(store, DOCUMENT)
    assert apply(store, DOCUMENT[:3]) == ["local-logs: deleted, it was empty and is no longer in the document"]


@pytest.mark.parametrize("kind", ["Contents", "Versions", "DeleteMarkers", "Uploads"])
def test_a_bucket_that_holds_anything_is_kept_and_reported(store: Store, kind: str) -> None:
    apply(store, DOCUMENT)
    store.contents["local-logs"] = {kind: ["something"]}
    (line,) = apply(store, DOCUMENT[:3])
    assert line.startswith("local-logs: KEPT")
    assert "local-logs" in store.buckets


def test_a_bucket_that_someone_else_made_is_left_alone(store: Store) -> None:
    store.create_bucket(Bucket="someones")
    apply(store, DOCUMENT)
    assert "someones" in store.buckets
