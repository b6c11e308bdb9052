"""`kubernetes:yaml:decode`: what yaml.ConfigFile and yaml.ConfigGroup of the SDK ask a provider for."""

from typing import Any

from embedded.providers.base import Object, ProviderError, is_list, is_object

from .cluster import Cluster
from .manifest import metadata


def decode_yaml(arguments: Object, cluster: Cluster) -> list[Object]:
    """The objects of a YAML text, lists taken apart. `defaultNamespace` goes to namespaced ones that name none."""
    import yaml

    default = arguments.get("defaultNamespace") or ""
    try:
        documents: list[Any] = list(yaml.load_all(arguments.get("text") or "", yaml.CSafeLoader))
    except yaml.YAMLError as error:
        raise ProviderError(f"the text is not YAML: {error}") from None
    found: list[Object] = []
    for document in documents:
        if not is_object(document):
            continue
        items = document.get("items")
        listed = items if str(document.get("kind", "")).endswith("List") and is_list(items) else [document]
        found += [_placed(item, default, cluster) for item in listed]
    return found


def _placed(item: Object, default: str, cluster: Cluster) -> Object:
    if not default or metadata(item).get("namespace"):
        return item
    kind = cluster.kind(str(item.get("apiVersion")), str(item.get("kind")))
    if kind is None or not kind.namespaced:
        return item
    return {**item, "metadata": {**metadata(item), "namespace": default}}
