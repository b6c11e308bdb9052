"""Makes the object store's buckets what the bucket document says. Run by a Job inside the storage image.

    buckets.py DOCUMENT

Safe to run again: it changes only what differs. A bucket that it made and that left the document is deleted when it
holds nothing, not even a noncurrent version or an unfinished upload; otherwise it is kept, and the output says so.
Address and credentials come from the usual AWS_* variables. Prints one line for each change; 1 when the store does
not answer within two minutes.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

TAG = {"Key": "managed-by", "Value": "groundwork"}
PATIENCE_SECONDS = 120
ABSENT = {
    "NoSuchLifecycleConfiguration",
    "NoSuchTagSet",
    "ServerSideEncryptionConfigurationNotFoundError",
}


def main(arguments: list[str]) -> int:
    document = json.loads(Path(arguments[0]).read_text())
    store = connect()
    if not wait(store):
        print(f"the object store did not answer within {PATIENCE_SECONDS} s", file=sys.stderr)
        return 1
    for line in apply(store, document["buckets"]):
        print(line, flush=True)
    return 0


def connect() -> Any:
    config = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 4})
    return boto3.client("s3", config=config)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def wait(store: Any) -> bool:
    """Until the store lists its buckets; the reason is printed whenever it is another one."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    reason = ""
    while time.monotonic() < deadline:
        try:
            store.list_buckets()
            return True
        except (BotoCoreError, ClientError) as error:
            if str(error) != reason:
                reason = str(error)
                print(f"waiting: {reason}", file=sys.stderr, flush=True)
            time.sleep(1)
    return False


def apply(store: Any, buckets: list[dict[str, Any]]) -> list[str]:
    """Makes the buckets; returns what was done."""
    existing = {bucket["Name"] for bucket in store.list_buckets()["Buckets"]}
    done: list[str] = []
    for bucket in buckets:
        if bucket["name"] not in existing:
            store.create_bucket(Bucket=bucket["name"])
            done.append(f"{bucket['name']}: created")
        done += configure(store, bucket)
    for name in sorted(existing - {bucket["name"] for bucket in buckets}):
        done += retire(store, name)
    return done or ["nothing to change"]


def configure(store: Any, bucket: dict[str, Any]) -> list[str]:
    """Tags, versioning, lifecycle and default encryption of one bucket."""
    name = bucket["name"]
    done: list[str] = []
    if TAG not in tags(store, name):
        store.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [TAG]})
    versioning = store.get_bucket_versioning(Bucket=name).get("Status", "Suspended")
    if versioning != bucket["versioning"]:
        store.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": bucket["versioning"]})
        done.append(f"{name}: versioning {bucket['versioning']}")
    if found(store.get_bucket_lifecycle_configuration, name, "Rules") != bucket["lifecycle"]:
        store.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": bucket["lifecycle"]})
        done.append(f"{name}: lifecycle of {len(bucket['lifecycle'])} rules")
    wanted = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": bucket["encryption"]}}]}
    if algorithm(found(store.get_bucket_encryption, name, "ServerSideEncryptionConfiguration")) != bucket["encryption"]:
        store.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=wanted)
        done.append(f"{name}: encryption {bucket['encryption']}")
    return done


def retire(store: Any, name: str) -> list[str]:
    """Deletes a bucket that left the document, if this script made it and nothing is in it."""
    if TAG not in tags(store, name):
        return []
    if (
        store.list_objects_v2(Bucket=name, MaxKeys=1).get("Contents")
        or any(store.list_object_versions(Bucket=name, MaxKeys=1).get(kind) for kind in ("Versions", "DeleteMarkers"))
        or store.list_multipart_uploads(Bucket=name).get("Uploads")
    ):
        return [f"{name}: KEPT, it is no longer in the document but holds something; empty it to have it deleted"]
    store.delete_bucket(Bucket=name)
    return [f"{name}: deleted, it was empty and is no longer in the document"]


def tags(store: Any, name: str) -> list[dict[str, str]]:
    return found(store.get_bucket_tagging, name, "TagSet") or []


def found(ask: Any, name: str, key: str) -> Any:
    """The answer's `key`; None where the bucket has no such configuration."""
    try:
        return ask(Bucket=name).get(key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return None
        raise


def algorithm(encryption: dict[str, Any] | None) -> str | None:
    rules: list[dict[str, Any]] = (encryption or {}).get("Rules", [])
    return rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] if rules else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
