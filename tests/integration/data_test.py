"""Object store and database on the running platform: who may do what, and what is kept."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modules.core.contracts import ROLES
from modules.core.naming import bucket, namespace
from modules.core.paths import REPOSITORY
from modules.storage.documents import bucket_document
from modules.storage.service import STORAGE
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment

from .s3 import remove_versions, s3_client

EXTRA = "data-test-extra"
PROBES = "quarantine/iris/data-test/"
"""Below which a training of iris may store something that nothing else looks at."""


def client(platform: Environment, secret: dict[str, str]) -> Any:
    address = f"http://127.0.0.1:{platform.settings.ports()['storage']}"
    return s3_client(address, secret["access-key-id"], secret["secret-access-key"])


def secret(platform: Environment, consumer: str, name: str) -> dict[str, str]:
    found = kubectl.secret(platform, namespace(platform.stack, consumer), name)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def admin(platform: Environment) -> Any:
    return client(platform, secret(platform, "storage", "s3-admin"))


@pytest.fixture(scope="module")
def trainer(platform: Environment) -> Any:
    """As a training of training."""
    return client(platform, secret(platform, "iris-training", "s3-credentials"))


@pytest.fixture
def marker(admin: Any, platform: Environment) -> Iterator[bytes]:
    """Bytes that were just stored as `marker` below PROBES in the raw bucket."""
    content, name = base64.b16encode(os.urandom(32)), bucket(platform.stack, "raw")
    admin.put_object(Bucket=name, Key=f"{PROBES}marker", Body=content)
    yield content
    remove_versions(admin, name, PROBES)


def make_buckets(platform: Environment, document: dict[str, Any], folder: Path) -> str:
    """Runs the bucket Job's own script from here; returns what it reports."""
    (folder / "document.json").write_text(json.dumps(document))
    credentials = folder / "credentials"
    credentials.touch(mode=0o600)
    credentials.write_text(secret(platform, "storage", "s3-admin")["credentials"])
    variables = {**platform.process_environment(), "AWS_SHARED_CREDENTIALS_FILE": str(credentials)}
    command = [sys.executable, str(REPOSITORY / "modules/storage/files/buckets.py"), str(folder / "document.json")]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout


def test_buckets_are_versioned_encrypted_and_expire_as_the_settings_say(admin: Any, platform: Environment) -> None:
    names = {role: bucket(platform.stack, role) for role in ROLES}
    for described in bucket_document(platform.settings.of(STORAGE).buckets, names)["buckets"]:
        name = described["name"]
        assert admin.get_bucket_versioning(Bucket=name).get("Status", "Suspended") == described["versioning"]
        assert admin.get_bucket_lifecycle_configuration(Bucket=name)["Rules"] == described["lifecycle"]


def test_what_is_stored_is_unreadable_on_the_volume(marker: bytes, trainer: Any, platform: Environment) -> None:
    stored = trainer.get_object(Bucket=bucket(platform.stack, "raw"), Key=f"{PROBES}marker")
    assert (stored["Body"].read(), stored["ServerSideEncryption"]) == (marker, "AES256")
    search = f"grep -rlaF {marker.decode()} /data || true"
    place = ("-n", namespace(platform.stack, "storage"), "storage-server-0", "--", "sh", "-c")
    assert kubectl.run(platform, "exec", *place, search) == ""
    assert kubectl.run(platform, "exec", *place, "grep -rlaF data-test /data").strip()  # names are not hidden


def test_a_consumer_can_do_what_it_was_granted_and_nothing_else(
    marker: bytes, trainer: Any, platform: Environment
) -> None:
    raw, artifacts, logs = (bucket(platform.stack, role) for role in ("raw", "artifacts", "logs"))
    trainer.put_object(Bucket=raw, Key=f"{PROBES}own", Body=marker)
    trainer.list_objects_v2(Bucket=artifacts, Prefix="models/iris/")
    refused: list[tuple[str, dict[str, Any]]] = [
        ("put_object", {"Bucket": artifacts, "Key": "x", "Body": b"x"}),
        ("list_objects_v2", {"Bucket": logs}),
        ("put_bucket_versioning", {"Bucket": raw, "VersioningConfiguration": {"Status": "Suspended"}}),
        ("delete_bucket", {"Bucket": raw}),
        ("create_bucket", {"Bucket": EXTRA}),
    ]
    for operation, arguments in refused:
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(trainer, operation)(**arguments)


def test_a_bucket_that_left_the_document_is_deleted_only_when_empty(
    admin: Any, platform: Environment, tmp_path: Path
) -> None:
    names = {role: bucket(platform.stack, role) for role in ROLES}
    document = bucket_document(platform.settings.of(STORAGE).buckets, names)
    more = {"buckets": [*document["buckets"], {**document["buckets"][0], "name": EXTRA}]}
    assert f"{EXTRA}: created" in make_buckets(platform, more, tmp_path)
    assert make_buckets(platform, more, tmp_path) == "nothing to change\n"
    admin.put_object(Bucket=EXTRA, Key="precious", Body=b"1")
    admin.delete_object(Bucket=EXTRA, Key="precious")
    assert f"{EXTRA}: KEPT" in make_buckets(platform, document, tmp_path)  # a noncurrent version is something
    remove_versions(admin, EXTRA)
    assert f"{EXTRA}: deleted" in make_buckets(platform, document, tmp_path)
    assert make_buckets(platform, document, tmp_path) == "nothing to change\n"


@pytest.mark.parametrize(
    ("login", "output"),
    [("-U postgres -d postgres", "no password supplied"), ("-U mlflow -d mlflow", "no password supplied")],
)
def test_the_database_lets_nobody_in_without_a_password(platform: Environment, login: str, output: str) -> None:
    place = ("-n", namespace(platform.stack, "database"), "database-server-0", "--", "sh", "-c")
    assert output in kubectl.run(platform, "exec", *place, f"psql -w -h 127.0.0.1 {login} -c 'select 1' 2>&1 || true")


def test_a_consumers_role_owns_its_database_and_no_more(platform: Environment) -> None:
    password = secret(platform, "mlflow", "database-credentials")["password"]
    place = ("exec", "-i", "-n", namespace(platform.stack, "database"), "database-server-0", "--", "sh", "-c")
    rights = "select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = current_user"
    login = "export PGHOST=127.0.0.1 PGUSER=mlflow; read -r PGPASSWORD; export PGPASSWORD"
    own, others = f"psql -d mlflow -Atc '{rights}'", "psql -d postgres -c 'create table t ()' 2>&1 || true"
    answer = kubectl.run(platform, *place, f"{login}; {own}; {others}", stdin=f"{password}\n")
    assert answer.splitlines()[0] == "f|f|f"
    assert "permission denied" in answer
