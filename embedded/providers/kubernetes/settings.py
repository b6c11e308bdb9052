"""The provider's own settings: from its resource, the stack's configuration, or the environment."""

import json
import os
from dataclasses import dataclass
from typing import Any

from embedded.providers.base import Change, CheckFailure, Diff, Object, ProviderError, has_unknown, is_unknown, reveal

from .kubeconfig import load

FLAGS = {
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "suppressDeprecationWarnings": "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS",
    "suppressHelmHookWarnings": "PULUMI_K8S_SUPPRESS_HELM_HOOK_WARNINGS",
}
LEFT_OUT = {
    "renderYamlToDirectory": "",
    "alwaysRender": "",
    "skipUpdateUnreachable": "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
}
"""Settings of the official plugin that change what it does to objects; ignoring one silently would be worse.

With the environment variable of each, "" where it has none.
"""
AWAIT_ALL = "PULUMI_K8S_AWAIT_ALL"
SERVER_SIDE_APPLY = "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY"
CONNECTION = ("kubeconfig", "context", "cluster")


@dataclass(frozen=True)
class Settings:
    """Texts are "" where not set; `mutable` holds the kinds ConfigMap, Secret that may change in place."""

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    namespace: str = ""
    mutable: frozenset[str] = frozenset()
    patch_force: bool = False
    delete_unreachable: bool = False
    hide_deprecations: bool = False
    hide_helm_hooks: bool = False


def parse(values: Object) -> Settings:
    given = reveal(values)
    flag = {name: _flag(given.get(name), variable) for name, variable in FLAGS.items()}
    kinds = {"ConfigMap": flag["enableConfigMapMutable"], "Secret": flag["enableSecretMutable"]}
    return Settings(
        kubeconfig=_text(given, "kubeconfig"),
        context=_text(given, "context"),
        cluster=_text(given, "cluster"),
        namespace=_text(given, "namespace"),
        mutable=frozenset(kind for kind, mutable in kinds.items() if mutable),
        patch_force=flag["enablePatchForce"],
        delete_unreachable=flag["deleteUnreachable"],
        hide_deprecations=flag["suppressDeprecationWarnings"],
        hide_helm_hooks=flag["suppressHelmHookWarnings"],
    )


def _text(given: Object, name: str) -> str:
    value = given.get(name)
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict) else ""


def _flag(value: Any, variable: str) -> bool:
    """The SDK sends JSON texts; a stack's configuration and the environment plain ones."""
    text = os.environ.get(variable, "") if value is None else value
    return str(text).strip('"').lower() in ("true", "1")


def check(inputs: Object) -> tuple[Object, list[CheckFailure]]:
    """Settles the inputs that go into the state.

    A kubeconfig that only repeats $KUBECONFIG, as the SDK sends it, is left out: where a person keeps the file is no
    property of the cluster.
    """
    settled = dict(inputs)
    if reveal(settled.get("kubeconfig")) == os.environ.get("KUBECONFIG", ""):
        settled.pop("kubeconfig", None)
    refused = [
        CheckFailure("not offered by this stand-in; the official plugin has it", name)
        for name, variable in LEFT_OUT.items()
        if _flag(settled.get(name), variable) or (name == "renderYamlToDirectory" and settled.get(name))
    ]
    if _flag(None, AWAIT_ALL):
        refused.append(CheckFailure(f"{AWAIT_ALL} is not offered by this stand-in; annotate with pulumi.com/waitFor"))
    ssa = settled.get("enableServerSideApply", os.environ.get(SERVER_SIDE_APPLY))
    if ssa is not None and not is_unknown(ssa) and not _flag(reveal(ssa), ""):
        refused.append(
            CheckFailure("is false; this stand-in always applies on the server: remove it", "enableServerSideApply")
        )
    return settled, refused


def diff(old: Object, new: Object) -> Diff:
    """A different cluster replaces every object on it; cluster_identifier, where both have it, alone decides."""
    before, after = reveal(old), reveal(new)
    changed = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    changes = dict.fromkeys(changed, Change.UPDATE)
    identifier = before.get("clusterIdentifier"), after.get("clusterIdentifier")
    if all(identifier):
        if identifier[0] != identifier[1]:
            changes["clusterIdentifier"] = Change.UPDATE_REPLACE
        return Diff(changes)
    for name in CONNECTION:
        if name in changes and (has_unknown(after.get(name)) or _server(before) != _server(after)):
            changes[name] = Change.UPDATE_REPLACE
    return Diff(changes)


def _server(values: Object) -> str:
    settings = parse(values)
    try:
        return load(settings.kubeconfig, settings.context, settings.cluster).server
    except ProviderError:
        return ""
