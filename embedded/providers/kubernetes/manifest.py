"""Kubernetes objects as plain dicts: names, annotations, and which parts of them are secret."""

import hashlib
from typing import Any

from embedded.providers.base import Object, Secret, is_list, is_object, mark, reveal, secret_paths

AUTONAMED = "pulumi.com/autonamed"
SKIP_AWAIT = "pulumi.com/skipAwait"
TIMEOUT = "pulumi.com/timeoutSeconds"
WAIT_FOR = "pulumi.com/waitFor"
REPLACE_UNREADY = "pulumi.com/replaceUnready"
PATCH_FORCE = "pulumi.com/patchForce"
PATCH_MANAGER = "pulumi.com/patchFieldManager"
PROPAGATION = "pulumi.com/deletionPropagationPolicy"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
DATA_POLICY = "groundwork.dev/data"
DISPOSABLE = "disposable"

MANAGER_KEY = "__fieldManager"
CLUSTER_KEY = "__cluster"
INTERNAL = (MANAGER_KEY, CLUSTER_KEY, "__initialApiVersion", "__inputs")
"""Keys of outputs that are no part of the object; the last two are the official plugin's."""


def metadata(manifest: Object) -> Object:
    """Of a revealed manifest; empty where it is missing or not yet known."""
    found = manifest.get("metadata")
    return found if is_object(found) else {}


def annotations(manifest: Object) -> Object:
    found = metadata(manifest).get("annotations")
    return found if is_object(found) else {}


def annotation_true(manifest: Object, name: str) -> bool:
    return str(annotations(manifest).get(name, "")).lower() == "true"


def name_of(manifest: Object) -> str:
    return metadata(manifest).get("name") or ""


def namespace_of(manifest: Object) -> str:
    return metadata(manifest).get("namespace") or ""


def id_of(manifest: Object) -> str:
    """The official provider's resource id: namespace/name, or the name alone."""
    namespace = namespace_of(manifest)
    return f"{namespace}/{name_of(manifest)}" if namespace else name_of(manifest)


def split_id(id: str) -> tuple[str, str]:
    namespace, _, name = id.rpartition("/")
    return namespace, name


def title(manifest: Object) -> str:
    return f"{manifest.get('kind')} {id_of(manifest)}"


def is_secret(manifest: Object) -> bool:
    return manifest.get("kind") == "Secret" and manifest.get("apiVersion") == "v1"


def field_manager(urn: str, manifest: Object) -> str:
    """Tells from the object alone for which resource of which stack it was made."""
    chosen = annotations(manifest).get(PATCH_MANAGER)
    return str(chosen) if chosen else f"pulumi-kubernetes-{hashlib.sha256(urn.encode()).hexdigest()[:16]}"


def to_server(inputs: Object) -> Object:
    """The manifest that the API server is sent."""
    return {key: _renamed(value) for key, value in reveal(inputs).items() if key not in INTERNAL}


def _renamed(value: Any) -> Any:
    """The SDK can't spell the dashes of `x-kubernetes-*`."""
    if is_object(value):
        return {
            key.replace("_", "-") if key.startswith("x_kubernetes_") else key: _renamed(member)
            for key, member in value.items()
        }
    return [_renamed(member) for member in value] if is_list(value) else value


def from_server(live: Object) -> Object:
    """Outputs: without the bookkeeping of who manages what, which is a third of an object's size."""
    found = {key: _spelled(value) for key, value in live.items()}
    found["metadata"] = {key: value for key, value in metadata(found).items() if key != "managedFields"}
    return found


def _spelled(value: Any) -> Any:
    if is_object(value):
        return {
            key.replace("-", "_") if key.startswith("x-kubernetes-") else key: _spelled(member)
            for key, member in value.items()
        }
    return [_spelled(member) for member in value] if is_list(value) else value


def sealed_inputs(inputs: Object) -> Object:
    """A Secret's content is secret even where the program does not say so."""
    if not is_secret(inputs):
        return inputs
    return mark(inputs, [(name,) for name in ("data", "stringData") if name in inputs])


def sealed_outputs(outputs: Object, inputs: Object) -> Object:
    """Marks what came from a secret input. A list is marked whole: the server may have reordered it."""
    paths = [_until_list(path) for path in secret_paths(inputs)]
    if is_secret(outputs):
        paths += [("data",), ("stringData",), ("metadata", "annotations", LAST_APPLIED)]
    return mark(outputs, paths)


def _until_list(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    first = next((place for place, step in enumerate(path) if isinstance(step, int)), len(path))
    return path[:first]


def redact(text: str, inputs: Object) -> str:
    """Takes an object's secret values out of a message: API servers quote what they refuse."""
    for value in _secret_texts(sealed_inputs(inputs), False):
        text = text.replace(value, "[secret]")
    return text


def _secret_texts(value: Any, inside: bool) -> list[str]:
    if isinstance(value, Secret):
        return _secret_texts(value.value, True)
    if is_object(value):
        return [text for member in value.values() for text in _secret_texts(member, inside)]
    if is_list(value):
        return [text for member in value for text in _secret_texts(member, inside)]
    # What is shorter than this is found in every message.
    return [value] if inside and isinstance(value, str) and len(value) >= 4 else []
