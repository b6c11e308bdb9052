"""What a registry holds, by the OCI distribution API."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from modules.core.contracts import Registry
from modules.core.errors import UserError

from .access import RegistryAccess, RegistryAuth, api_host, explanation, refused
from .images import sha256

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
MEGABYTE = 1_000_000
MAX_PARALLEL = 8
TIMEOUT = httpx.Timeout(60, connect=10)
"""Seconds of silence: a registry looks at a whole layer before it says that it has it."""


@dataclass(frozen=True, kw_only=True)
class ImageSize:
    """Size of an image's layers, in megabytes of 10^6 bytes."""

    compressed: float
    """In the registry and on the wire."""
    uncompressed: float
    """On a node; layers that images share count for each of them."""


@dataclass(frozen=True)
class _Content:
    """A file's bytes, as often as they are sent: a registry may ask for a login only then."""

    path: Path

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            yield from iter(lambda: file.read(MEGABYTE), b"")


class Remote:
    """A registry's push address over TLS. Use as a context manager.

    Every method raises UserError where the registry does not answer, wants another login, or grants not enough.
    """

    def __init__(
        self, registry: Registry, access: RegistryAccess, transport: httpx.BaseTransport | None = None
    ) -> None:
        """transport: answers in place of the network."""
        self.address, self.access = registry.push, access
        self.path = registry.push.partition("/")[2]
        self.client = httpx.Client(
            base_url=f"https://{api_host(registry.push)}",
            auth=RegistryAuth(registry.push, access.login),
            verify=access.trust(),
            trust_env=not access.own,
            follow_redirects=True,  # many keep blobs elsewhere; the login does not follow
            timeout=TIMEOUT,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def find(self, references: Mapping[str, str]) -> dict[str, str]:
        """Digest by name of those images (digest or tag by name) that the registry holds."""
        with ThreadPoolExecutor(MAX_PARALLEL) as pool:
            found = zip(references, pool.map(self._find, references.items()), strict=True)
            return {name: digest for name, digest in found if digest}

    def sizes(self, digests: Mapping[str, str]) -> dict[str, ImageSize]:
        """Size by name of images (digest by name) that the registry holds."""
        with ThreadPoolExecutor(MAX_PARALLEL) as pool:
            manifests = dict(zip(digests, pool.map(self._layers, digests.items()), strict=True))
            # Images share layers: each is asked for once.
            layers = {layer["digest"]: name for name, layers in manifests.items() for layer in layers}
            uncompressed = dict(zip(layers, pool.map(self._uncompressed, layers.items()), strict=True))
        return {
            name: ImageSize(
                compressed=sum(layer["size"] for layer in layers) / MEGABYTE,
                uncompressed=sum(uncompressed[layer["digest"]] for layer in layers) / MEGABYTE,
            )
            for name, layers in manifests.items()
        }

    def check_push(self, name: str) -> None:
        """Raise UserError where this login can't push an image of this name. Nothing is changed."""
        self._cancel(self._ask("POST", f"/{name}/blobs/uploads/"))

    def architecture(self, name: str, digest: str) -> str:
        """Return what machines run an image that the registry holds, such as amd64."""
        manifest = json.loads(self.manifest(name, digest))
        configuration = self._ask("GET", f"/{name}/blobs/{manifest['config']['digest']}").json()
        return configuration["architecture"]

    def manifest(self, name: str, digest: str) -> bytes:
        """Return the manifest of an image that the registry holds, as it is stored."""
        return self._ask("GET", f"/{name}/manifests/{digest}", {"Accept": MANIFEST}).content

    def download(self, name: str, digest: str, target: Path) -> None:
        """Write a blob of an image (layer or configuration) to a file."""
        url = f"/v2/{self.path}/{name}/blobs/{digest}"
        try:
            with self.client.stream("GET", url) as response, target.open("wb") as file:
                self._check(response)
                for chunk in response.iter_bytes():
                    file.write(chunk)
        except httpx.TransportError as error:
            raise self._silent(error) from error

    def has_blob(self, name: str, digest: str, below: str | None) -> bool:
        """Return whether an image's repository holds a blob, or could take it over from that of the image below."""
        if self._ask("HEAD", f"/{name}/blobs/{digest}", missing=True).is_success:
            return True
        return below is not None and self._mount(name, digest, f"{self.path}/{below}")

    def take(self, name: str, tag: str, digest: str, repository: str) -> bool:
        """Bring an image here from another repository of this registry, such as second/serving, without sending its
        layers again. Return False where that repository lacks it, or a part of it."""
        answer = self._ask("GET", httpx.URL(f"/v2/{repository}/manifests/{digest}"), {"Accept": MANIFEST}, missing=True)
        if not answer.is_success or sha256(answer.content) != digest:
            return False
        if not all(
            self.has_blob(name, blob, None) or self._mount(name, blob, repository) for blob in blobs(answer.content)
        ):
            return False
        self.put_manifest(name, tag, answer.content)
        return True

    def upload(self, name: str, digest: str, source: Path) -> None:
        """Put a blob into an image's repository."""
        address = _upload(self._ask("POST", f"/{name}/blobs/uploads/"))
        length = {"Content-Length": str(source.stat().st_size), "Content-Type": "application/octet-stream"}
        self._ask("PUT", address.copy_merge_params({"digest": digest}), length, content=_Content(source))

    def put_manifest(self, name: str, tag: str, manifest: bytes) -> None:
        """Put an image's manifest in place, under a tag, once all its blobs are there."""
        self._ask("PUT", f"/{name}/manifests/{tag}", {"Content-Type": MANIFEST}, content=manifest)

    def referrers(self, name: str, digest: str) -> list[dict[str, Any]]:
        """Return the descriptors of what refers to an image, such as its SBOMs."""
        answer = self._ask("GET", f"/{name}/referrers/{digest}", {"Accept": INDEX}, missing=True)
        if not answer.is_success:  # a registry without that part of OCI 1.1 has them under a tag that clients keep
            answer = self._ask("GET", f"/{name}/manifests/{_tag(digest)}", {"Accept": INDEX}, missing=True)
        return answer.json()["manifests"] if answer.is_success else []

    def put_referrer(self, name: str, digest: str, manifest: bytes) -> None:
        """Put the manifest of something that refers to an image in place, once all its blobs are there. digest: that of
        the image."""
        document = json.loads(manifest)
        own = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        headers = {"Content-Type": MANIFEST}
        answer = self._ask("PUT", f"/{name}/manifests/{own}", headers, content=manifest)
        if "OCI-Subject" in answer.headers:
            return
        descriptor = {"mediaType": MANIFEST, "digest": own, "size": len(manifest)}
        descriptor["artifactType"] = document["artifactType"]
        others = [each for each in self.referrers(name, digest) if each["digest"] != own]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*others, descriptor]}
        headers = {"Content-Type": INDEX}
        self._ask("PUT", f"/{name}/manifests/{_tag(digest)}", headers, content=json.dumps(index).encode())

    def _find(self, image: tuple[str, str]) -> str | None:
        response = self._ask("HEAD", f"/{image[0]}/manifests/{image[1]}", {"Accept": MANIFEST}, missing=True)
        return response.headers["Docker-Content-Digest"] if response.is_success else None

    def _layers(self, image: tuple[str, str]) -> Collection[Mapping[str, Any]]:
        response = self._ask("GET", f"/{image[0]}/manifests/{image[1]}", {"Accept": MANIFEST})
        return response.json()["layers"]

    def _uncompressed(self, layer: tuple[str, str]) -> int:
        """A gzip file's last four bytes are its content's size modulo 2^32 (RFC 1952): no layer comes near that."""
        response = self._ask("GET", f"/{layer[1]}/blobs/{layer[0]}", {"Range": "bytes=-4"})
        return int.from_bytes(response.content, "little")

    def _mount(self, name: str, digest: str, repository: str) -> bool:
        """Takes a blob over from another repository of the registry; False where that has none, or gives none."""
        taken = self._ask("POST", f"/{name}/blobs/uploads/?mount={digest}&from={repository}")
        if taken.status_code == 201:
            return True
        self._cancel(taken)  # an upload was begun instead
        return False

    def _cancel(self, begun: httpx.Response) -> None:
        """Ends an upload that was begun; registries that can't do that forget it by themselves."""
        with suppress(httpx.TransportError):
            self.client.delete(_upload(begun))

    def _ask(
        self,
        method: str,
        path: str | httpx.URL,
        headers: Mapping[str, str] | None = None,
        *,
        missing: bool = False,
        content: bytes | _Content | None = None,
    ) -> httpx.Response:
        """path: below the repositories' own; or a whole address that the registry returned."""
        url = path if isinstance(path, httpx.URL) else f"/v2/{self.path}{path}"
        try:
            response = self.client.request(method, url, headers=headers, content=content)
        except httpx.TransportError as error:
            raise self._silent(error) from error
        if not (missing and response.status_code == 404):
            self._check(response)
        return response

    def _check(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        response.read()
        if response.status_code in {401, 403} and response.url.host == self.client.base_url.host:
            raise UserError(refused(self.address, self.access.login, response))
        raise UserError(
            f"registry {self.address}: HTTP {response.status_code} for {response.url.copy_with(query=None)}, "
            f"expected a success{explanation(response)}"
        )

    def _silent(self, error: httpx.TransportError) -> UserError:
        return UserError(f"registry https://{self.address} does not answer ({error}): {self.access.advice}")


def blobs(manifest: bytes) -> dict[str, int]:
    """Return what a manifest refers to, each once: size in bytes by digest."""
    document: dict[str, Any] = json.loads(manifest)
    return {each["digest"]: each["size"] for each in (document["config"], *document["layers"])}


def _tag(digest: str) -> str:
    """The tag under which registries without the referrers API keep what refers to an image (OCI distribution 1.1)."""
    return digest.replace(":", "-")


def _upload(begun: httpx.Response) -> httpx.URL:
    """The address of an upload that the registry began."""
    return begun.url.join(begun.headers["Location"])
