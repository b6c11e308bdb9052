"""Whether somebody else's object store and database can be used: asked before anything is made, changing nothing."""

import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, SSLError

from modules.storage.external_settings import ExternalStoreSettings, prefixes
from scripts.cli.clients.store import store
from scripts.cli.environment import Environment

CONNECT_SECONDS = 5.0
KEY = "groundwork:foundation.storage"
WRONG_REGION = {"AuthorizationHeaderMalformed", "PermanentRedirect", "301", "IllegalLocationConstraintException"}
PROBE = ".groundwork-may-write"
"""Key of an upload that is begun and given up: it needs the right to write, and leaves nothing, not even a version."""


def check_store(environment: Environment) -> list[str]:
    """Return what is wrong with the object store that the stack's file names, a line each: key path, what, and what to
    do. Nothing where the store is the platform's own."""
    given = environment.settings.external_store
    if given is None:
        return []
    if problem := unreachable(given.host, given.port):
        return [] if given.pods else [f"{KEY}.endpoint is {given.address!r}: {problem}"]
    return store_problems(given, environment.stack, store(environment))


def unreachable(host: str, port: int) -> str | None:
    """Return why nothing answers at an address; None where something does."""
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError as error:
        return f"{host}:{port} does not answer this machine ({error}): check name, port and firewall"
    return None


def store_problems(given: ExternalStoreSettings, environment: str, client: Any) -> list[str]:
    """See `check_store`. What concerns every bucket is told once."""
    problems: dict[str, None] = {}
    for role, bucket in given.buckets.by_role().items():
        try:
            problem = _bucket_problem(given, client, role, bucket, prefixes(environment)[role])
        except ClientError as error:
            problem = _refusal(given, error, role)
        except BotoCoreError as error:
            return [_failure(given, error)]
        if problem:
            problems[problem] = None
    return list(problems)


def _failure(given: ExternalStoreSettings, error: BotoCoreError) -> str:
    """What has nothing to do with any bucket."""
    if not isinstance(error, SSLError):
        return f"{KEY}.endpoint is {given.address!r}: no S3 API answers there ({error})"
    reason = str(error).rpartition("[SSL: ")[2].rstrip("])")
    return (
        f"{KEY}.ca is {given.ca!r}: TLS with {given.address} fails ({reason}): give the PEM file of its CA, or http:// "
        "for the endpoint where it has no TLS"
    )


def _bucket_problem(given: ExternalStoreSettings, client: Any, role: str, bucket: str, prefix: str) -> str | None:
    key = f"{KEY}.buckets.{role} is {bucket!r}"
    try:
        listed = client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    except ClientError as error:
        if _code(error) not in {"AccessDenied", "403"}:
            raise
        return (
            f"{key}: the access key may not list it: it is somebody else's, or {given.access_key_id} lacks "
            f"s3:ListBucket for {prefix}*"
        )
    region = listed["ResponseMetadata"].get("HTTPHeaders", {}).get("x-amz-bucket-region", given.region)
    if region != given.region:
        return f"{KEY}.region is {given.region!r}, but bucket {bucket} is in {region}: set that"
    try:
        upload = client.create_multipart_upload(Bucket=bucket, Key=f"{prefix}{PROBE}")["UploadId"]
        client.abort_multipart_upload(Bucket=bucket, Key=f"{prefix}{PROBE}", UploadId=upload)
    except ClientError as error:
        if _code(error) not in {"AccessDenied", "403"}:
            raise
        return (
            f"{key}: the access key may not write below {prefix}: allow {given.access_key_id} s3:GetObject, "
            "s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload there"
        )
    return None


def _refusal(given: ExternalStoreSettings, error: ClientError, role: str) -> str:
    code, bucket = _code(error), given.buckets.by_role()[role]
    if code == "InvalidAccessKeyId":
        return f"{KEY}.access_key_id is {given.access_key_id!r}: the store knows no such key"
    if code == "SignatureDoesNotMatch":
        return (
            f"groundwork:storage_secret_key is not the secret of access key {given.access_key_id}: "
            "`pulumi config set --secret groundwork:storage_secret_key`"
        )
    if code == "RequestTimeTooSkewed":
        return f"the clock of this machine and the store's differ{_skew(error)}: set both by NTP, and the nodes' too"
    if code in {"NoSuchBucket", "404"}:
        return f"{KEY}.buckets.{role} is {bucket!r}: there is no such bucket: create it, or name one that is there"
    if code in WRONG_REGION:
        headers = _headers(error)
        there = headers.get("x-amz-bucket-region", "another one")
        return f"{KEY}.region is {given.region!r}, but bucket {bucket} is in {there}: set that"
    return f"{KEY}.buckets.{role} is {bucket!r}: {error}"


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
