"""stacks/images.<environment>.yaml: which exact images run there. Written by the image build, read by every preview."""

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from .artifacts import OpenCache
from .contracts import Registry
from .errors import UserError
from .paths import REPOSITORY
from .pin_files import read_pins, write_pins

HEADER = "# Written by the image build: which exact images this environment runs, and what each was made from.\n"

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""What images and nodes call a processor architecture (kubernetes.io/arch), by the kernel's name."""
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,61}[A-Za-z0-9_]$|^[A-Za-z0-9_]$")]
"""A tag that is the value of a label too."""

UNBUILT = "GROUNDWORK_UNBUILT_IMAGES"
"""Variable of a preview alone: the images that are built after it and that no file has yet, as JSON."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program that is compiled on this machine, for an image."""

    key: str
    """Changes exactly when the program would."""
    version: str
    build: Callable[[Callable[[str], None], Path, OpenCache], Path]
    """Returns its file; compiles it, or fetches it from a shared cache, where it is missing. It is called with what
    takes one line about what is being done, a file that gets the compiler's output, and the cache."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image that is built from this repository. Paths are relative to it."""

    name: str
    budget_mb: int
    """The most that it may take on a node, in megabytes (10^6 bytes) of unpacked layers, the base's included. A test
    holds every built image to it: raising a figure is a decision, with its reason in the commit."""
    containerfile: str
    files: tuple[str, ...] = ()
    """Glob patterns of what the Containerfile may copy: its build context holds nothing else of the repository."""
    without: str | None = None
    """Pattern of what `files` would match and the context leaves out."""
    group: str | None = None
    """Dependency group of uv.lock; its packages come into the context as requirements.txt, with hashes."""
    prune: tuple[str, ...] = ()
    """Packages of the group that are left out, with what only they need: nothing in the image imports them."""
    base: str | None = "base"
    """The image below; None where debootstrap makes what is below."""
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])
    """Build arguments."""
    program: str | None = None
    """File of a program that is compiled here, which the Containerfile may copy; its version is the image's."""
    compiled: Program | None = None
    """That program. stacks/services.py fills it in: a module knows no compiler."""
    package: str | None = None
    """Package of the group whose version is the image's."""
    version: str | None = None
    """Version of the image where no program or package gives it; None: the version of this repository, whose programs
    it runs."""


class LockedImage(BaseModel):
    """One image as built and pushed. Digests read sha256:<64 hex digits>."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: Digest
    """Of its manifest, as the registry knows it."""
    inputs: Digest
    """Of everything that it was made from."""
    version: Tag
    """Of the software in it, for people: the digest says what runs."""

    @property
    def tag(self) -> str:
        """Of the image in the registry, in the build storage and in a shared cache: the beginning of `inputs`."""
        return tag_of(self.inputs)


def own_architecture() -> str:
    """Return the architecture that this machine builds for, such as amd64."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def tag_of(inputs: str) -> str:
    return short_digest(inputs)


class _Lock(BaseModel):
    model_config = ConfigDict(extra="forbid")

    images: dict[str, LockedImage]


def lock_file(environment: str) -> Path:
    return REPOSITORY / "stacks" / f"images.{environment}.yaml"


def read_images(environment: str) -> dict[str, LockedImage]:
    """The environment's images by name; none where none were built yet. UserError where the file is not one of ours."""
    found = read_pins(lock_file(environment), _Lock, advice="remove the file and build the images again")
    return found.images if found else {}


def unbuilt_variables(images: Mapping[str, LockedImage]) -> dict[str, str]:
    """Return what a preview is started with so that it knows images which are built after it."""
    return {UNBUILT: _Lock(images=dict(images)).model_dump_json()} if images else {}


def write_images(environment: str, images: Mapping[str, LockedImage]) -> None:
    """Put the whole file in place at once: a reader sees the previous one or this one."""
    document = {"images": {name: images[name].model_dump() for name in sorted(images)}}
    write_pins(lock_file(environment), document, header=HEADER)


def reference(registry: Registry, name: str, image: LockedImage) -> str:
    """What a pod names: the image by digest, at the registry's pull address; its version is for people only."""
    return f"{registry.pull}/{name}:{image.version}@{image.digest}"


def version_of(reference: str) -> str:
    """Return the tag of name:tag or name:tag@digest, and what identifies name@digest: the beginning of its digest.
    Raise ValueError where it has neither."""
    name, _, digest = reference.partition("@")
    tag = name.removeprefix(repository_of(reference)).removeprefix(":")
    if not (tag or digest):
        raise ValueError(f"image {reference} has no version; expected name:version@digest or name@digest")
    return tag or short_digest(digest)


def short_digest(digest: str) -> str:
    """Return the beginning of sha256:<64 hex digits>, enough for people: 16 digits, a label's value too."""
    return digest.removeprefix("sha256:")[:16]


def with_digest(reference: str, digest: str) -> str:
    """Return the same image name with another digest; its tag goes, which names the version of this one."""
    return f"{repository_of(reference)}@{digest}"


def in_repository(reference: str, name: str, digest: str) -> str:
    """Return the image of a digest in the repository of that name, beside that of a reference."""
    return f"{repository_of(reference).rpartition('/')[0]}/{name}@{digest}"


def repository_of(reference: str) -> str:
    """The name of a reference, without tag and digest."""
    host, slash, name = reference.partition("@")[0].rpartition("/")
    return f"{host}{slash}{name.partition(':')[0]}"


def require_image(environment: str, registry: Registry, name: str) -> str:
    """The reference of an image that this environment runs; UserError where it was not built yet."""
    unbuilt = os.environ.get(UNBUILT)
    images = {**(_Lock.model_validate_json(unbuilt).images if unbuilt else {}), **read_images(environment)}
    if name not in images:
        raise UserError(
            f"stacks/{lock_file(environment).name}: there is no image {name!r} "
            f"(there are: {', '.join(images) or 'none'}): "
            f"`scripts/up {environment}` builds what is missing"
        )
    return reference(registry, name, images[name])
