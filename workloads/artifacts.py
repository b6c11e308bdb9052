"""Model files and data sets in the object store: where they lie and what they are.

Shared by training (which records a model's digest) and serving (which refuses another one); runs inside both images.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DATA, MODELS = "data", "models"
"""Where the data sets of all workloads lie in the raw bucket, and their models in the artifacts bucket: each workload's
below its own name, each at an address that its digest names."""
TABLES = "tables"
"""Where the tables of the lake lie, in the buckets raw and features: each workload's below its own name."""
INCOMING = "incoming"
"""Where new data is brought to in the raw bucket: each workload's below its own name."""
ACCEPTED = "accepted"
"""Where the files that became part of a data set lie in the raw bucket: each workload's below its own name."""


def data_key(workload: str, digest: str, file: str) -> str:
    """Key of a data set in the raw bucket."""
    return f"{DATA}/{workload}/{digest.removeprefix('sha256:')}/{file}"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def model_digest(files: Mapping[str, str]) -> str:
    """One digest for a folder, given the digest of each file by its path relative to the folder (with `/`)."""
    lines = (f"{path}\0{digest}\n" for path, digest in sorted(files.items()))
    return digest_of("".join(lines).encode())


def folder_digest(folder: Path) -> str:
    """The model digest of a folder on disk. Refuses an empty folder, which is no model."""
    files = {
        path.relative_to(folder).as_posix(): digest_of(path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }
    if not files:
        raise ValueError(f"{folder} holds no files")
    return model_digest(files)


def split_s3(uri: str) -> tuple[str, str]:
    """(bucket, key) of s3://bucket/key; refuses anything else."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not key:
        raise ValueError(f"{uri!r} is not an address of the form s3://bucket/key")
    return bucket, key


def object_store() -> Any:
    """An S3 client; address, region and credentials come from the AWS_* environment."""
    import boto3
    from botocore.config import Config

    library: Any = boto3  # generates its clients at run time: nothing to check types against
    retries: Any = {"mode": "standard", "total_max_attempts": 4}
    return library.client("s3", config=Config(retries=retries, connect_timeout=5, read_timeout=30))


def download_folder(client: Any, uri: str, folder: Path) -> None:
    """Every object below `uri` to the same relative path below `folder`.

    Raises FileNotFoundError when nothing lies there, ValueError for a key that would leave the folder.
    """
    bucket, prefix = split_s3(uri.rstrip("/") + "/.")
    prefix = prefix.removesuffix(".")
    keys = list(keys_below(client, bucket, prefix))
    if not keys:
        raise FileNotFoundError(f"nothing lies at {uri}")
    for key in keys:
        target = (folder / key.removeprefix(prefix)).resolve()
        if not target.is_relative_to(folder.resolve()):
            raise ValueError(f"the object {key!r} in {bucket} would be written outside of {folder}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())


def add_object(client: Any, bucket: str, key: str, content: bytes, kind: str = "application/octet-stream") -> None:
    """Store an object at an address that its content names. What lies there already stays: who reads it compares."""
    from botocore.exceptions import ClientError

    try:
        client.put_object(Bucket=bucket, Key=key, Body=content, ContentType=kind, IfNoneMatch="*")
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "PreconditionFailed":
            raise


def add_folder(client: Any, folder: Path, uri: str) -> None:
    """Store every file of a folder below an address that its digest names."""
    bucket, prefix = split_s3(uri)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            add_object(client, bucket, f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def keys_below(client: Any, bucket: str, prefix: str) -> Iterator[str]:
    """Keys of all objects that begin with `prefix`."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            if not item["Key"].endswith("/"):  # a folder marker that some stores list
                yield item["Key"]
