"""Copies an environment's images from one registry to another, byte for byte: same digests, same tags."""

import tempfile
import threading
from collections.abc import Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from modules.core.errors import UserError
from modules.core.images import LockedImage

from .builder import Progress
from .images import sha256
from .remote import MEGABYTE, Remote, blobs
from .sboms import copy_sboms

MAX_PARALLEL = 4
"""Blobs at a time; each is on this machine's disk while it is on the way."""


def copy_images(
    images: Mapping[str, LockedImage], *, source: Remote, target: Remote, progress: Progress
) -> frozenset[str]:
    """Bring images to another registry, where an environment of the same inputs finds them and builds nothing.

    Their SBOMs go along. Return the names of those that were not there. Raise UserError before anything is sent where
    the source lacks one, or the target takes none. What an interrupted run has sent is not sent again.
    """
    there = target.find({name: image.tag for name, image in images.items()})
    missing = {name for name, image in images.items() if there.get(name) != image.digest}
    if missing:
        _copy_missing(images, missing, source=source, target=target, progress=progress)
    for name, image in images.items():
        copy_sboms(name, image.digest, source, target)
    return frozenset(missing)


def _copy_missing(
    images: Mapping[str, LockedImage], missing: Set[str], *, source: Remote, target: Remote, progress: Progress
) -> None:
    _check_source(images, source)
    target.check_push(min(missing))
    manifests = {name: source.manifest(name, image.digest) for name, image in images.items()}
    copy = _Copy(source=source, target=target, progress=progress)
    # Those of few layers first: others stand on them, and take these over inside the target.
    for name in sorted(images, key=lambda name: (name in missing, len(blobs(manifests[name])), name)):
        if name in missing:
            copy.image(name, images[name], manifests[name])
        copy.placed.update(dict.fromkeys(blobs(manifests[name]), name))


def _check_source(images: Mapping[str, LockedImage], source: Remote) -> None:
    held = source.find({name: image.digest for name, image in images.items()})
    if lacking := [f"{name}@{image.digest}" for name, image in sorted(images.items()) if name not in held]:
        raise UserError(
            f"registry {source.address} lacks {', '.join(lacking)}: bring the environment up again, which builds "
            "what its registry lacks, or name a registry that has them"
        )


@dataclass
class _Copy:
    source: Remote
    target: Remote
    progress: Progress
    placed: dict[str, str] = field(default_factory=dict[str, str])
    """The image in whose repository of the target a blob is, by digest."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def image(self, name: str, image: LockedImage, manifest: bytes) -> None:
        if sha256(manifest) != image.digest:
            raise UserError(
                f"registry {self.source.address} returned another manifest than {name}@{image.digest}: don't use it, "
                "and ask its owner"
            )
        sizes = blobs(manifest)
        total, done = sum(sizes.values()) / MEGABYTE, 0.0

        def bring(digest: str) -> None:
            nonlocal done
            self._blob(name, digest)
            with self.lock:
                done += sizes[digest] / MEGABYTE
                self.progress(f"{name}: {done:.0f} of {total:.0f} MB")

        self.progress(f"{name}: 0 of {total:.0f} MB")
        with ThreadPoolExecutor(MAX_PARALLEL) as pool:
            list(pool.map(bring, sizes))
        self.target.put_manifest(name, image.tag, manifest)

    def _blob(self, name: str, digest: str) -> None:
        if self.target.has_blob(name, digest, self.placed.get(digest)):
            return
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "blob")
            self.source.download(name, digest, file)
            self.target.upload(name, digest, file)
