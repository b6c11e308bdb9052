"""Makes, changes and removes objects: server-side apply, ownership, adoption, deletion."""

import time

from embedded.providers.base import Call, Object, ProviderError, items

from .cluster import Cluster
from .discovery import Kind
from .errors import ApiError
from .manifest import (
    PATCH_FORCE,
    PROPAGATION,
    SKIP_AWAIT,
    annotation_true,
    annotations,
    metadata,
    name_of,
    namespace_of,
    title,
)

APPLY = "application/apply-patch+yaml"
FIRST_POLL, LONGEST_POLL = 0.1, 1.0
UNAWAITED = frozenset({"Namespace", "Pod", "ReplicationController", "DaemonSet", "Deployment", "StatefulSet", "Job"})
SLOW = 5.0
"""Seconds after which a deletion says what it waits for."""


class Writer:
    """Writes of one kind's objects."""

    def __init__(self, cluster: Cluster, kind: Kind) -> None:
        self._client, self._cluster, self.kind = cluster.client, cluster, kind

    def path(self, manifest: Object) -> str:
        return self.kind.path(namespace_of(manifest), name_of(manifest))

    def read(self, namespace: str, name: str) -> Object | None:
        """None where the object, or its namespace, is gone."""
        try:
            return self._client.get(self.kind.path(namespace, name))
        except ApiError as error:
            if error.not_found:
                return None
            raise

    def create(self, call: Call, manifest: Object, manager: str, timeout: float) -> Object:
        """Raises ProviderError when it exists, unless this very resource made it in a run that was cut off."""
        dry_run = call.preview
        if "patch" not in self.kind.verbs:
            query = _query(manager, dry_run)
            return self._client.send("POST", self.kind.collection(namespace_of(manifest)), manifest, query)
        existing = self.read(namespace_of(manifest), name_of(manifest))
        if existing is None:
            return self.apply(manifest, manager, dry_run=dry_run)
        if metadata(existing).get("deletionTimestamp"):
            if dry_run:
                return self._apply_beside(manifest, manager)
            self._wait_gone(call, self.path(manifest), existing, timeout)
        elif not manages(existing, manager):
            raise ProviderError(
                f"{title(manifest)} already exists and was not made by this resource (field managers: "
                f"{', '.join(managers(existing)) or 'none'}). Choose another name, delete it, or take it over with "
                "`pulumi import`; for a resource that was renamed in the program, add an alias"
            )
        try:
            return self.apply(manifest, manager, dry_run=dry_run)
        except ApiError as error:
            if dry_run and error.status == 422:
                # The object will be replaced: it can't be changed into the new one, but need not be.
                return self._apply_beside(manifest, manager)
            raise

    def _apply_beside(self, manifest: Object, manager: str) -> Object:
        """A dry run of an object whose name is still taken by the one that it replaces."""
        name = f"{name_of(manifest)[:50]}-preview"
        renamed = {**manifest, "metadata": {**metadata(manifest), "name": name}}
        live = self.apply(renamed, manager, dry_run=True)
        return {**live, "metadata": {**metadata(live), "name": name_of(manifest)}}

    def patch(self, manifest: Object, manager: str, *, dry_run: bool, force: bool) -> Object:
        """Owns some fields of an object that must be there. Raises ProviderError when it is not."""
        if self.read(namespace_of(manifest), name_of(manifest)) is None:
            raise ProviderError(f"{title(manifest)} does not exist: a Patch resource changes an object that is there")
        return self.apply(manifest, manager, dry_run=dry_run, force=force)

    def apply(self, manifest: Object, manager: str, *, dry_run: bool, force: bool = False) -> Object:
        """Server-side apply. Raises ProviderError naming the owner of a field that somebody else set."""
        query = _query(manager, dry_run)
        query["force"] = "true" if force or annotation_true(manifest, PATCH_FORCE) else "false"
        try:
            return self._client.send("PATCH", self.path(manifest), manifest, query, APPLY)
        except ApiError as error:
            if not error.conflicts:
                raise
            owned = "; ".join(f"{field.lstrip('.')} by {owner!r}" for field, owner in error.conflicts)
            raise ProviderError(
                f"{title(manifest)}: fields are owned by another manager: {owned}. Nothing was changed. Leave them out "
                f'of the program, or take them over with the annotation {PATCH_FORCE}: "true"'
            ) from None

    def relinquish(self, manifest: Object, manager: str) -> None:
        """Gives up every field that a manager owns; the object stays."""
        bare: Object = {
            "apiVersion": manifest["apiVersion"],
            "kind": manifest["kind"],
            "metadata": {key: metadata(manifest)[key] for key in ("name", "namespace") if key in metadata(manifest)},
        }
        live = self.read(namespace_of(manifest), name_of(manifest))
        if live is not None and manages(live, manager):
            self.apply(bare, manager, dry_run=False)

    def delete(self, call: Call, state: Object, id_namespace: str, name: str, timeout: float) -> None:
        """Returns when the object is gone; one that is gone already, or was made anew by another, is left alone."""
        path = self.kind.path(id_namespace, name)
        options: Object = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": annotations(state).get(PROPAGATION, "foreground").capitalize(),
        }
        uid = metadata(state).get("uid")
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            answer = self._client.send("DELETE", path, options)
        except ApiError as error:
            if error.not_found or (error.status == 409 and "UID" in error.message):
                return
            raise
        if answer.get("kind") != "Status" and not _leaves_at_once(state):
            self._wait_gone(call, path, answer, timeout)

    def _wait_gone(self, call: Call, path: str, live: Object, timeout: float) -> None:
        uid = metadata(live).get("uid")
        started, pause, said = time.monotonic(), FIRST_POLL, ""
        while True:
            call.sleep(pause)
            try:
                live = self._client.get(path)
            except ApiError as error:
                if error.not_found:
                    return
                raise
            if metadata(live).get("uid") != uid:
                return
            waited, why = time.monotonic() - started, obstacles(live)
            if waited > timeout:
                raise ProviderError(f"{title(live)} is not gone after {round(timeout)} s: {why}")
            if waited > SLOW and why != said:
                said = why
                call.status(f"waiting for the object to go: {why}")
            pause = min(pause * 1.5, LONGEST_POLL)


def _leaves_at_once(state: Object) -> bool:
    """Of these kinds the official provider does not wait for the end when told not to wait for the beginning."""
    return annotation_true(state, SKIP_AWAIT) and state.get("kind") in UNAWAITED


def _query(manager: str, dry_run: bool) -> dict[str, str]:
    return {"fieldManager": manager, "fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}


def managers(live: Object) -> list[str]:
    entries: list[Object] = metadata(live).get("managedFields") or []
    return sorted({str(entry.get("manager")) for entry in entries})


def manages(live: Object, manager: str) -> bool:
    return manager in managers(live)


def obstacles(live: Object) -> str:
    """What keeps an object that is being deleted."""
    finalizers = [str(name) for name in items(live, "metadata", "finalizers")]
    # A Namespace names what is left in it.
    left = [
        str(entry.get("message"))
        for entry in items(live, "status", "conditions")
        if entry.get("status") == "True" and str(entry.get("type", "")).startswith("Namespace")
    ]
    if live.get("kind") == "Namespace" and not left:
        return "what is in it is being deleted"
    held = [f"the finalizer {name}" for name in finalizers] + left
    return f"held by {', '.join(held)}" if held else "its pods are ending"
