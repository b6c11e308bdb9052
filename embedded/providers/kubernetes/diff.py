"""What differs between two sets of inputs, as property paths."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from embedded.providers.base import Change, Object, is_list, is_object

Steps = tuple[str | int, ...]


def differences(old: Object, new: Object) -> dict[Steps, Change]:
    """Leaves that were added, deleted or changed. Secrets are to be revealed first; unknown equals nothing."""
    return dict(_compare(old, new, ()))


def _compare(old: Any, new: Any, path: Steps) -> Iterator[tuple[Steps, Change]]:
    if is_object(old) and is_object(new):
        for key in sorted(old.keys() | new.keys()):
            yield from _compare(old.get(key), new.get(key), (*path, key))
    elif is_list(old) and is_list(new):
        for index, (before, after) in enumerate(zip_longest(old, new)):
            yield from _compare(before, after, (*path, index))
    elif not _same(old, new):
        # The API server drops nulls itself: one more or less is no difference.
        yield path, Change.ADD if old is None else Change.DELETE if new is None else Change.UPDATE


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    return old == new


def notation(path: Steps) -> str:
    """Pulumi's way to write a path: `spec.containers[0].image`, `metadata.labels["a.b/c"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("_", "").replace("-", "").isalnum():
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text
