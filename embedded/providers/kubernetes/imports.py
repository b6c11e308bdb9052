"""Inputs from live objects: for an import, and for a refresh."""

from typing import Any

from embedded.providers.base import Object, Secret, is_list, is_object, reveal

from .manifest import LAST_APPLIED, annotations, metadata

SERVER_FIELDS = frozenset(
    {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "deletionTimestamp"}
)
REVISION = "deployment.kubernetes.io/revision"


def inputs_of(live: Object) -> Object:
    """What a program would have to say to get this object: all of it but what only the server writes."""
    fields = {key: value for key, value in metadata(live).items() if key not in SERVER_FIELDS}
    marks = {key: value for key, value in annotations(live).items() if key not in (LAST_APPLIED, REVISION)}
    fields["annotations"] = marks
    if not marks:
        del fields["annotations"]
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": fields}


def merged_inputs(inputs: Object, before: Object, live: Object) -> Object:
    """The inputs with what has changed on the server since the last run.

    Where the server writes a value in its own way (`0.5` as `500m`), nothing has changed as long as that way of writing
    is the one of the last run.
    """
    return _merge(inputs, before, live)


def _merge(given: Any, before: Any, live: Any) -> Any:
    if isinstance(given, Secret):
        merged = _merge(given.value, before, live)
        return given if merged == given.value else Secret(merged)
    if is_object(given) and is_object(live):
        known: Object = before if is_object(before) else {}
        # What the server never shows (a Secret's stringData) can't have changed; what it shows no more is gone.
        kept = {key: value for key, value in given.items() if key in live or key not in known}
        return {key: _merge(value, known.get(key), live[key]) if key in live else value for key, value in kept.items()}
    if is_list(given) and is_list(live) and len(given) == len(live):
        earlier: list[Any] = before if is_list(before) and len(before) == len(live) else [None] * len(live)
        return [_merge(*members) for members in zip(given, earlier, live, strict=True)]
    if reveal(live) == reveal(before):
        return given
    return live
