"""A website in a bucket, by the inputs of the bucket itself and by resources of their own."""

import pulumi
from pulumi_aws.s3 import (
    Bucket,
    BucketAcl,
    BucketCorsConfiguration,
    BucketObject,
    BucketObjectv2,
    BucketOwnershipControls,
    BucketWebsiteConfiguration,
)

config = pulumi.Config()
days = config.get_int("days") or 30
older = Bucket(
    "older",
    website={"index_document": config.get("index") or "index.html", "error_document": "404.html"},
    versioning={"enabled": config.get_bool("versioned") is not False},
    cors_rules=[{"allowed_methods": ["GET"], "allowed_origins": ["*"], "max_age_seconds": days}],
    server_side_encryption_configuration={
        "rule": {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    },
    lifecycle_rules=[
        {
            "enabled": True,
            "expiration": {"days": days},
            "transitions": [{"days": 1, "storage_class": "GLACIER"}],
            "noncurrent_version_expiration": {"days": days},
            "tags": {"kind": "log"},
        }
    ],
    force_destroy=True,
)
newer = Bucket("newer")
owner = BucketOwnershipControls("newer", bucket=newer.bucket, rule={"object_ownership": "BucketOwnerPreferred"})
BucketAcl("newer", bucket=newer.bucket, acl="public-read", opts=pulumi.ResourceOptions(depends_on=[owner]))
site = BucketWebsiteConfiguration(
    "newer",
    bucket=newer.bucket,
    index_document={"suffix": config.get("index") or "index.html"},
    routing_rules=[{"condition": {"key_prefix_equals": "old/"}, "redirect": {"replace_key_prefix_with": "new/"}}],
)
BucketCorsConfiguration(
    "newer",
    bucket=newer.bucket,
    cors_rules=[{"allowed_methods": ["GET"], "allowed_origins": ["*"], "max_age_seconds": days}],
)
BucketObject("index.html", bucket=newer.bucket, content=f"<p>{days}</p>", content_type="text/html", acl="public-read")
page = pulumi.StringAsset(f"<p>{days} days</p>")
BucketObjectv2("page", bucket=newer.bucket, key="deep/page.html", source=page, tags={"kind": "page"})
pulumi.export("older", older.website_endpoint)
pulumi.export("newer", site.website_endpoint)
pulumi.export("bucket", newer.bucket)
