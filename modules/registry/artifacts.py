"""Built images in a cache that machines share: manifests by the tag of their inputs, layers by digest."""

import tempfile
from pathlib import Path

from modules.core.artifacts import Artifacts, artifact_name
from modules.core.images import LockedImage

from .images import Source
from .remote import Remote, blobs


def publish(name: str, image: LockedImage, remote: Remote, artifacts: Artifacts) -> bool:
    """Put an image of the registry into the cache; return whether something was missing there."""
    artifact = artifact_name("images", name, image.tag)
    if artifacts.find(artifact) == image.digest:
        return False
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "content")
        manifest = remote.manifest(name, image.digest)
        for digest in blobs(manifest):
            if not artifacts.has(digest):
                remote.download(name, digest, file)
                artifacts.store(file)
        file.write_bytes(manifest)
        artifacts.sign(artifact, artifacts.store(file))
    return True


def fetch(source: Source, remote: Remote, artifacts: Artifacts) -> str | None:
    """Bring the image of these inputs from the cache to the registry. Return its digest, which somebody trusted signed;
    None where the cache lacks it, or a layer of it."""
    name = source.image.name
    digest = artifacts.find(artifact_name("images", name, source.tag))
    if digest is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "content")
        if not artifacts.fetch(digest, file):
            return None
        manifest = file.read_bytes()
        for blob in blobs(manifest):
            if not remote.has_blob(name, blob, source.image.base):
                if not artifacts.fetch(blob, file):
                    return None
                remote.upload(name, blob, file)
    remote.put_manifest(name, source.tag, manifest)
    return digest
