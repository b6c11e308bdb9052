"""What each image is made of, and the digest that changes exactly when that does."""

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from itertools import repeat
from pathlib import Path

from modules.core.errors import UserError
from modules.core.images import Image, LockedImage, own_architecture, tag_of
from modules.core.paths import REPOSITORY
from modules.core.versions import DEBIAN

OWN_VERSION = version("groundwork")
BUILD_FLAGS = ("--timestamp=0", "--identity-label=false")
"""Flags of the build that change its result: no date and no builder's version in it."""


BASE = Image(
    name="base",
    budget_mb=130,
    containerfile="modules/registry/base/Containerfile",
    files=("modules/registry/base/files/*",),
    base=None,
    version=DEBIAN,
)
"""Below every other image."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """An image with the content that it is to be built from now."""

    image: Image
    containerfile: bytes
    files: Mapping[str, bytes]
    """Content of what may be copied, by path; executable where it begins with `#!`."""
    requirements: bytes | None
    inputs: str
    """Digest of everything here, and of the base image's inputs."""
    version: str
    """Of the software in it, for people."""

    @property
    def tag(self) -> str:
        """Of the image that is built from this; see LockedImage."""
        return tag_of(self.inputs)

    def locked(self, digest: str) -> LockedImage:
        """The image of this source that has that digest in the registry."""
        return LockedImage(digest=digest, inputs=self.inputs, version=self.version)

    @property
    def context(self) -> dict[str, bytes]:
        """Files of the build context by path."""
        requirements = {} if self.requirements is None else {"requirements.txt": self.requirements}
        return {**self.files, **requirements}

    @property
    def arguments(self) -> dict[str, str]:
        """Build arguments, apart from BASE. CODE_DIGEST and LOCK_DIGEST let a run tell what trained it."""
        lock = {} if self.requirements is None else {"LOCK_DIGEST": sha256(self.requirements)}
        return {**self.image.arguments, "CODE_DIGEST": tree_digest(self.files), **lock}


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def tree_digest(files: Mapping[str, bytes]) -> str:
    """One digest over files by path."""
    return sha256(json.dumps({path: sha256(files[path]) for path in sorted(files)}).encode())


def read_sources(
    images: Sequence[Image], repository: Path = REPOSITORY, *, architecture: str | None = None
) -> dict[str, Source]:
    """Every image's source by name; an image comes after its base. UserError where a file is missing or uv.lock can't
    be read.

    architecture: of the machines that run them, such as arm64; None: this machine's.
    """
    with ThreadPoolExecutor() as pool:
        requirements = list(pool.map(_requirements, images, repeat(repository)))
    sources: dict[str, Source] = {}
    for image, locked in zip(images, requirements, strict=True):
        below = sources[image.base].inputs if image.base else _debian(architecture or own_architecture())
        sources[image.name] = _source(image, repository, locked, below)
    return sources


def _debian(architecture: str) -> str:
    """What is below all images. amd64 came first, and is not named: its images keep their digests."""
    return f"debootstrap {DEBIAN}" if architecture == "amd64" else f"debootstrap {DEBIAN} {architecture}"


def _source(image: Image, repository: Path, requirements: bytes | None, below: str) -> Source:
    containerfile = (repository / image.containerfile).read_bytes()
    files = {path: (repository / path).read_bytes() for path in _matches(image, repository)}
    described = {
        "below": below,
        "containerfile": sha256(containerfile),
        "files": tree_digest(files),
        "requirements": None if requirements is None else sha256(requirements),
        "arguments": dict(image.arguments),
        "flags": BUILD_FLAGS,
        **({"program": image.compiled.key} if image.compiled else {}),
    }
    inputs = sha256(json.dumps(described, sort_keys=True).encode())
    return Source(
        image=image,
        containerfile=containerfile,
        files=files,
        requirements=requirements,
        inputs=inputs,
        version=_version(image, (requirements or b"").decode()),
    )


def _version(image: Image, requirements: str) -> str:
    if image.compiled:
        return image.compiled.version
    if image.package is None:
        return image.version or OWN_VERSION
    found = re.search(rf"^{re.escape(image.package)}==([^ ;\\]+)", requirements, re.MULTILINE)
    if found is None:
        raise UserError(
            f"uv.lock: group {image.group!r} has no package {image.package!r}, which names the version of "
            f"image {image.name!r}"
        )
    return found.group(1)


def _matches(image: Image, repository: Path) -> list[str]:
    found: set[str] = set()
    for pattern in image.files:
        matches = {path.relative_to(repository) for path in repository.glob(pattern) if path.is_file()}
        if not matches:
            raise UserError(f"images.{image.name}: no file matches {pattern!r} in {repository}: is the checkout whole?")
        found |= {str(path) for path in matches if image.without is None or not path.match(image.without)}
    return sorted(found)


def _requirements(image: Image, repository: Path) -> bytes | None:
    if image.group is None:
        return None
    command = [find_uv(), "export", "-q", "--frozen", "--no-header", "--no-annotate", "--no-emit-project"]
    command += ["--only-group", image.group, *(f"--prune={package}" for package in image.prune)]
    done = subprocess.run(command, cwd=repository, capture_output=True, check=False)
    if done.returncode != 0:
        raise UserError(f"uv.lock: group {image.group!r} can't be exported: {done.stderr.decode().strip()}")
    return done.stdout


def find_uv() -> str:
    """Path of the uv that installs into images too."""
    uv = shutil.which("uv")
    if uv is None:
        raise UserError("uv: not on PATH: start through scripts/, which brings the pinned one, or install it")
    return uv
