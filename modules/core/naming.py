"""Physical names: pure functions of what a thing is, so that a run after a crash finds what it made."""

import hashlib
import json
import re
from typing import Any

from .errors import UserError

LABEL_LIMIT = 63
"""Characters of a DNS label: the limit of namespaces, Services, label values and bucket names."""
JOB_LIMIT = 52
"""A CronJob's limit: its Jobs get 11 more characters."""
HASH_DIGITS = 10

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def namespace(environment: str, consumer: str) -> str:
    """The namespace of a consumer: local-mlflow."""
    return label(f"{environment}-{consumer}", what="namespace")


def bucket(environment: str, role: str) -> str:
    """The bucket of a role: local-artifacts. S3 wants 3 to 63 characters."""
    return label(f"{environment}-{role}", what="bucket")


def service_host(service: str, namespace: str) -> str:
    """A Service's name inside the cluster."""
    return f"{service}.{namespace}.svc.cluster.local"


def hashed(name: str, content: object, *, limit: int = LABEL_LIMIT) -> str:
    """`name` and a hash of the content: another content is another object. See content_hash for what content may be."""
    return label(f"{name}-{content_hash(content)}", what="name", limit=limit)


def content_hash(content: object, *, digits: int = HASH_DIGITS) -> str:
    """Hexadecimal digits of the SHA-256 of a string, or of the canonical JSON of anything that JSON can hold."""
    text = content if isinstance(content, str) else canonical_json(content)
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def canonical_json(content: Any) -> str:
    """One spelling for equal documents: keys sorted, no spaces."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def label(text: str, *, what: str, limit: int = LABEL_LIMIT) -> str:
    """`text` itself where it is a DNS label of at most `limit` characters; UserError otherwise."""
    if len(text) > limit:
        raise UserError(f"{what} {text!r}: {len(text)} characters, at most {limit} are allowed: choose a shorter name")
    if not _LABEL.fullmatch(text):
        raise UserError(
            f"{what} {text!r}: allowed are lower-case letters, digits and dashes, a letter or digit first and last"
        )
    return text
