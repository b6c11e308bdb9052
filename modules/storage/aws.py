"""The object store on AWS: a bucket for each role, and one for the records of who read and wrote them."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws.kms import Alias, Key
from pulumi_aws.s3 import (
    Bucket,
    BucketLifecycleConfiguration,
    BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs,
    BucketLifecycleConfigurationRuleArgs,
    BucketLifecycleConfigurationRuleExpirationArgs,
    BucketLifecycleConfigurationRuleFilterArgs,
    BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs,
    BucketLogging,
    BucketOwnershipControls,
    BucketOwnershipControlsRuleArgs,
    BucketPolicy,
    BucketPublicAccessBlock,
    BucketServerSideEncryptionConfiguration,
    BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs,
    BucketServerSideEncryptionConfigurationRuleArgs,
    BucketVersioning,
    BucketVersioningVersioningConfigurationArgs,
)

from modules.core.aws import AwsAccount, Statement, policy
from modules.core.component import Component, after
from modules.core.contracts import ROLES, BucketRole, ObjectStore, Reach
from modules.core.labels import Labels
from modules.core.naming import label
from modules.core.protection import Safeguards

from .settings import BucketSettings, BucketsSettings

RECORDS = "access-records"
"""The bucket of the records, beside those of the roles."""
RECORDS_SETTINGS = BucketSettings(versioning=False, expiration_days=365)


def bucket_name(environment: str, role: str, account: AwsAccount) -> str:
    """Return the name of a bucket, which no other account has. Raise UserError where it is too long."""
    return label(f"groundwork-{environment}-{role}-{account.id}", what="bucket")


def key_alias(environment: str) -> str:
    """Return the name by which policies know the key of the buckets."""
    return f"alias/groundwork-{environment}-objects"


def aws_store(environment: str, account: AwsAccount, ranges: Sequence[str]) -> ObjectStore:
    """Return the contract. ranges: CIDRs at which S3 answers in the region."""
    return ObjectStore(
        endpoint=None,
        reach=Reach(port=443, ranges=ranges),
        region=account.region,
        buckets={role: bucket_name(environment, role, account) for role in ROLES},
        credentials={},
    )


class AwsStore(Component):
    """`tags`: of everything that takes tags, beside its name. `protect`: the engine refuses to delete buckets, and the
    key without which they can't be read. Where its data is disposable a bucket that is deleted is emptied
    first; elsewhere AWS refuses to delete one that holds anything."""

    key_arn: pulumi.Output[str]
    buckets: Mapping[BucketRole, pulumi.Output[str]]
    """Names by role, known once each bucket is as it must be before anything is in it."""

    def __init__(
        self,
        name: str,
        *,
        settings: BucketsSettings,
        account: AwsAccount,
        tags: Mapping[str, str],
        protect: bool,
        safeguards: Safeguards,
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        self.account, self.tags, self.protect, self.safeguards = account, tags, protect, safeguards
        key = self._key()
        self.key_arn = key.arn
        records = self._bucket(RECORDS, RECORDS_SETTINGS, key=None, into=None)
        self.buckets = {role: self._bucket(role, getattr(settings, role), key=key.arn, into=records) for role in ROLES}
        self.register_outputs({"key_arn": self.key_arn, "buckets": self.buckets})

    def _named(self, role: str) -> str:
        return bucket_name(self.labels.environment, role, self.account)

    def _tags(self, role: str) -> dict[str, str]:
        return {**self.tags, "Name": f"groundwork-{self.labels.environment}-{role}"}

    def _key(self) -> Key:
        key = Key(
            f"{self.name}-key",
            description=f"Objects of groundwork-{self.labels.environment}",
            enable_key_rotation=True,
            deletion_window_in_days=self.safeguards.key_days,
            tags=self._tags("objects"),
            opts=self.child(protect=self.protect),
        )
        Alias(
            f"{self.name}-key",
            name=key_alias(self.labels.environment),
            target_key_id=key.key_id,
            opts=self.child(),
        )
        return key

    def _bucket(
        self,
        role: str,
        settings: BucketSettings,
        *,
        key: pulumi.Input[str] | None,
        into: pulumi.Output[str] | None,
    ) -> pulumi.Output[str]:
        """key: that encrypts it; None: S3's own, the only one with which S3 writes records. into: bucket of the
        records; None: this one is it."""
        resource = f"{self.name}-{role}"
        made = Bucket(
            resource,
            bucket=self._named(role),
            force_destroy=self.safeguards.emptied,
            tags=self._tags(role),
            opts=self.child(protect=self.protect),
        )
        closed = BucketPublicAccessBlock(
            resource,
            bucket=made.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self.child(),
        )
        owned = BucketOwnershipControls(
            resource,
            bucket=made.id,
            rule=BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self.child(),
        )
        encrypted = BucketServerSideEncryptionConfiguration(
            resource, bucket=made.id, rules=[_encryption(key)], opts=self.child()
        )
        versioned = BucketVersioning(
            resource,
            bucket=made.id,
            versioning_configuration=BucketVersioningVersioningConfigurationArgs(
                status="Enabled" if settings.versioning else "Suspended"
            ),
            opts=self.child(),
        )
        BucketLifecycleConfiguration(
            resource,
            bucket=after(made.id, versioned.id),  # rules for versions count from when there are any
            rules=lifecycle_rules(settings),
            opts=self.child(),
        )
        rights = BucketPolicy(
            resource,
            bucket=after(made.id, closed.id),  # AWS takes one change of a bucket at a time
            policy=bucket_policy(self._named(role), self.account, takes_records=into is None),
            opts=self.child(),
        )
        if into is not None:
            BucketLogging(resource, bucket=made.id, target_bucket=into, target_prefix=f"{role}/", opts=self.child())
        return after(made.id, owned.id, encrypted.id, versioned.id, rights.id)


def bucket_policy(name: str, account: AwsAccount, *, takes_records: bool) -> str:
    """Return the policy of a bucket: nothing without TLS; and where it takes records, S3 stores them in it."""
    arn = f"arn:{account.partition}:s3:::{name}"
    plain: Statement = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    if not takes_records:
        return policy(plain)
    stored: Statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"{arn}/*",
        "Condition": {"StringEquals": {"aws:SourceAccount": account.id}},
    }
    return policy(plain, stored)


def lifecycle_rules(settings: BucketSettings) -> list[BucketLifecycleConfigurationRuleArgs]:
    """Return a rule for each thing that expires."""
    every = BucketLifecycleConfigurationRuleFilterArgs(prefix="")
    rules = [
        BucketLifecycleConfigurationRuleArgs(
            id="incomplete-uploads",
            status="Enabled",
            filter=every,
            abort_incomplete_multipart_upload=BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                days_after_initiation=settings.abort_incomplete_upload_days
            ),
        )
    ]
    if settings.expiration_days is not None:
        expiration = BucketLifecycleConfigurationRuleExpirationArgs(days=settings.expiration_days)
        rules.append(
            BucketLifecycleConfigurationRuleArgs(id="objects", status="Enabled", filter=every, expiration=expiration)
        )
    if settings.noncurrent_expiration_days is not None:
        noncurrent = BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
            noncurrent_days=settings.noncurrent_expiration_days
        )
        rules.append(
            BucketLifecycleConfigurationRuleArgs(
                id="noncurrent-versions", status="Enabled", filter=every, noncurrent_version_expiration=noncurrent
            )
        )
    return rules


def _encryption(key: pulumi.Input[str] | None) -> BucketServerSideEncryptionConfigurationRuleArgs:
    return BucketServerSideEncryptionConfigurationRuleArgs(
        apply_server_side_encryption_by_default=(
            BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                sse_algorithm="AES256" if key is None else "aws:kms", kms_master_key_id=key
            )
        ),
        # One request to the key for many objects: a hundredth of the price.
        bucket_key_enabled=key is not None,
    )
