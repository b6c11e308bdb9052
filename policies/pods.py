"""Finds the pods that a resource makes, whatever kind it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Pod:
    """A pod as it is to be: its metadata and its spec."""

    metadata: Document
    spec: Document

    def containers(self) -> Iterator[Document]:
        for kind in ("initContainers", "containers", "ephemeralContainers"):
            yield from self.spec.get(kind) or ()


def pods(resource_type: str, props: Document) -> list[Pod]:
    """The pods of a resource of that type token with these properties; none where it makes none."""
    if not resource_type.startswith("kubernetes:"):
        return []
    if resource_type.endswith(":Pod"):
        return [_pod(props)]
    return [_pod(template) for template in _templates(group(props, "spec"))]


def group(document: Document, key: str) -> Document:
    """The mapping at a key; an empty one where there is none."""
    return document.get(key) or {}


def _pod(document: Document) -> Pod:
    return Pod(group(document, "metadata"), group(document, "spec"))


def _templates(spec: Document) -> Iterator[Document]:
    """Below a CronJob's jobTemplate lies a Job's spec; every other kind has its template in its own."""
    if job := group(group(spec, "jobTemplate"), "spec"):
        yield from _templates(job)
    elif template := group(spec, "template"):
        yield template
