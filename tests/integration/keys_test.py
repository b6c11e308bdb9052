"""What the keys of a workload's pods open in the object store, tried from those pods: what they were granted alone."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from modules.core.naming import bucket
from modules.core.releases import read_releases
from scripts.cli.clients import kubectl
from scripts.cli.clients.store import store
from scripts.cli.environment import Environment
from workloads.artifacts import keys_below, split_s3

from .conftest import STACK

TRY = """
import json, sys, boto3
from botocore.exceptions import ClientError
store = boto3.client("s3")
def came_of(operation, arguments):
    try:
        getattr(store, operation)(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "done"
print(json.dumps([came_of(*each) for each in json.loads(sys.argv[1])]))
"""
FETCH = """
import os, pathlib, tempfile
from workloads.artifacts import object_store
from workloads.server.model import ModelRefusedError, fetch, read_pin
try:
    fetch(read_pin(os.environ), object_store(), pathlib.Path(tempfile.mkdtemp()))
    print("fetched")
except ModelRefusedError as error:
    print("refused:", error)
"""
RAW, FEATURES, ARTIFACTS = (bucket(STACK, role) for role in ("raw", "features", "artifacts"))
ELSEWHERE = {
    RAW: ("incoming/rose/x", "data/rose/x", "tables/rose/x"),
    FEATURES: ("rose/x", "tables/rose/x"),
    ARTIFACTS: ("models/rose/x", "mlflow/x"),
}
"""Of another workload, or of MLflow."""
SERVING, TRAINING = ("iris", "deploy/iris"), ("iris-training", "idle-training")
Attempt = tuple[str, dict[str, Any]]


def inside(platform: Environment, place: tuple[str, str], script: str, *arguments: str) -> str:
    namespace, pod = place
    return kubectl.run(platform, "exec", "-n", f"{STACK}-{namespace}", pod, "--", "python", "-c", script, *arguments)


def tried(platform: Environment, place: tuple[str, str], attempts: list[Attempt]) -> dict[str, str]:
    """What came of requests to the store, as a pod makes them with the key that it has."""
    answers = json.loads(inside(platform, place, TRY, json.dumps(attempts)))
    return {f"{name} {asked}": answer for (name, asked), answer in zip(attempts, answers, strict=True)}


def put(where: str, key: str, **more: str) -> Attempt:
    return "put_object", {"Bucket": where, "Key": key, "Body": "x", **more}


def get(where: str, key: str) -> Attempt:
    return "get_object", {"Bucket": where, "Key": key}


def listing(where: str, prefix: str) -> Attempt:
    return "list_objects_v2", {"Bucket": where, "Prefix": prefix}


def delete(where: str, key: str, **more: str) -> Attempt:
    return "delete_object", {"Bucket": where, "Key": key, **more}


@pytest.fixture(scope="module")
def admin(platform: Environment) -> Iterator[Any]:
    """The administrator's client. Other workloads, and MLflow, have objects."""
    client = store(platform)
    for where, keys in ELSEWHERE.items():
        for key in keys:
            client.put_object(Bucket=where, Key=key, Body=b"theirs")
    yield client
    for where, keys in ELSEWHERE.items():
        for key in keys:
            remove(client, where, key)


def versions_of(client: Any, where: str, key: str) -> list[str]:
    """Of an object, the newest first."""
    listed = client.list_object_versions(Bucket=where, Prefix=key)
    found = [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]
    return [each["VersionId"] for each in sorted(found, key=lambda each: each["LastModified"], reverse=True)]


def remove(client: Any, where: str, prefix: str) -> None:
    for key in list(keys_below(client, where, prefix)):
        for version in versions_of(client, where, key):
            client.delete_object(Bucket=where, Key=key, VersionId=version)


@pytest.fixture
def model(platform: Environment) -> tuple[str, str]:
    """(bucket, key) of a file of the model that serves."""
    where, prefix = split_s3(read_releases(STACK)["iris"].model_uri)
    key = next(key for key in keys_below(store(platform), where, f"{prefix}/") if key.endswith("/MLmodel"))
    return where, key


@pytest.mark.usefixtures("admin")
def test_a_model_server_reads_the_models_of_its_workload_and_nothing_else(
    platform: Environment, model: tuple[str, str]
) -> None:
    where, key = model
    assert set(tried(platform, SERVING, [get(where, key), listing(where, "models/iris/")]).values()) == {"done"}
    refused = [
        *(put(bucket, key) for bucket, keys in ELSEWHERE.items() for key in keys),
        *(get(bucket, key) for bucket, keys in ELSEWHERE.items() for key in keys),
        *(put(RAW, key) for key in ("incoming/iris/x", "current/iris.json", "data/iris/x/iris.csv")),
        *(listing(RAW, prefix) for prefix in ("", "incoming/iris/", "data/iris/")),
        *(listing(ARTIFACTS, prefix) for prefix in ("", "mlflow/", "models/", "models/rose/")),
        put(FEATURES, "iris/x"),
        put(where, key),
        put(where, "models/iris/new/MLmodel"),
        delete(where, key),
        ("copy_object", {"Bucket": RAW, "Key": "incoming/iris/x", "CopySource": {"Bucket": where, "Key": key}}),
    ]
    came_of = tried(platform, SERVING, refused)
    assert set(came_of.values()) == {"AccessDenied"}, came_of


@pytest.mark.usefixtures("training")
def test_a_training_reads_and_writes_below_its_workloads_name_and_nowhere_else(
    platform: Environment, admin: Any
) -> None:
    own = [
        *(put(RAW, key) for key in ("incoming/iris/x", "accepted/iris/probe/x", "quarantine/iris/probe/x")),
        *(put(where, key) for where, key in ((RAW, "data/iris/probe/x"), (ARTIFACTS, "models/iris/probe/x"))),
        *(put(FEATURES, key) for key in ("iris/probe/x", "tables/iris/probe/x")),
        get(RAW, "data/iris/probe/x"),
        listing(RAW, "incoming/iris/"),
        delete(RAW, "incoming/iris/x"),
    ]
    came_of = tried(platform, TRAINING, own)
    assert set(came_of.values()) == {"done"}, came_of
    refused = [
        *(put(bucket, key) for bucket, keys in ELSEWHERE.items() for key in keys),
        *(get(bucket, key) for bucket, keys in ELSEWHERE.items() for key in keys),
        *(delete(bucket, key) for bucket, keys in ELSEWHERE.items() for key in keys),
        delete(FEATURES, "tables/iris/probe/x"),
        *(listing(RAW, prefix) for prefix in ("", "data/", "tables/", "incoming/", "incoming/rose/")),
        *(put(RAW, key) for key in ("current/rose.json", "sha256/x/iris.csv", "elsewhere")),
        ("copy_object", {"Bucket": RAW, "Key": "data/iris/x", "CopySource": {"Bucket": RAW, "Key": "data/rose/x"}}),
        ("put_bucket_versioning", {"Bucket": RAW, "VersioningConfiguration": {"Status": "Suspended"}}),
        ("put_bucket_policy", {"Bucket": RAW, "Policy": "{}"}),
    ]
    came_of = tried(platform, TRAINING, refused)
    assert set(came_of.values()) == {"AccessDenied"}, came_of
    for where, prefix in ((RAW, "accepted/iris/probe/"), (RAW, "quarantine/iris/probe/"), (RAW, "data/iris/probe/")):
        remove(admin, where, prefix)
    remove(admin, FEATURES, "iris/probe/")
    remove(admin, FEATURES, "tables/iris/probe/")
    remove(admin, ARTIFACTS, "models/iris/probe/")


@pytest.mark.usefixtures("training")
def test_a_training_deletes_nothing_that_is_addressed_by_its_content_and_adds_to_it_once(
    platform: Environment, admin: Any, model: tuple[str, str]
) -> None:
    where, key = model
    (version,) = versions_of(admin, where, key)
    added = put(RAW, f"data/iris/{hashlib.sha256(b'x').hexdigest()}/x", IfNoneMatch="*")
    attempts = [added, added, delete(where, key), delete(where, key, VersionId=version)]
    assert list(tried(platform, TRAINING, attempts).values())[-3:] == ["PreconditionFailed", *["AccessDenied"] * 2]
    assert versions_of(admin, where, key) == [version]
    remove(admin, RAW, added[1]["Key"])


@pytest.mark.usefixtures("training")
def test_what_a_training_writes_over_a_model_is_refused_by_its_servers_and_the_model_is_kept(
    platform: Environment, admin: Any, model: tuple[str, str]
) -> None:
    """The store has nothing that would keep a key from writing where it may write (docs/workloads.md)."""
    where, key = model
    (version,) = versions_of(admin, where, key)
    assert inside(platform, SERVING, FETCH).strip() == "fetched"
    try:
        assert set(tried(platform, TRAINING, [put(where, key)]).values()) == {"done"}
        assert "were changed after training: not served" in inside(platform, SERVING, FETCH)
    finally:
        for newer in versions_of(admin, where, key):
            if newer != version:
                admin.delete_object(Bucket=where, Key=key, VersionId=newer)
    assert inside(platform, SERVING, FETCH).strip() == "fetched"
