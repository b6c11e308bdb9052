"""S3: every bucket is encrypted since January 2023, a new one and one whose setting is deleted too; with a bucket go
its tags."""

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

    delete_bucket = S3Backend.delete_bucket

    def delete_bucket_and_tags(self: Any, bucket_name: str) -> Any:
        """Else the next bucket of that name had the tags of this one."""
        bucket = self.get_bucket(bucket_name)
        deleted = delete_bucket(self, bucket_name)
        if deleted is not None:
            self.tagger.delete_all_tags_for_resource(bucket.arn)
        return deleted

    FakeBucket.__init__ = create_encrypted
    S3Backend.delete_bucket = delete_bucket_and_tags
    S3Backend.delete_bucket_encryption = delete_bucket_encryption
