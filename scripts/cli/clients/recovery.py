"""What a run that was killed left behind in a stack's state, and how the engine's own means put it right.

The engine writes down that it begins to create an object, and a kill leaves it at that. Whether the object was made
can only be seen in the cluster: it is imported if it is there, and forgotten if it is not, so that the run that follows
makes nothing twice and loses nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modules.core.errors import UserError

Document = Mapping[str, Any]
KUBERNETES = "kubernetes:"
MANAGER = "pulumi-kubernetes"
"""How the name of the plugin's field manager begins, on every object that it made."""
OF_PREVIOUS_PLUGIN = "__cluster"
"""Among the outputs of objects that the Kubernetes plugin of earlier versions made, and of no others."""


def refresh_arguments(pending: Sequence[Document], look: Callable[[Document], Document | None]) -> list[str]:
    """Return the arguments of `pulumi refresh` for pending operations.

    look: gives an object of the cluster as it is now, by its manifest; None where there is none.
    """
    arguments = ["--clear-pending-creates"]
    for operation in pending:
        resource: Document = operation["resource"]
        if operation["type"] != "creating" or not str(resource["type"]).startswith(KUBERNETES):
            continue  # of what has no object, a value that was drawn, nothing can be left
        manifest = _manifest(resource)
        found = look(manifest)
        if found is not None and _is_ours(found):
            arguments += [f"--import-pending-creates={value}" for value in (resource["urn"], _id(manifest))]
    return arguments


def refuse_previous_plugin(stack: str, resources: Sequence[Document]) -> None:
    """Raises UserError for a state whose objects the official plugin would replace, with the data in them."""
    made = [one for one in resources if OF_PREVIOUS_PLUGIN in (one.get("outputs") or {})]
    if made:
        raise UserError(
            f"stack {stack}: {len(made)} of its objects were made by the Kubernetes plugin of an earlier version of "
            f"Groundwork; the official one would replace them, and their data. Save what you need, then run "
            f"`scripts/down {stack}` and `scripts/up {stack}`"
        )


def _manifest(resource: Document) -> dict[str, Any]:
    inputs: Document = resource["inputs"]
    metadata: Document = inputs["metadata"]
    named = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    return {"apiVersion": inputs["apiVersion"], "kind": inputs["kind"], "metadata": named}


def _id(manifest: Document) -> str:
    metadata: Mapping[str, str] = manifest["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else metadata["name"]


def _is_ours(found: Document) -> bool:
    managers: Sequence[Mapping[str, str]] = found["metadata"].get("managedFields") or []
    return any(entry.get("manager", "").startswith(MANAGER) for entry in managers)
