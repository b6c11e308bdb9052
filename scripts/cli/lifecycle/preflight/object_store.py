"""Whether somebody else's object store can be used: buckets, keys, rights, clock. Nothing in it is changed."""

import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, SSLError

from modules.storage.external_settings import ExternalStoreSettings, prefixes
from scripts.cli.clients.store import store
from scripts.cli.environment import Environment

from .findings import Finding

CONNECT_SECONDS = 5.0
CHECK = "object store"
KEY = "groundwork:foundation.storage"
DENIED = {"AccessDenied", "403"}
WRONG_REGION = {"AuthorizationHeaderMalformed", "PermanentRedirect", "301", "IllegalLocationConstraintException"}
PROBE = ".groundwork-may-write"
"""Key of an upload that is begun and given up: it needs the right to write, and leaves nothing, not even a version."""


def check(environment: Environment) -> list[Finding]:
    """Return nothing where the store is the platform's own."""
    given = environment.settings.external_store
    if given is None:
        return []
    if problem := unreachable(given.host, given.port):
        if given.pods:
            return [unasked(CHECK, problem)]
        return [_refused(f"{KEY}.endpoint is {given.address!r}: {problem}", "check name, port and firewall")]
    return of_store(given, environment.stack, store(environment))


def unreachable(host: str, port: int) -> str | None:
    """Return why nothing answers at an address; None where something does."""
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError as error:
        return f"{host}:{port} does not answer this machine ({error})"
    return None


def unasked(check: str, problem: str) -> Finding:
    """What is said of a server of the cluster's own pods, to which no way leads from here."""
    detail = f"{problem}, as it runs in the cluster: a pod tries its port, and its login is not checked"
    return Finding(check=check, state="not known", detail=detail)


def of_store(given: ExternalStoreSettings, environment: str, client: Any) -> list[Finding]:
    """Return what a client of the store finds. What concerns every bucket is reported once."""
    found: dict[Finding, None] = {}
    for role, bucket in given.buckets.by_role().items():
        try:
            problem = _of_bucket(given, client, role, bucket, prefixes(environment)[role])
        except ClientError as error:
            problem = _of_refusal(given, error, role)
        except BotoCoreError as error:
            return [_of_failure(given, error)]
        if problem:
            found[problem] = None
    buckets = ", ".join(dict.fromkeys(given.buckets.by_role().values()))
    detail = f"{given.address}: {given.access_key_id} reads and writes {buckets}, below {environment}/"
    return list(found) or [Finding(check=CHECK, state="ok", detail=detail)]


def _refused(detail: str, action: str) -> Finding:
    return Finding(check=CHECK, state="refused", detail=detail, action=action)


def _of_failure(given: ExternalStoreSettings, error: BotoCoreError) -> Finding:
    """What has nothing to do with any bucket."""
    if not isinstance(error, SSLError):
        return _refused(
            f"{KEY}.endpoint is {given.address!r}: no S3 API answers there ({error})", "name the URL of the S3 API"
        )
    reason = str(error).rpartition("[SSL: ")[2].rstrip("])")
    return _refused(
        f"{KEY}.ca is {given.ca!r}: TLS with {given.address} fails ({reason})",
        "give the PEM file of its CA, or http:// for the endpoint where it has no TLS",
    )


def _of_bucket(given: ExternalStoreSettings, client: Any, role: str, bucket: str, prefix: str) -> Finding | None:
    key = f"{KEY}.buckets.{role} is {bucket!r}"
    try:
        listed = client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    except ClientError as error:
        if _code(error) not in DENIED:
            raise
        return _refused(
            f"{key}: the access key may not list it: it is somebody else's, not there, or a right is missing",
            f"name a bucket of yours, or allow {given.access_key_id} s3:ListBucket for {prefix}*",
        )
    region = listed["ResponseMetadata"].get("HTTPHeaders", {}).get("x-amz-bucket-region", given.region)
    if region != given.region:
        return _of_region(given, bucket, region)
    try:
        upload = client.create_multipart_upload(Bucket=bucket, Key=f"{prefix}{PROBE}")["UploadId"]
        client.abort_multipart_upload(Bucket=bucket, Key=f"{prefix}{PROBE}", UploadId=upload)
    except ClientError as error:
        if _code(error) not in DENIED:
            raise
        return _refused(
            f"{key}: the access key may not write below {prefix}",
            f"allow {given.access_key_id} s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload "
            "there",
        )
    return None


def _of_refusal(given: ExternalStoreSettings, error: ClientError, role: str) -> Finding:
    code, bucket = _code(error), given.buckets.by_role()[role]
    if code == "InvalidAccessKeyId":
        return _refused(
            f"{KEY}.access_key_id is {given.access_key_id!r}: the store knows no such key",
            "name one that it has, and set its secret: `pulumi config set --secret groundwork:storage_secret_key`",
        )
    if code == "SignatureDoesNotMatch":
        return _refused(
            f"groundwork:storage_secret_key is not the secret of access key {given.access_key_id}",
            "`pulumi config set --secret groundwork:storage_secret_key`",
        )
    if code == "RequestTimeTooSkewed":
        detail = f"the clock of this machine and the store's differ{_skew(error)}"
        return _refused(detail, "set both by NTP, and the nodes' too")
    if code in {"NoSuchBucket", "404"}:
        return _refused(
            f"{KEY}.buckets.{role} is {bucket!r}: there is no such bucket", "create it, or name one that is there"
        )
    if code in WRONG_REGION:
        return _of_region(given, bucket, _headers(error).get("x-amz-bucket-region"))
    return _refused(f"{KEY}.buckets.{role} is {bucket!r}: {error}", "have that put right")


def _of_region(given: ExternalStoreSettings, bucket: str, region: str | None) -> Finding:
    there = region or "another one"
    return _refused(f"{KEY}.region is {given.region!r}, but bucket {bucket} is in {there}", "set the region it is in")


def _skew(error: ClientError) -> str:
    date = _headers(error).get("date")
    if date is None:
        return ""
    return f" by {abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()) / 60:.0f} minutes"


def _code(error: ClientError) -> str:
    response: Any = error.response
    return response.get("Error", {}).get("Code", "")


def _headers(error: ClientError) -> Mapping[str, str]:
    response: Any = error.response
    return response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
