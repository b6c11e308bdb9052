"""Built images, with their SBOMs, in a cache that machines share: manifests by the tag of their inputs, layers by
digest."""

import tempfile
from pathlib import Path

from modules.core.artifacts import Artifacts, artifact_name
from modules.core.images import Image, LockedImage

from .images import Source, sha256
from .remote import Remote, blobs
from .sboms import put_sbom, sbom_manifests


def publish(name: str, image: LockedImage, remote: Remote, artifacts: Artifacts) -> bool:
    """Put an image of the registry into the cache; return whether something was missing there."""
    artifact = artifact_name("images", name, image.tag)
    if artifacts.find(artifact) == image.digest:
        return False
    _store(artifact, name, remote.manifest(name, image.digest), remote, artifacts)
    for manifest in sbom_manifests(name, image.digest, remote)[-1:]:
        _store(artifact_name("sboms", name, image.tag), name, manifest, remote, artifacts)
    return True


def fetch(source: Source, remote: Remote, artifacts: Artifacts) -> str | None:
    """Bring the image of these inputs from the cache to the registry. Return its digest, which somebody trusted signed;
    None where the cache lacks it, or a layer of it."""
    name = source.image.name
    manifest = _fetch(artifact_name("images", name, source.tag), source.image, remote, artifacts)
    if manifest is None:
        return None
    digest = sha256(manifest)
    remote.put_manifest(name, source.tag, manifest)
    if document := _fetch(artifact_name("sboms", name, source.tag), source.image, remote, artifacts):
        put_sbom(name, digest, document, remote)
    return digest


def _store(artifact: str, name: str, manifest: bytes, remote: Remote, artifacts: Artifacts) -> None:
    """Puts what a manifest refers to into the cache, then itself, and signs what it goes by."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "content")
        for digest in blobs(manifest):
            if not artifacts.has(digest):
                remote.download(name, digest, file)
                artifacts.store(file)
        file.write_bytes(manifest)
        artifacts.sign(artifact, artifacts.store(file))


def _fetch(artifact: str, image: Image, remote: Remote, artifacts: Artifacts) -> bytes | None:
    """Brings what a manifest refers to from the cache to an image's repository; returns the manifest, which is not put
    there yet. None where the cache lacks any of it."""
    digest = artifacts.find(artifact)
    if digest is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "content")
        if not artifacts.fetch(digest, file):
            return None
        manifest = file.read_bytes()
        for blob in blobs(manifest):
            if not remote.has_blob(image.name, blob, image.base):
                if not artifacts.fetch(blob, file):
                    return None
                remote.upload(image.name, blob, file)
    return manifest
