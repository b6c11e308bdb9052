"""SBOMs in a registry: each refers to its image, and carries the signature of whoever made it.

The manifest has two layers: the CycloneDX document, for programs that take it as it is, and the signed statement about
the image that contains it, which is what `groundwork images sbom` believes.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from modules.core.errors import UserError
from modules.core.images import LockedImage

from . import attestation, sbom
from .contents import Contents, join, read_layer
from .images import Source, sha256
from .remote import MANIFEST, Remote, blobs

OpenKey = Callable[[], Ed25519PrivateKey]
"""Opens the key that signs, when something is to be signed."""
EMPTY = b"{}"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
MAX_PARALLEL = 2
"""Layers that are read at a time: decompressing takes a core."""


@dataclass(frozen=True, kw_only=True)
class Sbom:
    """An SBOM whose signature was verified."""

    document: dict[str, Any]
    key: str
    """Fingerprint of the key that signed it."""


def without_sbom(images: Mapping[str, LockedImage], remote: Remote) -> dict[str, LockedImage]:
    """Return the images that the registry has no SBOM of, by anybody."""
    with ThreadPoolExecutor() as pool:
        digests = (image.digest for image in images.values())
        found = pool.map(_listed, images, digests, repeat(remote))
        return {name: images[name] for name, listed in zip(images, found, strict=True) if not listed}


def attach(
    images: Mapping[str, LockedImage], sources: Mapping[str, Source], *, remote: Remote, key: Ed25519PrivateKey
) -> None:
    """Make the SBOM of each of these images from its layers in the registry, sign it, and put it beside the image.

    sources: what the images were made of, by name; of them come the hashes of Python packages.
    """
    manifests = {name: remote.manifest(name, image.digest) for name, image in images.items()}
    for name, image in images.items():
        _require(image.digest, sha256(manifests[name]), remote)
    contents = _contents(manifests, remote)
    for name, image in images.items():
        requirements = (sources[name].requirements or b"").decode()
        document = sbom.document(name, image, contents[name], requirements)
        parts = [
            (sbom.MEDIA_TYPE, document),
            (attestation.MEDIA_TYPE, attestation.sign(name, image.digest, document, key)),
        ]
        for content in (EMPTY, *(content for _, content in parts)):
            _upload(name, content, remote)
        subject = _descriptor(json.loads(manifests[name]).get("mediaType", MANIFEST), manifests[name])
        manifest: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": sbom.MEDIA_TYPE,
            "config": _descriptor(EMPTY_TYPE, EMPTY),
            "layers": [_descriptor(kind, content) for kind, content in parts],
            "subject": subject,
        }
        put_sbom(name, image.digest, json.dumps(manifest).encode(), remote)


def read_sbom(name: str, digest: str, *, remote: Remote, keys: Sequence[Ed25519PublicKey]) -> Sbom:
    """Return an image's SBOM that one of the keys signed. Raise UserError, with the reason, where there is none, or the
    document beside the signature is another one."""
    problems: list[str] = []
    for manifest in sbom_manifests(name, digest, remote):
        try:
            return _verified(name, digest, manifest, remote, keys)
        except ValueError as error:
            problems.append(str(error))
    reason = f"is refused: {'; '.join(dict.fromkeys(problems))}" if problems else "is not there"
    raise UserError(f"the SBOM of image {name}@{digest} in {remote.address} {reason}")


def copy_sboms(name: str, digest: str, source: Remote, target: Remote) -> None:
    """Bring an image's SBOMs, as they are, to a registry that has none of it."""
    if _listed(name, digest, target):
        return
    for manifest in sbom_manifests(name, digest, source):
        for blob in blobs(manifest):
            _upload(name, _blob(name, blob, source), target)
        put_sbom(name, digest, manifest, target)


def sbom_manifests(name: str, digest: str, remote: Remote) -> list[bytes]:
    """Return the manifests of an image's SBOMs, the one that was put there last at the end."""
    return [remote.manifest(name, each) for each in _listed(name, digest, remote)]


def put_sbom(name: str, digest: str, manifest: bytes, remote: Remote) -> None:
    """Put the manifest of an image's SBOM in place, once its blobs are there, and beside it one of the signed statement
    alone, which is what cosign looks for."""
    remote.put_referrer(name, digest, manifest)
    found = json.loads(manifest)
    statements = [layer for layer in found["layers"] if layer["mediaType"] == attestation.MEDIA_TYPE]
    alone = {**found, "artifactType": attestation.MEDIA_TYPE, "layers": statements}
    remote.put_referrer(name, digest, json.dumps(alone).encode())


def _listed(name: str, digest: str, remote: Remote) -> list[str]:
    """The digests of the manifests of an image's SBOMs."""
    return [each["digest"] for each in remote.referrers(name, digest) if each.get("artifactType") == sbom.MEDIA_TYPE]


def _verified(name: str, digest: str, manifest: bytes, remote: Remote, keys: Sequence[Ed25519PublicKey]) -> Sbom:
    layers = {layer["mediaType"]: layer["digest"] for layer in json.loads(manifest)["layers"]}
    if not {sbom.MEDIA_TYPE, attestation.MEDIA_TYPE} <= layers.keys():
        raise ValueError("it is not signed")
    statement = attestation.verify(_blob(name, layers[attestation.MEDIA_TYPE], remote), digest, keys)
    if statement.predicate != json.loads(_blob(name, layers[sbom.MEDIA_TYPE], remote)):
        raise ValueError("it is another document than the one that was signed")
    return Sbom(document=statement.predicate, key=statement.key)


def _contents(manifests: Mapping[str, bytes], remote: Remote) -> dict[str, Contents]:
    """What is in each image. Images share layers: each is read once."""
    layers = {name: [layer["digest"] for layer in json.loads(text)["layers"]] for name, text in manifests.items()}
    holders: dict[str, str] = {}
    for name, digests in layers.items():
        holders.update(dict.fromkeys(digests, name))

    def read(digest: str) -> Contents:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "layer")
            remote.download(holders[digest], digest, file)
            with file.open("rb") as opened:
                _require(digest, f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}", remote)
            return read_layer(file)

    with ThreadPoolExecutor(MAX_PARALLEL) as pool:
        found = dict(zip(holders, pool.map(read, holders), strict=True))
    return {name: join(found[digest] for digest in digests) for name, digests in layers.items()}


def _require(expected: str, found: str, remote: Remote) -> None:
    """What is signed here is what the digest names, whatever a registry returns."""
    if found != expected:
        raise UserError(f"registry {remote.address} returned {found} for {expected}: don't use it, and ask its owner")


def _upload(name: str, content: bytes, remote: Remote) -> None:
    digest = sha256(content)
    if remote.has_blob(name, digest, None):
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        remote.upload(name, digest, Path(file.name))


def _blob(name: str, digest: str, remote: Remote) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "blob")
        remote.download(name, digest, file)
        return file.read_bytes()


def _descriptor(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": sha256(content), "size": len(content)}
