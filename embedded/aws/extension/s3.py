"""S3: every bucket is encrypted since January 2023, a new one and one whose setting is deleted too; with a bucket go
its tags; what its policy denies on a condition alone is denied where that holds; and no policy is public where that is
blocked."""

import copy
import json
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket, S3Backend

from embedded.aws.policy import Context, allowed, statements

DEFAULT: dict[str, Any] = {
    "Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}
}

EVERYONE = ("*", {"AWS": "*"}, {"AWS": ["*"]})
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
SECURE: Context = {"aws:SecureTransport": ["true"]}
"""Of every request: to AWS itself nobody of the platform comes in another way than by TLS."""


def load() -> None:
    create = FakeBucket.__init__

    def create_encrypted(self: Any, *arguments: Any, **named: Any) -> None:
        create(self, *arguments, **named)
        self.encryption = copy.deepcopy(DEFAULT)

    def delete_bucket_encryption(self: Any, bucket_name: str) -> None:
        self.get_bucket(bucket_name).encryption = copy.deepcopy(DEFAULT)

    delete_bucket = S3Backend.delete_bucket

    def delete_bucket_and_tags(self: Any, bucket_name: str) -> Any:
        """Else the next bucket of that name had the tags of this one."""
        bucket = self.get_bucket(bucket_name)
        deleted = delete_bucket(self, bucket_name)
        if deleted is not None:
            self.tagger.delete_all_tags_for_resource(bucket.arn)
        return deleted

    def get_permission(self: Any, action: str, resource: str) -> Any:
        return permission(self, action, resource)

    put_bucket_policy = S3Backend.put_bucket_policy

    def put_closed_bucket_policy(self: Any, bucket_name: str, policy: bytes) -> None:
        refuse_public(self.get_bucket(bucket_name), policy)
        put_bucket_policy(self, bucket_name, policy)

    S3Backend.put_bucket_policy = put_closed_bucket_policy
    FakeBucket.__init__ = create_encrypted
    FakeBucket.get_permission = get_permission
    S3Backend.delete_bucket = delete_bucket_and_tags
    S3Backend.delete_bucket_encryption = delete_bucket_encryption


def refuse_public(bucket: Any, policy: bytes) -> None:
    """A policy that allows everyone something, of a bucket that takes no such policy."""
    block = bucket.public_access_block
    if block is None or not block.block_public_policy:
        return
    for each in statements(json.loads(policy)):
        if each["Effect"] == "Allow" and each.get("Principal") in EVERYONE and not each.get("Condition"):
            raise S3ClientError(
                "AccessDenied",
                f"{bucket.name}: public policies are prevented by the BlockPublicPolicy setting in S3 Block Public "
                "Access",
            )


def permission(bucket: Any, action: str, resource: str) -> PermissionResult:
    """What a bucket's policy says to everyone. moto takes each condition for one that holds not, and denies by it."""
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    for_all = [each for each in statements(json.loads(bucket.policy)) if each.get("Principal") in EVERYONE]
    if not allowed([{"Statement": [ALL, *for_all]}], action, resource, SECURE):
        return PermissionResult.DENIED
    permitted = allowed([{"Statement": for_all}], action, resource, SECURE)
    return PermissionResult.PERMITTED if permitted else PermissionResult.NEUTRAL
