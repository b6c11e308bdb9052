"""A registry in memory, as the OCI distribution API has it."""

import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qs

import httpx

from modules.core.contracts import Registry
from modules.registry.access import RegistryAccess
from modules.registry.images import sha256
from modules.registry.remote import INDEX, MANIFEST, Remote

REGISTRY = Registry(push="registry.test:5000/groundwork", pull="registry.test:5000/groundwork")
LAYERS = {"base": [b"debian"], "one": [b"debian", b"one"], "second/one": [b"debian", b"one"]}


class FakeRegistry:
    """Blobs and manifests by repository, as the OCI distribution API has them; `calls`: what was asked.

    A repository goes by its name below `groundwork`, or by its whole path below `second`."""

    def __init__(self, *, lists_referrers: bool = False) -> None:
        """lists_referrers: whether it has the referrers API of OCI 1.1."""
        self.lists_referrers = lists_referrers
        self.blobs: dict[str, dict[str, bytes]] = {}
        self.manifests: dict[str, dict[str, bytes]] = {}
        self.calls: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        found = re.fullmatch(
            r"/v2/(?:groundwork/)?([\w-]+|second/\w+)/(blobs/uploads|blobs|manifests|referrers)/(.*)", request.url.path
        )
        assert found
        name, kind, reference = found.groups()
        self.calls.append(f"{request.method} {name} {kind}")
        query = {key: value[0] for key, value in parse_qs(request.url.query.decode()).items()}
        if kind == "blobs/uploads":
            return self._upload(name, request, query)
        if kind == "referrers":
            return self._referrers(name, reference)
        held = (self.blobs if kind == "blobs" else self.manifests).setdefault(name, {})
        if request.method == "PUT":
            assert request.headers["Content-Type"] in {MANIFEST, INDEX}
            held[reference] = held[sha256(request.content)] = request.content
            refers = self.lists_referrers and b'"subject"' in request.content
            return httpx.Response(201, headers={"OCI-Subject": "an image"} if refers else {})
        if reference not in held:
            return httpx.Response(404)
        headers = {"Docker-Content-Digest": sha256(held[reference])}
        return httpx.Response(200, content=held[reference], headers=headers)

    def _referrers(self, name: str, digest: str) -> httpx.Response:
        if not self.lists_referrers:
            return httpx.Response(404)
        manifests = {key: json.loads(text) for key, text in self.manifests[name].items()}
        found = [
            {"digest": key, "artifactType": manifest["artifactType"]}
            for key, manifest in manifests.items()
            if manifest.get("subject", {}).get("digest") == digest
        ]
        return httpx.Response(200, json={"manifests": found})

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
