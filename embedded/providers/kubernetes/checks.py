"""Settles inputs before anything is compared: names, namespaces, what is refused without asking a server."""

import hashlib

from embedded.providers.base import CheckFailure, Object, ProviderError, Resource, is_object, is_unknown, reveal

from .manifest import AUTONAMED, PROPAGATION, WAIT_FOR, annotations, metadata, name_of
from .readiness.conditions import Malformed, conditions_of

LEFT_OUT = {
    "kubernetes:helm.sh/v3:Release": "Helm releases need the official plugin, which carries Helm itself",
    "kubernetes:helm.sh/v4:Chart": "Helm charts need the official plugin, which carries Helm itself",
    "kubernetes:yaml/v2:ConfigFile": "the remote component needs the official plugin; yaml.ConfigFile works here",
    "kubernetes:yaml/v2:ConfigGroup": "the remote component needs the official plugin; yaml.ConfigGroup works here",
    "kubernetes:kustomize/v2:Directory": "the remote component needs the official plugin",
}
SUFFIX_LENGTH = 8
POLICIES = ("foreground", "background", "orphan")


def left_out(token: str) -> str:
    """Why a type is not offered; "" for one that is."""
    why = LEFT_OUT.get(token)
    return f"{token} is not offered by this stand-in: {why}" if why else ""


def is_patch(resource: Resource) -> bool:
    """Patch resources own some fields of an object that another made."""
    return resource.type.endswith("Patch") and not resource.type.endswith(":Patch")


def refused(resource: Resource, inputs: Object) -> list[CheckFailure]:
    plain = reveal(inputs)
    kind = str(plain.get("kind") or "")
    if why := left_out(resource.type):
        return [CheckFailure(why)]
    if not kind or not plain.get("apiVersion"):
        return [CheckFailure("apiVersion and kind are needed", "kind" if plain.get("apiVersion") else "apiVersion")]
    if kind.endswith("List") and "items" in plain:
        return [CheckFailure(f"{kind}: a list can't be made; declare each of its items as a resource", "kind")]
    if metadata(plain).get("generateName"):
        return [
            CheckFailure("not possible with server-side apply; leave the name out instead", "metadata.generateName")
        ]
    if is_patch(resource) and not name_of(plain):
        return [CheckFailure("a Patch resource needs the name of the object", "metadata.name")]
    policy = annotations(plain).get(PROPAGATION, "foreground")
    if not is_unknown(policy) and str(policy).lower() not in POLICIES:
        why = f"{policy!r} is no such policy; allowed are {', '.join(POLICIES)}"
        return [CheckFailure(why, f'metadata.annotations["{PROPAGATION}"]')]
    try:
        conditions_of(plain)
    except Malformed as error:
        return [CheckFailure(str(error), f'metadata.annotations["{WAIT_FOR}"]')]
    return []


def named(resource: Resource, old: Object, inputs: Object, seed: bytes) -> Object:
    """Inputs with a name: the program's, the one made up before, the engine's, or one that ends in 8 random letters.

    Raises ProviderError where none is given and the stack's configuration says that none is made up.
    """
    plain = reveal(inputs)
    given = plain.get("metadata", {})
    if is_unknown(given) or not is_object(given) or given.get("name"):
        return inputs
    before = reveal(old)
    if before and annotations(before).get(AUTONAMED) == "true":
        name = name_of(before)
    elif resource.needs_name:
        raise ProviderError(f"metadata.name of {resource.name}: pulumi:autonaming is disabled, so it must be given")
    elif resource.proposed_name:
        name = resource.proposed_name
    else:
        name = f"{resource.name}-{hashlib.sha256(seed + resource.urn.encode()).hexdigest()[:SUFFIX_LENGTH]}".lower()
    return with_metadata(inputs, {"name": name}, {AUTONAMED: "true"})


def with_metadata(inputs: Object, fields: Object, marks: Object | None = None) -> Object:
    """A copy with more in its metadata, and more annotations, where these are known."""
    found = inputs.get("metadata")
    current: Object = found if is_object(found) else {}
    changed = {**current, **fields}
    if marks:
        known = current.get("annotations")
        if known is None or is_object(known):
            changed["annotations"] = {**(known or {}), **marks}
    return {**inputs, "metadata": changed}
