"""S3 encrypts every bucket since January 2023: a new one, and one whose setting is deleted, has SSE-S3."""

import copy
from typing import Any

from moto.s3.models import FakeBucket, S3Backend

DEFAULT: dict[str, Any] = {
    "Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}
}


def load() -> None:
    create = FakeBucket.__init__

    def create_encrypted(self: Any, *arguments: Any, **named: Any) -> None:
        create(self, *arguments, **named)
        self.encryption = copy.deepcopy(DEFAULT)

    def delete_bucket_encryption(self: Any, bucket_name: str) -> None:
        self.get_bucket(bucket_name).encryption = copy.deepcopy(DEFAULT)

    FakeBucket.__init__ = create_encrypted
    S3Backend.delete_bucket_encryption = delete_bucket_encryption
