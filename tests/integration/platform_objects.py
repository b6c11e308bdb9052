"""The objects that the platform declares in an environment, without an engine that makes them."""

from pathlib import Path
from typing import Any, cast

import pytest
from pulumi.runtime import rpc

from modules.core.images import LockedImage, write_images
from scripts.cli.environment import Environment
from stacks.compose import build
from stacks.services import images
from tests.mocks import declare
from tests.scripts.cli.fakes import always


def pin_images(stack: str) -> None:
    """As if all images were built."""
    digest = f"sha256:{1:064x}"
    write_images(stack, {each.name: LockedImage(digest=digest, inputs=digest, version="1.2.3") for each in images()})


def declared(environment: Environment, folder: Path, patch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the documents. folder: for the pins of images that nobody built."""
    patch.setattr("modules.core.images.lock_file", always(folder / "images.yaml"))
    pin_images(environment.stack)
    recorder, _ = declare(lambda: build(environment.settings, environment.stack))
    return [_plain(each.inputs) for each in recorder.declared if each.is_object]


def _plain(value: Any) -> Any:
    """The value without what marks secrets."""
    if isinstance(value, dict):
        mapping = cast(dict[str, Any], value)
        if rpc._special_sig_key in mapping:  # pyright: ignore[reportPrivateUsage]
            return _plain(mapping["value"])
        return {key: _plain(inner) for key, inner in mapping.items()}
    return [_plain(each) for each in cast(list[Any], value)] if isinstance(value, list) else value
