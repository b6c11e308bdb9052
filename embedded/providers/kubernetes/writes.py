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
ATTEMPTS = 10
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
        path = self.kind.collection(namespace_of(manifest))
        try:
            return self._client.send("POST", path, manifest, _query(manager, dry_run))
        except ApiError as error:
            if not error.already_exists:
                raise
        existing = self.read(namespace_of(manifest), name_of(manifest))
        if existing is None:
            return self._client.send("POST", path, manifest, _query(manager, dry_run))
        if metadata(existing).get("deletionTimestamp"):
            if dry_run:
                return self._apply_beside(manifest, manager)
            self._wait_gone(call, self.path(manifest), existing, timeout)
            return self._client.send("POST", path, manifest, _query(manager, dry_run))
        if not manages(existing, manager):
            raise ProviderError(
                f"{title(manifest)} already exists and was not made by this resource (field managers: "
                f"{', '.join(managers(existing)) or 'none'}). Choose another name, delete it, or take it over with "
                "`pulumi import`; for a resource that was renamed in the program, add an alias"
            )
        try:
            return self.apply(manifest, manager, dry_run=dry_run, live=existing)
        except ApiError as error:
            if dry_run and error.status == 422:
                # The object will be replaced: it can't be changed into the new one, but need not be.
                return self._apply_beside(manifest, manager)
            raise

    def _apply_beside(self, manifest: Object, manager: str) -> Object:
        """A dry run of an object whose name is still taken by the one that it replaces."""
        name = f"{name_of(manifest)[:50]}-preview"
        renamed = {**manifest, "metadata": {**metadata(manifest), "name": name}}
        path = self.kind.collection(namespace_of(manifest))
        live = self._client.send("POST", path, renamed, _query(manager, dry_run=True))
        return {**live, "metadata": {**metadata(live), "name": name_of(manifest)}}

    def patch(self, manifest: Object, manager: str, *, dry_run: bool, force: bool) -> Object:
        """Owns some fields of an object that must be there. Raises ProviderError when it is not."""
        live = self.read(namespace_of(manifest), name_of(manifest))
        if live is None:
            raise ProviderError(f"{title(manifest)} does not exist: a Patch resource changes an object that is there")
        return self.apply(manifest, manager, dry_run=dry_run, force=force, live=live)

    def apply(
        self, manifest: Object, manager: str, *, dry_run: bool, force: bool = False, live: Object | None = None
    ) -> Object:
        """Server-side apply. Raises ProviderError naming the owner of a field that somebody else set.

        live: the object as it is, where the caller has just read it.
        """
        query = _query(manager, dry_run)
        query["force"] = "true" if force or annotation_true(manifest, PATCH_FORCE) else "false"
        live = live or self.read(namespace_of(manifest), name_of(manifest))
        if live is not None and _created_by(live, manager):
            if not dry_run:
                self._hand_over(live, manager)
            elif all(owner == manager for _, owner in self._conflicts(manifest, query)):
                query["force"] = "true"  # as if it had been handed over
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

    def _conflicts(self, manifest: Object, query: dict[str, str]) -> list[tuple[str, str]]:
        try:
            self._client.send("PATCH", self.path(manifest), manifest, query, APPLY)
        except ApiError as error:
            return error.conflicts
        return []

    def _hand_over(self, live: Object, manager: str) -> None:
        """Makes what a creation owns the property of the applies to come.

        To the server a manager that creates and one that applies are two, even under one name: without this, a field
        that goes from the program would stay on the object.
        """
        for attempt in range(ATTEMPTS):
            entries = [
                {**entry, "operation": "Apply"} if _is_creation(entry, manager) else entry
                for entry in items(live, "metadata", "managedFields")
            ]
            steps = [
                {"op": "replace", "path": "/metadata/managedFields", "value": entries},
                {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata(live)["resourceVersion"]},
            ]
            try:
                self._client.send("PATCH", self.path(live), steps, None, "application/json-patch+json")
                return
            except ApiError as error:
                # A controller has written the object's status meanwhile: begin again with what it is now.
                if error.status != 409 or attempt == ATTEMPTS - 1:
                    raise
                live = self._client.get(self.path(live))

    def relinquish(self, manifest: Object, manager: str) -> None:
        """Gives up every field that a manager owns; the object stays."""
        bare: Object = {
            "apiVersion": manifest["apiVersion"],
            "kind": manifest["kind"],
            "metadata": {key: metadata(manifest)[key] for key in ("name", "namespace") if key in metadata(manifest)},
        }
        live = self.read(namespace_of(manifest), name_of(manifest))
        if live is not None and manages(live, manager):
            self.apply(bare, manager, dry_run=False, live=live)

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


def _is_creation(entry: Object, manager: str) -> bool:
    return entry.get("manager") == manager and entry.get("operation") == "Update" and not entry.get("subresource")


def _created_by(live: Object, manager: str) -> bool:
    return any(_is_creation(entry, manager) for entry in items(live, "metadata", "managedFields"))


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
