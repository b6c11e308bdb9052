"""What is in a bundle, as a CycloneDX document: packages of Python and Debian, Go modules, images."""

import json
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from modules.core.images import LockedImage
from modules.core.paths import REPOSITORY
from modules.registry.contents import STATUS
from modules.registry.go_programs import read_build
from modules.registry.images import find_uv
from modules.registry.sbom import Component, component, debian, go_modules


def document(
    *,
    binaries: Iterable[Path],
    packages: str,
    images: Mapping[str, LockedImage],
    groups: Sequence[str],
    blobs: Path,
) -> str:
    """Return the whole document.

    binaries: what Go compiled. packages: the index of the Debian packages.
    groups: those of uv.lock that images have. blobs: folder of the images' manifests and layers, by hex digest.
    """
    found, *others = [_python(arguments) for arguments in ((), *(("--only-group", group) for group in groups))]
    components = [each for part in (found, *others) for each in part.get("components", [])]
    components += [*_modules(binaries), *debian(packages), *_images(images)]
    for text in _statuses(images, blobs):
        components += debian(text)
    # Binaries are built of the same modules, and images stand on the same packages: each is named once.
    found["components"] = list({each.get("purl", each["bom-ref"]): each for each in components}.values())
    return json.dumps(found, indent=1)


def _python(arguments: Sequence[str]) -> dict[str, Any]:
    command = [find_uv(), "export", "-q", "--frozen", "--format", "cyclonedx1.5", "--preview-features", "sbom-export"]
    done = subprocess.run([*command, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _modules(binaries: Iterable[Path]) -> Iterator[Component]:
    for path in binaries:
        if build := read_build(path.read_bytes()):
            yield from go_modules(build)


def _images(images: Mapping[str, LockedImage]) -> Iterator[Component]:
    for name, image in images.items():
        yield component("container", name, image.version, f"pkg:oci/{name}@{quote(image.digest)}")


def _statuses(images: Mapping[str, LockedImage], blobs: Path) -> Iterator[str]:
    """What dpkg says in each layer that changes it."""
    manifests = [json.loads((blobs / image.digest.removeprefix("sha256:")).read_text()) for image in images.values()]
    for digest in dict.fromkeys(layer["digest"] for manifest in manifests for layer in manifest["layers"]):
        with tarfile.open(blobs / digest.removeprefix("sha256:"), "r|gz") as layer:
            for member in layer:
                if member.name.removeprefix("./") == STATUS and (file := layer.extractfile(member)):
                    yield file.read().decode()
