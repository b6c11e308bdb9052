"""What a preview learns from the server, and what it says about objects that no server could check."""

import threading
from typing import Any

from embedded.providers.base import Call, Object, ProviderError, is_object

from .cluster import Cluster
from .errors import ApiError
from .manifest import metadata, name_of, namespace_of, redact, title

TEMPLATES = {
    ("apps/v1", "Deployment"): ("template",),
    ("apps/v1", "StatefulSet"): ("template",),
    ("apps/v1", "DaemonSet"): ("template",),
    ("apps/v1", "ReplicaSet"): ("template",),
    ("v1", "ReplicationController"): ("template",),
    ("batch/v1", "Job"): ("template",),
    ("batch/v1", "CronJob"): ("jobTemplate", "spec", "template"),
}


class Coming:
    """What the program declares in this run, as far as it has got."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: set[tuple[str, str, str]] = set()
        self._kinds: set[tuple[str, str]] = set()
        self._unchecked = 0

    def declare(self, manifest: Object) -> None:
        name = metadata(manifest).get("name")
        with self._lock:
            if isinstance(name, str):
                self._objects.add((str(manifest.get("kind")), namespace_of(manifest), name))
            if manifest.get("kind") == "CustomResourceDefinition":
                self._kinds |= _defined(manifest)

    def has(self, kind: str, name: str, namespace: str = "") -> bool:
        return (kind, namespace, name) in self._objects

    def has_kind(self, api_version: str, kind: str) -> bool:
        return (api_version, kind) in self._kinds

    def unchecked(self, call: Call, why: str) -> None:
        """Notes on the resource and, as a running count, on the stack, that no server has looked at an object."""
        with self._lock:
            self._unchecked += 1
            count = self._unchecked
        call.status(f"not checked by a server: {why}")
        objects = "1 object was" if count == 1 else f"{count} objects were"
        call.say("info", f"{objects} not checked by a server", "", True)


def _defined(manifest: Object) -> set[tuple[str, str]]:
    found = manifest.get("spec")
    if not is_object(found):
        return set()
    names, versions = found.get("names"), found.get("versions")
    if not is_object(names) or not isinstance(versions, list):
        return set()
    listed: list[Any] = [*versions]  # pyright: ignore[reportUnknownVariableType]
    return {
        (f"{found.get('group')}/{entry.get('name')}", str(names.get("kind"))) for entry in listed if is_object(entry)
    }


def examine_template(call: Call, cluster: Cluster, coming: Coming, manifest: Object, inputs: Object) -> None:
    """Asks the server about a workload's pods too: Pod Security, quotas and limits are only looked at there."""
    template = _template(manifest)
    if template is None:
        return
    namespace = namespace_of(manifest)
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **{key: metadata(template)[key] for key in ("labels", "annotations") if key in metadata(template)},
            "generateName": f"{name_of(manifest)[:40]}-preview-",
            "namespace": namespace,
        },
        "spec": _with_claims(manifest, template.get("spec")),
    }
    query = {"dryRun": "All", "fieldManager": "groundwork-preview"}
    try:
        cluster.client.send("POST", f"/api/v1/namespaces/{namespace}/pods", pod, query)
    except ApiError as error:
        if not _comes_with_the_run(error, coming, namespace):
            call.warn(f"the pods of {title(manifest)} would be refused: {redact(error.message, inputs)}")


def _with_claims(manifest: Object, spec: Any) -> Any:
    """A StatefulSet's pods have volumes of its claim templates, which its controller adds."""
    settings: Any = manifest.get("spec")
    claims: list[Any] = settings.get("volumeClaimTemplates") or [] if is_object(settings) else []
    if not claims or not is_object(spec):
        return spec
    volumes: list[Any] = [*(spec.get("volumes") or [])]
    volumes += [{"name": name_of(claim), "emptyDir": {}} for claim in claims]
    return {**spec, "volumes": volumes}


def _template(manifest: Object) -> Object | None:
    steps = TEMPLATES.get((str(manifest.get("apiVersion")), str(manifest.get("kind"))))
    found: Any = manifest.get("spec")
    for step in steps or ():
        found = found.get(step) if is_object(found) else None
    return found if steps and is_object(found) else None


def _comes_with_the_run(error: ApiError, coming: Coming, namespace: str) -> bool:
    """A service account or priority class that the same run makes is missing only now."""
    message = error.message
    accounts = (text for text in message.split('"') if coming.has("ServiceAccount", text, namespace))
    classes = (text for text in message.split('"') if coming.has("PriorityClass", text))
    if "error looking up service account" in message:
        # The controller makes the account `default` a moment after the namespace.
        name = message.rsplit('"', 2)[-2] if message.count('"') >= 2 else ""
        return any(True for _ in accounts) or name == "default" or message.rstrip().endswith("default: not found")
    return "PriorityClass" in message and any(True for _ in classes)


def missing_namespace(error: ApiError) -> str:
    """The namespace that an error is about, "" for any other error."""
    if error.not_found and error.details.get("kind") == "namespaces":
        return str(error.details.get("name") or "")
    return ""


def unknown_kind(coming: Coming, call: Call, api_version: str, kind: str) -> None:
    """In a preview, a custom resource whose definition comes later is not an error. Raises ProviderError for others."""
    if coming.has_kind(api_version, kind):
        coming.unchecked(call, f"its definition ({kind} in {api_version}) comes in this run")
        return
    group = api_version.partition("/")[0] if "/" in api_version else ""
    if "." not in group or group.endswith(".k8s.io"):
        raise ProviderError(no_such_kind(api_version, kind))
    coming.unchecked(call, f"the server does not know {kind} in {api_version} yet")
    call.warn(f"{no_such_kind(api_version, kind)}; and nothing that this program has declared so far defines it")


def no_such_kind(api_version: str, kind: str) -> str:
    return f"the server knows no kind {kind!r} in {api_version!r}"
