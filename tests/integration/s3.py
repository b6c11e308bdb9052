"""Clients of object stores."""

from pathlib import Path
from typing import Any

import boto3


def s3_client(address: str, access_key: str, secret_key: str, ca: Path | None = None) -> Any:
    """ca: PEM file of the authority of the store's certificate."""
    library: Any = boto3  # generates its clients at run time: nothing to check types against
    return library.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        verify=str(ca) if ca else None,
    )


def remove_versions(store: Any, name: str, prefix: str = "") -> None:
    """Delete every version of the objects that begin with a prefix."""
    listed = store.list_object_versions(Bucket=name, Prefix=prefix)
    for version in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
        store.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
