import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from modules.core.artifacts import Artifacts
from modules.core.contracts import Registry
from modules.core.images import Image
from modules.registry.access import RegistryAccess
from modules.registry.artifacts import fetch, publish
from modules.registry.images import Source, sha256
from modules.registry.remote import MANIFEST, Remote

REGISTRY = Registry(push="registry.test:5000/groundwork", pull="registry.test:5000/groundwork")


class FakeRegistry:
    """Blobs and manifests by repository, as the OCI distribution API has them; `calls`: what was asked."""

    def __init__(self) -> None:
        self.blobs: dict[str, dict[str, bytes]] = {}
        self.manifests: dict[str, dict[str, bytes]] = {}
        self.calls: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        found = re.fullmatch(r"/v2/groundwork/(\w+)/(blobs/uploads|blobs|manifests)/(.*)", request.url.path)
        assert found
        name, kind, reference = found.groups()
        self.calls.append(f"{request.method} {name} {kind}")
        query = {key: value[0] for key, value in parse_qs(request.url.query.decode()).items()}
        if kind == "blobs/uploads":
            return self._upload(name, request, query)
        held = (self.blobs if kind == "blobs" else self.manifests).setdefault(name, {})
        if request.method == "PUT":
            assert request.headers["Content-Type"] == MANIFEST
            held[reference] = held[sha256(request.content)] = request.content
            return httpx.Response(201)
        if reference not in held:
            return httpx.Response(404)
        headers = {"Docker-Content-Digest": sha256(held[reference])}
        return httpx.Response(200, content=held[reference], headers=headers)

    def _upload(self, name: str, request: httpx.Request, query: Mapping[str, str]) -> httpx.Response:
        held = self.blobs.setdefault(name, {})
        if request.method == "PUT":
            assert sha256(request.read()) == query["digest"]
            held[query["digest"]] = request.read()
            return httpx.Response(201)
        if request.method == "DELETE":
            return httpx.Response(204)
        other = self.blobs.get(query.get("from", "").removeprefix("groundwork/"), {})
        if query.get("mount") in other:
            held[query["mount"]] = other[query["mount"]]
            return httpx.Response(201)
        return httpx.Response(
            202, headers={"Location": f"https://registry.test:5000/v2/groundwork/{name}/blobs/uploads/1"}
        )


def source(name: str, base: str | None) -> Source:
    image = Image(budget_mb=1, name=name, containerfile="Containerfile", base=base)
    inputs = sha256(name.encode())
    return Source(image=image, containerfile=b"", files={}, requirements=None, inputs=inputs, version="1.2")


BASE, ONE = source("base", None), source("one", "base")
LAYERS = {"base": [b"debian"], "one": [b"debian", b"one"]}


@pytest.fixture
def registry() -> FakeRegistry:
    """That of the second machine."""
    return FakeRegistry()


@pytest.fixture
def second(registry: FakeRegistry) -> Remote:
    return connected(registry)


def connected(registry: FakeRegistry) -> Remote:
    return Remote(REGISTRY, RegistryAccess(advice=""), httpx.MockTransport(registry))


def filled(registry: FakeRegistry, name: str) -> str:
    """Puts an image into a registry; returns its digest."""
    parts = [f"configuration of {name}".encode(), *LAYERS[name]]
    registry.blobs[name] = {sha256(part): part for part in parts}
    configuration, *layers = ({"digest": sha256(part), "size": len(part)} for part in parts)
    manifest = json.dumps({"config": configuration, "layers": layers}).encode()
    registry.manifests[name] = {sha256(manifest): manifest}
    return sha256(manifest)


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
