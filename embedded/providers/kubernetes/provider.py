"""The provider: what the engine asks for, in terms of one cluster's objects."""

import threading
from importlib.metadata import version

from embedded.providers.base import (
    Call,
    Change,
    Checked,
    Created,
    Diff,
    InitFailed,
    Object,
    Provider,
    ProviderError,
    ReadResult,
    Resource,
    has_unknown,
    reveal,
)

from . import checks
from .cluster import Cluster
from .diff import differences, notation
from .discovery import Kind
from .errors import ApiError, Unreachable
from .imports import inputs_of, merged_inputs
from .manifest import (
    AUTONAMED,
    CLUSTER_KEY,
    MANAGER_KEY,
    REPLACE_UNREADY,
    annotation_true,
    annotations,
    field_manager,
    from_server,
    id_of,
    metadata,
    name_of,
    namespace_of,
    redact,
    sealed_inputs,
    sealed_outputs,
    split_id,
    title,
    to_server,
)
from .preview import Coming, examine_template, missing_namespace, no_such_kind, unknown_kind
from .readiness.waiting import NotReady, timeout_of, wait_ready
from .readiness.workloads import job
from .rules import refuse_data_loss, replaces
from .settings import Settings
from .settings import check as check_settings
from .settings import diff as diff_settings
from .settings import parse as parse_settings
from .writes import Writer
from .yaml_files import decode_yaml

UNKNOWN_VALUES = "it holds values that are known only when other resources exist"
RETRY_PAUSE = 0.5
NAMESPACE_WAIT = 10.0
"""Seconds for which an object waits for its namespace, where the program declares it too."""
HELM_HOOK = "helm.sh/hook"
DEFINITION_WAIT = 10.0
"""Seconds for which a custom resource waits for the server to serve a definition made moments ago."""
UNDECLARED_WAIT = 3.0
"""Seconds for which an object waits for a namespace or a definition that the program may be about to declare."""


class Kubernetes(Provider):
    """One provider resource's cluster."""

    name = "kubernetes"
    takes_proposed_names = True

    def __init__(self) -> None:
        super().__init__()
        self.version = version("pulumi-kubernetes")
        self.settings = Settings()
        self.coming = Coming()
        self._cluster: Cluster | None = None
        self._lock = threading.Lock()

    @property
    def cluster(self) -> Cluster:
        with self._lock:
            if self._cluster is None:
                self._cluster = Cluster(self.settings, self.cancelled)
            return self._cluster

    def close(self) -> None:
        with self._lock:
            if self._cluster is not None:
                self._cluster.close()

    def check_config(self, urn: str, old: Object, new: Object) -> Checked:
        del urn, old
        return Checked(*check_settings(new))

    def diff_config(self, urn: str, old: Object, new: Object) -> Diff:
        del urn
        return diff_settings(old, new)

    def configure(self, settings: Object) -> None:
        self.settings = parse_settings(settings)

    def check(self, resource: Resource, old: Object, new: Object, seed: bytes) -> Checked:
        failures = checks.refused(resource, new)
        if failures:
            return Checked(new, failures)
        inputs = checks.named(resource, old, new, seed)
        inputs = self._with_namespace(inputs)
        self.coming.declare(reveal(inputs))
        return Checked(sealed_inputs(inputs))

    def _with_namespace(self, inputs: Object) -> Object:
        plain = reveal(inputs)
        if has_unknown(plain.get("metadata")) or namespace_of(plain):
            return inputs
        kind = self.cluster.kind(plain["apiVersion"], plain["kind"])
        if kind is None or not kind.namespaced:
            return inputs
        return checks.with_metadata(inputs, {"namespace": self.cluster.namespace})

    def diff(self, resource: Resource, id: str, state: Object, old: Object, new: Object) -> Diff:
        del id
        self.cluster.refuse_other(reveal(state))
        before, after = _placed(to_server(old), state), to_server(new)
        found = differences(before, after)
        changes: dict[str, Change] = {}
        replacing: list[str] = []
        for path, change in found.items():
            if checks.is_patch(resource):
                forced = path[:2] in (("metadata", "name"), ("metadata", "namespace"))
            else:
                forced = replaces(path, before, after, mutable=self.settings.mutable)
            text = notation(path)
            changes[text] = Change[f"{change.name}_REPLACE"] if forced else change
            if forced:
                replacing.append(text)
        if self._unready(resource, before, after):
            replacing.append(f'metadata.annotations["{REPLACE_UNREADY}"]')
            changes[replacing[-1]] = Change.UPDATE_REPLACE
        if replacing:
            refuse_data_loss(before, after, replacing)
        fixed = annotations(after).get(AUTONAMED) != "true" and id_of(before) == id_of(after)
        return Diff(changes, delete_first=bool(replacing) and fixed)

    def _unready(self, resource: Resource, before: Object, after: Object) -> bool:
        """Whether it is a Job that has not ended well, and the program wants another one then."""
        if not annotation_true(after, REPLACE_UNREADY) or before.get("kind") != "Job" or checks.is_patch(resource):
            return False
        kind = self.cluster.kind(str(before["apiVersion"]), "Job")
        live = kind and Writer(self.cluster, kind).read(namespace_of(before), name_of(before))
        return bool(live) and not job(live).done

    def create(self, call: Call, resource: Resource, inputs: Object) -> Created:
        manifest = to_server(inputs)
        if has_unknown(manifest):
            self.coming.unchecked(call, UNKNOWN_VALUES)
            return Created("", inputs)
        kind = self._kind(call, manifest)
        if kind is None:
            return Created("", inputs)
        if kind.namespaced and not namespace_of(manifest):
            # Its definition came in this run: `check` could not know yet that it lives in a namespace.
            manifest = checks.with_metadata(manifest, {"namespace": self.cluster.namespace})
        manager = field_manager(resource.urn, manifest)
        try:
            live = self._made(call, resource, Writer(self.cluster, kind), manifest, manager)
        except ApiError as error:
            if call.preview and (namespace := missing_namespace(error)):
                self._note_missing_namespace(call, namespace)
                return Created("", inputs)
            raise self._refused(error, manifest, inputs) from None
        self._pass_warnings(call, manifest)
        if call.preview:
            examine_template(call, self.cluster, self.coming, manifest, inputs)
            return Created("", _unsettled(self._outputs(live, inputs, manager)))
        return Created(id_of(live), self._awaited(call, kind, live, inputs, manager))

    def _made(self, call: Call, resource: Resource, writer: Writer, manifest: Object, manager: str) -> Object:
        """Waits a little for a namespace that this run makes: programs forget to say what depends on it."""
        waited = 0.0
        while True:
            try:
                if checks.is_patch(resource):
                    force = self.settings.patch_force
                    return writer.patch(manifest, manager, dry_run=call.preview, force=force)
                return writer.create(call, manifest, manager, timeout_of(call, manifest))
            except ApiError as error:
                namespace = missing_namespace(error)
                patience = NAMESPACE_WAIT if self.coming.has("Namespace", namespace) else UNDECLARED_WAIT
                if call.preview or not namespace or waited >= patience:
                    raise
            call.sleep(RETRY_PAUSE)
            waited += RETRY_PAUSE

    def update(self, call: Call, resource: Resource, id: str, *, state: Object, old: Object, new: Object) -> Object:
        del id, old
        manifest = to_server(new)
        if has_unknown(manifest):
            self.coming.unchecked(call, UNKNOWN_VALUES)
            return new
        self.cluster.refuse_other(reveal(state))
        kind = self._kind(call, manifest)
        if kind is None:
            return new
        before = str(state.get(MANAGER_KEY) or field_manager(resource.urn, to_server(state)))
        chosen = annotations(manifest).get("pulumi.com/patchFieldManager")
        manager = str(chosen) if chosen else before
        writer = Writer(self.cluster, kind)
        try:
            live = writer.apply(manifest, manager, dry_run=call.preview, force=self.settings.patch_force)
            if manager != before and not call.preview:
                writer.relinquish(manifest, before)
        except ApiError as error:
            raise self._refused(error, manifest, new) from None
        self._pass_warnings(call, manifest)
        if call.preview:
            examine_template(call, self.cluster, self.coming, manifest, new)
            return _unsettled(self._outputs(live, new, manager))
        return self._awaited(call, kind, live, new, manager)

    def read(self, call: Call, resource: Resource, id: str, state: Object, inputs: Object) -> ReadResult | None:
        del call
        known, given = to_server(state), to_server(inputs)
        self.cluster.refuse_other(reveal(state))
        api_version, name = _identity(resource, known, given)
        kind = self.cluster.kind(api_version, name)
        if kind is None:
            if known:
                return None  # its definition is gone, and every object with it
            raise ProviderError(no_such_kind(api_version, name))
        namespace, object_name = split_id(id)
        if kind.namespaced and not namespace:
            namespace = namespace_of(known) or namespace_of(given) or self.cluster.namespace
        try:
            live = Writer(self.cluster, kind).read(namespace, object_name)
        except ApiError as error:
            raise self._refused(error, given or {"kind": name}, inputs) from None
        if live is None:
            return None
        manager = str(state.get(MANAGER_KEY) or field_manager(resource.urn, live))
        fresh = from_server(live)
        read = merged_inputs(inputs, known, fresh) if inputs else sealed_inputs(inputs_of(fresh))
        return ReadResult(id_of(live) if kind.namespaced else id, self._outputs(live, read, manager), read)

    def delete(self, call: Call, resource: Resource, id: str, state: Object, inputs: Object) -> None:
        known = to_server(state)
        try:
            self.cluster.refuse_other(reveal(state))
            kind = self.cluster.kind(known["apiVersion"], known["kind"])
        except Unreachable as error:
            if not self.settings.delete_unreachable:
                raise
            call.warn(f"{error}; deleted from the state only, since deleteUnreachable is set")
            return
        if kind is None:
            return  # its definition is gone, and every object with it
        writer = Writer(self.cluster, kind)
        namespace, name = split_id(id)
        try:
            if checks.is_patch(resource):
                writer.relinquish(known, str(state.get(MANAGER_KEY)))
            else:
                writer.delete(call, known, namespace, name, timeout_of(call, to_server(inputs) or known))
        except ApiError as error:
            raise self._refused(error, known, inputs) from None

    def invoke(self, call: Call, token: str, arguments: Object) -> Object:
        if token == "kubernetes:yaml:decode":
            return {"result": decode_yaml(reveal(arguments), self.cluster)}
        return super().invoke(call, token, arguments)

    def left_out(self, token: str) -> str:
        return checks.left_out(token) or super().left_out(token)

    def _kind(self, call: Call, manifest: Object) -> Kind | None:
        """None, in a preview, for a kind that the server may come to know. Raises ProviderError for others."""
        api_version, name = str(manifest["apiVersion"]), str(manifest["kind"])
        kind = self.cluster.kind(api_version, name)
        if kind is not None:
            return kind
        if call.preview:
            unknown_kind(self.coming, call, api_version, name)
            return None
        waited = 0.0
        while waited < (DEFINITION_WAIT if self.coming.has_kind(api_version, name) else UNDECLARED_WAIT):
            call.sleep(RETRY_PAUSE)
            waited += RETRY_PAUSE
            self.cluster.discovery.forget()
            if kind := self.cluster.kind(api_version, name):
                return kind
        raise ProviderError(f"{no_such_kind(api_version, name)}; make its CustomResourceDefinition first")

    def _note_missing_namespace(self, call: Call, namespace: str) -> None:
        if self.coming.has("Namespace", namespace):
            self.coming.unchecked(call, f"its namespace {namespace} comes in this run")
            return
        self.coming.unchecked(call, f"its namespace {namespace} does not exist")
        call.warn(f"the namespace {namespace!r} does not exist, and nothing this program has declared so far makes it")

    def _awaited(self, call: Call, kind: Kind, live: Object, inputs: Object, manager: str) -> Object:
        """Outputs of the object when ready. Raises InitFailed, so that the state keeps what was made."""
        try:
            ready = wait_ready(call, self.cluster, kind, live)
        except NotReady as failure:
            reasons = [redact(reason, inputs) for reason in failure.reasons]
            outputs = self._outputs(failure.live, inputs, manager)
            raise InitFailed(id_of(live), outputs, inputs, [f"{title(live)} was applied", *reasons]) from None
        if kind.kind == "CustomResourceDefinition":
            self.cluster.discovery.forget()
        return self._outputs(ready, inputs, manager)

    def _pass_warnings(self, call: Call, manifest: Object) -> None:
        if not self.settings.hide_helm_hooks and any(key.startswith(HELM_HOOK) for key in annotations(manifest)):
            call.warn(f"{title(manifest)} is a Helm hook: it is made like any other object, and never run as a hook")
        if annotation_true(manifest, REPLACE_UNREADY) and manifest.get("kind") != "Job":
            call.warn(f"{title(manifest)}: {REPLACE_UNREADY} is for Jobs only, and has no effect here")
        for text in self.cluster.client.warnings():
            if not (self.settings.hide_deprecations and "deprecated" in text):
                call.warn(text)

    def _outputs(self, live: Object, inputs: Object, manager: str) -> Object:
        return {
            **sealed_outputs(from_server(live), inputs),
            MANAGER_KEY: manager,
            CLUSTER_KEY: self.cluster.uid,
        }

    def _refused(self, error: ApiError, manifest: Object, inputs: Object) -> ProviderError:
        where = "; ".join(str(cause["field"]) for cause in error.causes if cause.get("field"))
        fields = f" [{where}]" if where and where not in error.message else ""
        return ProviderError(f"{title(manifest)}: {redact(error.message, inputs)}{fields}")


def _placed(inputs: Object, state: Object) -> Object:
    """Old inputs name no namespace where the kind was unknown to the server when they were checked."""
    namespace = namespace_of(reveal(state))
    if namespace and not namespace_of(inputs):
        return checks.with_metadata(inputs, {"namespace": namespace})
    return inputs


def _unsettled(outputs: Object) -> Object:
    """What a dry run returns holds an identity and a status that the real object will not have."""
    fields = {
        key: value
        for key, value in metadata(outputs).items()
        if key not in ("uid", "resourceVersion", "creationTimestamp", "generation")
    }
    kept = {key: value for key, value in outputs.items() if key != "status"}
    return {**kept, "metadata": fields}


def _identity(resource: Resource, known: Object, given: Object) -> tuple[str, str]:
    """apiVersion and kind, from the state or, for an import, from the type's name."""
    for source in (given, known):
        if source.get("apiVersion") and source.get("kind"):
            return str(source["apiVersion"]), str(source["kind"])
    _, middle, kind = resource.type.split(":", 2)
    group, _, api_version = middle.rpartition("/")
    kind = kind.removesuffix("Patch") if checks.is_patch(resource) else kind
    return (api_version if group in ("", "core") else f"{group}/{api_version}"), kind
