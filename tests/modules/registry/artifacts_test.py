import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from modules.core.artifacts import Artifacts
from modules.core.images import Image
from modules.registry.artifacts import fetch, publish
from modules.registry.images import Source, sha256
from modules.registry.remote import Remote
from tests.modules.registry.fakes import FakeRegistry, connected, filled


def source(name: str, base: str | None) -> Source:
    image = Image(budget_mb=1, name=name, containerfile="Containerfile", base=base)
    inputs = sha256(name.encode())
    return Source(image=image, containerfile=b"", files={}, requirements=None, inputs=inputs, version="1.2")


BASE, ONE = source("base", None), source("one", "base")


@pytest.fixture
def registry() -> FakeRegistry:
    """That of the second machine."""
    return FakeRegistry()


@pytest.fixture
def second(registry: FakeRegistry) -> Remote:
    return connected(registry)


@pytest.fixture
def digests(artifacts: Artifacts) -> dict[str, str]:
    """Digests of two images that another machine pushed into the cache."""
    registry = FakeRegistry()
    found = {each.image.name: filled(registry, each.image.name) for each in (BASE, ONE)}
    with connected(registry) as remote:
        for each in (BASE, ONE):
            image = each.locked(found[each.image.name])
            assert publish(each.image.name, image, remote, artifacts)
            assert not publish(each.image.name, image, remote, artifacts)
    return found


def test_a_second_registry_gets_the_very_images_of_the_first(
    digests: Mapping[str, str], artifacts: Artifacts, registry: FakeRegistry, second: Remote
) -> None:
    with second:
        assert fetch(BASE, second, artifacts)
        assert fetch(ONE, second, artifacts)
        assert second.find({"base": BASE.tag, "one": ONE.tag}) == digests
    assert set(registry.blobs["one"].values()) == {b"configuration of one", b"debian", b"one"}
    # The layer of the base is taken over inside the registry.
    assert registry.calls.count("PUT one blobs/uploads") == 2


def test_an_image_of_other_inputs_is_not_in_the_cache(digests: object, artifacts: Artifacts, second: Remote) -> None:
    del digests
    with second:
        assert not fetch(source("other", "base"), second, artifacts)


def test_an_image_that_lost_a_layer_counts_as_not_there(digests: object, artifacts: Any, second: Remote) -> None:
    del digests
    del artifacts.content[f"sha256:{hashlib.sha256(b'one').hexdigest()}"]
    with second:
        assert not fetch(ONE, second, artifacts)
        assert second.find({"one": ONE.tag}) == {}
