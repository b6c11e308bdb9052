"""The documents of the object store, as pure functions of settings and consumers."""

from collections.abc import Mapping
from typing import Any, TypedDict

from modules.core.contracts import ROLES, Consumer
from modules.core.grants import object_statements
from modules.core.naming import canonical_json

from .settings import BucketSettings, BucketsSettings

ENCRYPTION = "AES256"
"""Under keys that the server keeps, themselves encrypted by its own generated one."""
_ARN = "arn:aws:s3:::"
_ADMIN = ("Read", "Write", "List", "Tagging")


class KeyPair(TypedDict):
    """A generated access key, in the spelling of SeaweedFS."""

    accessKey: str
    secretKey: str


def bucket_document(buckets: BucketsSettings, names: Mapping[str, str]) -> dict[str, Any]:
    """What files/buckets.py makes: each bucket's name, versioning, lifecycle rules in S3's own form, encryption.

    `names`: the bucket's name by role.
    """
    described = ((names[role], getattr(buckets, role)) for role in ROLES)
    return {
        "buckets": [
            {
                "name": name,
                "versioning": "Enabled" if settings.versioning else "Suspended",
                "lifecycle": lifecycle(settings),
                "encryption": ENCRYPTION,
            }
            for name, settings in described
        ]
    }


def lifecycle(settings: BucketSettings) -> list[dict[str, Any]]:
    """One rule for each thing that expires, as PutBucketLifecycleConfiguration takes them."""
    actions = {
        "objects": {"Expiration": {"Days": settings.expiration_days}} if settings.expiration_days else None,
        "noncurrent-versions": {"NoncurrentVersionExpiration": {"NoncurrentDays": settings.noncurrent_expiration_days}}
        if settings.noncurrent_expiration_days
        else None,
        "incomplete-uploads": {
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": settings.abort_incomplete_upload_days}
        },
    }
    return [
        {"ID": identity, "Status": "Enabled", "Filter": {"Prefix": ""}, **action}
        for identity, action in actions.items()
        if action
    ]


def consumer_policy(consumer: Consumer, names: Mapping[str, str]) -> dict[str, Any]:
    """Return what a consumer's key may do, as an IAM policy."""
    statements = [
        statement
        for role, grant in sorted(consumer.buckets.items())
        for statement in object_statements(f"{_ARN}{names[role]}", grant)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def identities(administrator: KeyPair, consumers: Mapping[str, tuple[KeyPair, Mapping[str, Any]]]) -> str:
    """SeaweedFS' -s3.config: the administrator, and each consumer with its policy."""
    entries = [{"name": "admin", "credentials": [administrator], "actions": ["Admin", *_ADMIN]}]
    entries += [
        {"name": name, "credentials": [keys], "policyNames": [name]} for name, (keys, _) in sorted(consumers.items())
    ]
    policies = [{"name": name, "content": canonical_json(policy)} for name, (_, policy) in sorted(consumers.items())]
    return canonical_json({"identities": entries, "policies": policies})


def security_toml(key_encryption_key: str, volume_key: str, filer_key: str) -> str:
    """The server's security.toml: the key that encrypts objects' keys (64 hexadecimal digits), and the keys by which
    its parts trust each other. Without the first, every write to an encrypted bucket fails."""
    return (
        f'[s3.sse]\nkek = "{key_encryption_key}"\n\n'
        f'[jwt.signing]\nkey = "{volume_key}"\n\n'
        f'[jwt.filer_signing]\nkey = "{filer_key}"\n'
    )


def shared_credentials(keys: KeyPair) -> str:
    """An AWS shared credentials file with one profile."""
    return f"[default]\naws_access_key_id = {keys['accessKey']}\naws_secret_access_key = {keys['secretKey']}\n"
