"""How each service takes tags: with which call, under which names, in which form."""

from dataclasses import dataclass
from typing import Any

from embedded.providers.base import Object
from embedded.providers.base.values import is_list

from .account import Account, ApiError
from .table import Entry

Tags = dict[str, str]


@dataclass(frozen=True)
class Style:
    """create: the parameter of the create call, "" where it takes none. form: names of key and value in a list, () for
    a mapping. add, remove, read: the calls; key: the parameter that names the resource, by its id or its ARN."""

    add: str
    remove: str
    key: str
    by: str = "arn"
    create: str = "Tags"
    form: tuple[str, ...] = ("Key", "Value")
    added: str = "Tags"
    removed: str = "TagKeys"
    read: str = ""
    found: str = "Tags"


STYLES = {
    "ec2": Style("create_tags", "delete_tags", "Resources", "id", create="TagSpecifications", removed="Tags"),
    "iam": Style("", "", "", "id"),
    "kms": Style(
        "tag_resource", "untag_resource", "KeyId", "id", form=("TagKey", "TagValue"), read="list_resource_tags"
    ),
    "logs": Style(
        "tag_resource",
        "untag_resource",
        "resourceArn",
        create="tags",
        form=(),
        added="tags",
        removed="tagKeys",
        read="list_tags_for_resource",
        found="tags",
    ),
    "s3": Style(
        "put_bucket_tagging",
        "delete_bucket_tagging",
        "Bucket",
        "id",
        create="",
        read="get_bucket_tagging",
        found="TagSet",
    ),
    "eks": Style(
        "tag_resource",
        "untag_resource",
        "resourceArn",
        create="tags",
        form=(),
        added="tags",
        removed="tagKeys",
        found="tags",
    ),
    "rds": Style(
        "add_tags_to_resource",
        "remove_tags_from_resource",
        "ResourceName",
        read="list_tags_for_resource",
        found="TagList",
    ),
    "ecr": Style(
        "tag_resource",
        "untag_resource",
        "resourceArn",
        create="tags",
        added="tags",
        removed="tagKeys",
        read="list_tags_for_resource",
        found="tags",
    ),
    "glue": Style(
        "tag_resource",
        "untag_resource",
        "ResourceArn",
        form=(),
        added="TagsToAdd",
        removed="TagsToRemove",
        read="get_tags",
    ),
    "athena": Style("tag_resource", "untag_resource", "ResourceARN", read="list_tags_for_resource"),
    "sns": Style("tag_resource", "untag_resource", "ResourceArn", read="list_tags_for_resource"),
    "sqs": Style("tag_queue", "untag_queue", "QueueUrl", "id", create="tags", form=(), read="list_queue_tags"),
    "events": Style("tag_resource", "untag_resource", "ResourceARN", read="list_tags_for_resource"),
    "budgets": Style(
        "tag_resource",
        "untag_resource",
        "ResourceARN",
        create="ResourceTags",
        added="ResourceTags",
        removed="ResourceTagKeys",
        read="list_tags_for_resource",
        found="ResourceTags",
    ),
}


def at_creation(entry: Entry, tags: Tags) -> Object:
    """Parameters for the create call."""
    declared: Object = entry.get("tags") or {}
    style = STYLES.get(declared.get("style", ""))
    if style is None or not tags or not style.create:
        return {}
    if declared["style"] == "ec2":
        kind: str = declared.get("kind", "")
        return {style.create: [{"ResourceType": kind, "Tags": _form(style, tags)}]} if kind else {}
    return {style.create: _form(style, tags)}


def taken_at_creation(entry: Entry) -> bool:
    declared: Object = entry.get("tags") or {}
    return bool(STYLES[declared["style"]].create) and (declared["style"] != "ec2" or "kind" in declared)


def _form(style: Style, tags: Tags) -> Any:
    if not style.form:
        return dict(tags)
    key, value = style.form
    return [{key: name, value: content} for name, content in tags.items()]


def write(account: Account, entry: Entry, names: Object, *, old: Tags, new: Tags, region: str) -> None:
    """names: id and arn of the resource."""
    declared: Object = entry["tags"]
    style = STYLES[declared["style"]]
    key: str = declared.get("key", style.key)
    name: Any = [names[style.by]] if key == "Resources" else names[style.by]
    service: str = entry["service"]
    if declared["style"] == "s3":  # a bucket's tags are one document
        if new:
            account.call(service, style.add, {key: name, "Tagging": {"TagSet": _form(style, new)}}, region)
        elif old:
            account.call(service, style.remove, {key: name}, region)
        return
    gone: Any = [tag for tag in old if tag not in new]
    if gone:
        removed = [{"Key": tag} for tag in gone] if style.removed == "Tags" else gone
        account.call(service, declared.get("remove", style.remove), {key: name, style.removed: removed}, region)
    changed = {tag: value for tag, value in new.items() if old.get(tag) != value}
    if changed:
        account.call(service, declared.get("add", style.add), {key: name, style.added: _form(style, changed)}, region)


def read(account: Account, entry: Entry, names: Object, document: Object, region: str) -> Tags:
    """Without those that AWS itself sets."""
    declared: Object = entry["tags"]
    style = STYLES[declared["style"]]
    found: Any = document
    tags: Tags
    if style.read:
        try:
            found = account.call(entry["service"], style.read, {style.key: names[style.by]}, region)
        except ApiError as error:
            if error.code != "NoSuchTagSet":
                raise
            return {}
    for part in declared.get("read", style.found).split("."):
        found = found.get(part) or {}
    key, value = style.form or ("", "")
    tags = {tag[key]: tag[value] for tag in found} if is_list(found) else found
    return {name: content for name, content in tags.items() if not name.startswith("aws:")}
