import json
from collections.abc import Mapping
from typing import Any

import pytest

from modules.core.errors import UserError
from modules.core.images import LockedImage
from modules.registry.copy import copy_images
from modules.registry.images import sha256
from modules.registry.sbom import MEDIA_TYPE
from tests.modules.registry.fakes import FakeRegistry, connected, filled

EMPTY = {"digest": sha256(b"{}"), "size": 2}


@pytest.fixture
def source() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def target() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def images(source: FakeRegistry) -> dict[str, LockedImage]:
    """What an environment runs, as its registry has it: one image on a base."""
    return {
        name: LockedImage(digest=filled(source, name), inputs=sha256(name.encode()), version="1")
        for name in ("one", "base")
    }


def copied(images: Mapping[str, LockedImage], source: FakeRegistry, target: FakeRegistry) -> set[str]:
    with connected(source) as origin, connected(target) as to:
        return set(copy_images(images, source=origin, target=to, progress=lambda _: None))


def test_the_images_are_there_by_digest_and_by_the_tag_of_their_inputs(
    images: dict[str, LockedImage], source: FakeRegistry, target: FakeRegistry
) -> None:
    assert copied(images, source, target) == {"one", "base"}
    with connected(target) as registry:
        digests = {name: image.digest for name, image in images.items()}
        assert registry.find(digests) == digests
        assert registry.find({name: image.tag for name, image in images.items()}) == digests
    assert target.blobs == source.blobs
    # The layer of the base is sent once, and taken over inside the registry.
    assert target.calls.count("PUT base blobs/uploads") == 2
    assert target.calls.count("PUT one blobs/uploads") == 2


def test_the_second_time_nothing_is_sent_and_the_source_is_not_asked(
    images: dict[str, LockedImage], source: FakeRegistry, target: FakeRegistry
) -> None:
    with connected(source) as origin:
        for name, image in images.items():
            manifest: dict[str, Any] = {"artifactType": MEDIA_TYPE, "config": EMPTY, "layers": []}
            origin.put_referrer(name, image.digest, json.dumps(manifest).encode())
            source.blobs[name][sha256(b"{}")] = b"{}"
    copied(images, source, target)
    for registry in (source, target):
        registry.calls.clear()
    assert copied(images, source, target) == set()
    assert source.calls == []
    assert {call.split()[0] for call in target.calls} == {"HEAD", "GET"}


def test_what_an_interrupted_copy_sent_is_not_sent_again(
    images: dict[str, LockedImage], source: FakeRegistry, target: FakeRegistry
) -> None:
    copied({"base": images["base"]}, source, target)
    target.blobs["one"] = {sha256(b"one"): b"one"}
    target.calls.clear()
    assert copied(images, source, target) == {"one"}
    assert target.calls.count("PUT one blobs/uploads") == 1


def test_an_image_that_the_source_lost_is_named_before_anything_is_sent(
    images: dict[str, LockedImage], source: FakeRegistry, target: FakeRegistry
) -> None:
    source.manifests["one"].clear()
    with pytest.raises(UserError, match=f"lacks one@{images['one'].digest}"):
        copied(images, source, target)
    assert {call.split()[0] for call in target.calls} == {"HEAD"}


def test_another_manifest_than_the_one_that_is_pinned_is_refused(
    images: dict[str, LockedImage], source: FakeRegistry, target: FakeRegistry
) -> None:
    source.manifests["base"] = {images["base"].digest: source.manifests["one"][images["one"].digest]}
    with pytest.raises(UserError, match="returned another manifest than base@"):
        copied(images, source, target)
    assert "PUT base manifests" not in target.calls
