"""What differs between two sets of inputs, as property paths."""

from collections.abc import Iterator
from typing import Any

from embedded.providers.base import Change, Object, is_list, is_object

Steps = tuple[str | int, ...]


def differences(old: Object, new: Object) -> dict[Steps, Change]:
    """Leaves that were added, deleted or changed. Secrets are to be revealed first; unknown equals nothing."""
    return dict(_compare(old, new, ()))


def _compare(old: Any, new: Any, path: Steps) -> Iterator[tuple[Steps, Change]]:
    if is_object(old) and is_object(new):
        for key in sorted(old.keys() | new.keys()):
            yield from _member(old, new, key, key in old, key in new, path)
    elif is_list(old) and is_list(new):
        for index in range(max(len(old), len(new))):
            yield from _member(old, new, index, index < len(old), index < len(new), path)
    elif not _same(old, new):
        yield path, Change.UPDATE


def _member(
    old: Any, new: Any, key: str | int, in_old: bool, in_new: bool, path: Steps
) -> Iterator[tuple[Steps, Change]]:
    if in_old and in_new:
        yield from _compare(old[key], new[key], (*path, key))
    elif in_new and not _empty(new[key]):
        yield (*path, key), Change.ADD
    elif in_old and not _empty(old[key]):
        yield (*path, key), Change.DELETE


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    return old == new


def _empty(value: Any) -> bool:
    """The API server drops these itself: one more or less is no difference."""
    return value is None


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
