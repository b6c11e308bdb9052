"""S3: what the older inputs of a bucket set, of which each has a resource of its own too, and what is in an object."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from embedded.providers.base import Object, ProviderError
from embedded.providers.base.values import is_list, is_object

if TYPE_CHECKING:
    from ..resource import Live


@dataclass(frozen=True)
class Part:
    """put, delete: calls; key: the parameter that takes it, in the form that `form` gives."""

    put: str
    key: str
    form: Callable[[Any], Any]
    delete: str = ""


def _single(value: Any) -> Any:
    """A block of one; BucketV2 has each as a list."""
    return (value[0] if value else None) if is_list(value) else value


def _block(value: Any, names: dict[str, str]) -> Object:
    return {api: _single(value[name]) for name, api in names.items() if value.get(name) not in (None, "", [])}


def _website(value: Object) -> Object:
    made: Object = {}
    if value.get("redirectAllRequestsTo"):
        protocol, _, host = value["redirectAllRequestsTo"].rpartition("://")
        made["RedirectAllRequestsTo"] = {"HostName": host, **({"Protocol": protocol} if protocol else {})}
    if value.get("indexDocument"):
        made["IndexDocument"] = {"Suffix": value["indexDocument"]}
    if value.get("errorDocument"):
        made["ErrorDocument"] = {"Key": value["errorDocument"]}
    rules = value.get("routingRules")
    if rules:
        made["RoutingRules"] = json.loads(rules) if isinstance(rules, str) else rules
    return made


def _cors(rules: list[Object]) -> Object:
    names = {"allowedHeaders": "AllowedHeaders", "allowedMethods": "AllowedMethods", "allowedOrigins": "AllowedOrigins"}
    names |= {"exposeHeaders": "ExposeHeaders", "maxAgeSeconds": "MaxAgeSeconds"}
    return {"CORSRules": [{api: rule[name] for name, api in names.items() if rule.get(name)} for rule in rules]}


def _encryption(value: Object) -> Object:
    rule: Object = _single(value.get("rule") or value.get("rules"))
    given: Object = _single(
        rule.get("applyServerSideEncryptionByDefault") or rule.get("applyServerSideEncryptionByDefaults")
    )
    made: Object = {
        "ApplyServerSideEncryptionByDefault": _block(
            given, {"sseAlgorithm": "SSEAlgorithm", "kmsMasterKeyId": "KMSMasterKeyID"}
        )
    }
    if rule.get("bucketKeyEnabled") is not None:
        made["BucketKeyEnabled"] = rule["bucketKeyEnabled"]
    return {"Rules": [made]}


def _logging(value: Object) -> Object:
    return {"LoggingEnabled": {"TargetBucket": value["targetBucket"], "TargetPrefix": value.get("targetPrefix") or ""}}


def _lifecycle(rules: list[Object]) -> Object:
    return {"Rules": [_lifecycle_rule(rule, index) for index, rule in enumerate(rules)]}


def _lifecycle_rule(rule: Object, index: int) -> Object:
    given: dict[str, str] = rule.get("tags") or {}
    tags = [{"Key": key, "Value": value} for key, value in given.items()]
    prefix = rule.get("prefix") or ""
    made: Object = {"ID": rule.get("id") or f"rule-{index}", "Status": "Enabled" if rule["enabled"] else "Disabled"}
    made["Filter"] = {"And": {"Prefix": prefix, "Tags": tags}} if tags else {"Prefix": prefix}
    dates = {"date": "Date", "days": "Days"}
    expiration = _single(rule.get("expiration") or rule.get("expirations"))
    if expiration:
        made["Expiration"] = _block(expiration, {**dates, "expiredObjectDeleteMarker": "ExpiredObjectDeleteMarker"})
    if rule.get("transitions"):
        made["Transitions"] = [_block(each, {**dates, "storageClass": "StorageClass"}) for each in rule["transitions"]]
    noncurrent = _single(rule.get("noncurrentVersionExpiration") or rule.get("noncurrentVersionExpirations"))
    if noncurrent:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": noncurrent["days"]}
    if rule.get("noncurrentVersionTransitions"):
        names = {"days": "NoncurrentDays", "storageClass": "StorageClass"}
        made["NoncurrentVersionTransitions"] = [_block(each, names) for each in rule["noncurrentVersionTransitions"]]
    if rule.get("abortIncompleteMultipartUploadDays"):
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": rule["abortIncompleteMultipartUploadDays"]}
    return made


def _versioning(value: Object) -> Object:
    return {"Status": "Enabled" if value.get("enabled") else "Suspended"}


def _policy(value: Any) -> str:
    return json.dumps(value) if is_object(value) else value


VERSIONING = Part("put_bucket_versioning", "VersioningConfiguration", _versioning)
CORS = Part("put_bucket_cors", "CORSConfiguration", _cors, "delete_bucket_cors")
ENCRYPTION = Part("put_bucket_encryption", "ServerSideEncryptionConfiguration", _encryption, "delete_bucket_encryption")
LIFECYCLE = Part("put_bucket_lifecycle_configuration", "LifecycleConfiguration", _lifecycle, "delete_bucket_lifecycle")
LOGGING = Part("put_bucket_logging", "BucketLoggingStatus", _logging)
POLICY = Part("put_bucket_policy", "Policy", _policy, "delete_bucket_policy")
WEBSITE = Part("put_bucket_website", "WebsiteConfiguration", _website, "delete_bucket_website")
LISTS = {"corsRules": CORS, "lifecycleRules": LIFECYCLE}
BLOCKS = {
    "versioning": VERSIONING,
    "versionings": VERSIONING,
    "logging": LOGGING,
    "loggings": LOGGING,
    "serverSideEncryptionConfiguration": ENCRYPTION,
    "serverSideEncryptionConfigurations": ENCRYPTION,
    "website": WEBSITE,
    "websites": WEBSITE,
    "policy": POLICY,
}


def bucket_parts(live: "Live") -> None:
    """Those that the program gives, and of those that it gave before what can be taken away."""
    for name, part in {**BLOCKS, **LISTS}.items():
        given = live.values.get(name) if name in LISTS else _single(live.values.get(name))
        if live.old and not live.changed(name):
            continue
        if given:
            live.call(part.put, {"Bucket": live.id, part.key: part.form(given)})
        elif live.old.get(name):
            _take_away(live, part)


def _take_away(live: "Live", part: Part) -> None:
    if part.delete:
        live.call(part.delete, {"Bucket": live.id})
    elif part is VERSIONING:
        live.call(part.put, {"Bucket": live.id, part.key: _versioning({})})
    else:
        live.call(part.put, {"Bucket": live.id, part.key: {}})


def bucket_website(live: "Live") -> Object:
    """Where S3 serves the files of a bucket that is a website."""
    given = live.values.get("website") or live.values.get("websites")
    domain = f"s3-website-{live.region}.amazonaws.com"
    return {"domain": domain, "endpoint": f"{live.id}.{domain}"} if given else {"domain": "", "endpoint": ""}


def object_body(live: "Live") -> bytes:
    """By its content, or by what an asset of the program names."""
    values = live.values
    if values.get("contentBase64"):
        return base64.b64decode(values["contentBase64"])
    source: Any = values.get("source")
    if is_object(source):
        if "text" in source:
            return str(source["text"]).encode()
        if "path" in source:
            return Path(source["path"]).read_bytes()
        raise ProviderError(
            "source: an asset at a remote address is not fetched, since nothing but loopback is talked to"
        )
    return str(values.get("content") or "").encode()


def tags_of_object(live: "Live") -> dict[str, str]:
    names = {"Bucket": live.values["bucket"], "Key": live.values["key"]}
    return {each["Key"]: each["Value"] for each in live.call("get_object_tagging", names)["TagSet"]}


def object_tags(live: "Live") -> str:
    return urlencode(live.values.get("tags") or {})
