"""S3: where a bucket is, and what is in it."""

from typing import TYPE_CHECKING, Any

from ..templates import MISSING

if TYPE_CHECKING:
    from ..resource import Live


def bucket_location(live: "Live") -> Any:
    """us-east-1 is the one region that S3 does not take by name."""
    return MISSING if live.region == "us-east-1" else live.region


def empty_bucket(live: "Live") -> None:
    """Every version of every object, where the program says that the bucket may be emptied."""
    if not live.values.get("forceDestroy"):
        return
    for page in live.account.pages("s3", "list_object_versions", {"Bucket": live.id}, live.region):
        found: list[Any] = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        objects = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in found]
        if objects:
            live.call("delete_objects", {"Bucket": live.id, "Delete": {"Objects": objects, "Quiet": True}})
