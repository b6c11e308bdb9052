"""What is reported of somebody else's object store before anything is made, by what an S3 API answers."""

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, SSLError

from modules.storage.external_settings import ExternalStoreSettings
from scripts.cli.lifecycle.down import Down
from scripts.cli.lifecycle.preflight import object_store
from scripts.cli.lifecycle.preflight.object_store import check, of_store, unreachable
from tests.scripts.cli.fakes import always, stack
from tests.stacks.foundation.own_data_test import ADMIN, ADMIN_PASSWORD, ROLES, SECRET, STORE, settings

GIVEN = ExternalStoreSettings.model_validate({**STORE, "region": "eu"})
KEY = "groundwork:foundation.storage"


class Store:
    """An S3 API that lets a key list and write, and refuses what a test names, by call and bucket."""

    def __init__(self, region: str = "eu", **refusals: Any) -> None:
        self.region = region
        self.refusals = refusals
        self.uploads: list[str] = []

    def _answer(self, call: str, bucket: str) -> dict[str, Any]:
        refused = self.refusals.get(call)
        if isinstance(refused, Exception):
            raise refused
        if refused and (refused[1] in {bucket, "*"}):
            raise error(refused[0])
        headers = {"x-amz-bucket-region": self.region}
        return {"UploadId": "1", "ResponseMetadata": {"HTTPHeaders": headers}}

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, Any]:
        assert (Prefix.count("/"), MaxKeys) == (2, 1)
        return self._answer("list", Bucket)

    def create_multipart_upload(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        answer = self._answer("write", Bucket)
        self.uploads.append(Key)
        return answer

    def abort_multipart_upload(self, *, Bucket: str, Key: str, UploadId: str) -> None:
        assert (Bucket in {"lake", "models"}, UploadId) == (True, "1")
        self.uploads.remove(Key)


def error(code: str, **headers: str) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPHeaders": headers}}
    return ClientError(response, "ListObjectsV2")


def test_what_can_be_used_is_left_as_it_was() -> None:
    store = Store()
    (finding,) = of_store(GIVEN, "team", store)
    assert finding.state == "ok"
    assert finding.detail == "https://s3.example:9000: AKIA reads and writes lake, models, below team/"
    assert store.uploads == []


LATE = error("RequestTimeTooSkewed", date=format_datetime(datetime.now(UTC) - timedelta(minutes=40_000)))


@pytest.mark.parametrize(
    ("store", "message"),
    [
        (Store(list=("InvalidAccessKeyId", "*")), f"{KEY}.access_key_id is 'AKIA': the store knows no such key"),
        (
            Store(list=("SignatureDoesNotMatch", "*")),
            "groundwork:storage_secret_key is not the secret of",
        ),
        (Store(list=LATE), "the clock of this machine and the store's differ by 40"),
        (
            Store(list=("NoSuchBucket", "models")),
            f"{KEY}.buckets.artifacts is 'models': there is no such bucket",
        ),
        (
            Store(list=("AccessDenied", "models")),
            f"{KEY}.buckets.artifacts is 'models': the access key may not",
        ),
        (Store(write=("AccessDenied", "models")), "the access key may not write below team/artifacts/: allow AKIA"),
        (Store(region="us-west-2"), f"{KEY}.region is 'eu', but bucket lake is in us-west-2: set the region"),
        (
            Store(list=error("PermanentRedirect", **{"x-amz-bucket-region": "us-west-2"})),
            "is in us-west-2: set the region",
        ),
        (
            Store(list=SSLError(endpoint_url="x", error="[SSL: NO]")),
            f"{KEY}.ca is None: TLS with",
        ),
        (Store(list=EndpointConnectionError(endpoint_url="x")), f"{KEY}.endpoint is 'https://s3.example:9000': no S3"),
    ],
)
def test_what_is_wrong_is_told_with_its_key_and_what_to_do(store: Store, message: str) -> None:
    found = of_store(GIVEN, "team", store)
    assert {each.state for each in found} == {"refused"}
    assert message in str(found[0])
    assert all(each.action for each in found)
    assert len(found) == len(set(found))


def test_a_store_that_does_not_answer_is_told_unless_it_runs_in_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "unreachable", always("it does not answer"))
    environment = stack(monkeypatch, settings(storage=STORE, **SECRET))
    (finding,) = check(environment)
    assert finding.state == "refused"
    assert finding.detail == f"{KEY}.endpoint is 'https://s3.example:9000': it does not answer"
    pods = {"namespace": "minio", "labels": {"app": "minio"}, "port": 9000}
    (finding,) = check(stack(monkeypatch, settings(storage={**STORE, "pods": pods}, **SECRET)))
    assert finding.state == "not known"
    assert check(stack(monkeypatch, settings())) == []


def test_a_port_that_nothing_listens_at_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert unreachable("127.0.0.1", port) is None
    assert f"127.0.0.1:{port} does not answer this machine" in (unreachable("127.0.0.1", port) or "")


def test_down_names_what_stays_with_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = {"groundwork:database_passwords": {"mlflow": "a", "airflow": "b"}}
    environment = stack(monkeypatch, settings(storage=STORE, database=ROLES, **SECRET, **passwords))
    assert Down(environment, purge=False).left() == [
        "s3://lake/local/raw/ at s3.example",
        "s3://lake/local/features/ at s3.example",
        "s3://models/local/artifacts/ at s3.example",
        "s3://lake/local/logs/ at s3.example",
        "database team_airflow at db.example",
        "database team_mlflow at db.example",
    ]


def test_down_says_how_what_the_administrators_job_made_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch, settings(database=ADMIN, **ADMIN_PASSWORD))
    assert Down(environment, purge=False).left() == [
        f"role and database local-{name} at db.example; in psql, owner drops them by: "
        f'DROP DATABASE IF EXISTS "local-{name}"; DROP ROLE IF EXISTS "local-{name}";'
        for name in ("airflow", "mlflow")
    ]
