"""What a grant in the object store is in the words of IAM, which every S3 API reads."""

from collections.abc import Mapping, Sequence
from typing import Any

from .aws import Statement, allow
from .contracts import Grant

READ = ("s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion")
STORE = ("s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")


def object_statements(bucket: str, grant: Grant, prefix: str = "") -> list[Statement]:
    """Return what a grant in a bucket allows: to list, read, store and delete objects below its prefixes; never to
    delete a version, nor to change how the bucket keeps them.

    bucket: its ARN. prefix: what all keys of the platform begin with, in a bucket that is not its alone."""
    read, stored = [*grant.read, *grant.add, *grant.write], [*grant.add, *grant.write]

    def below(prefixes: Sequence[str]) -> list[str]:
        return [f"{bucket}/{prefix}{each}*" for each in prefixes]

    listed: Mapping[str, Any] = {"s3:prefix": [f"{prefix}{each}*" for each in read]}
    statements = [
        allow(["s3:GetBucketLocation"], [bucket]),
        allow(["s3:ListBucket"], [bucket], StringLike=listed),
        allow(READ, below(read)),
        allow(STORE, below(stored)),
        allow(["s3:DeleteObject"], below(grant.write)),
    ]
    return [each for each in statements if each["Resource"]]
