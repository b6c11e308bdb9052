"""What is in a bundle, as a CycloneDX document: packages of Python and Debian, Go modules, images."""

import json
import re
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from modules.core.images import LockedImage
from modules.core.paths import REPOSITORY
from modules.registry.images import find_uv

MODULE = re.compile(r"^\t(?:dep|=>)\t(?P<name>\S+)\t(?P<version>\S+)", re.MULTILINE)
REPLACED = re.compile(r"^\tdep\t\S+\t\S+.*\n(?=\t=>)", re.MULTILINE)
"""A module in the place of which another one was built: it is not in the binary."""
NAME, VERSION = (re.compile(rf"^{field}: (\S+)$", re.MULTILINE) for field in ("Package", "Version"))
STATUS = "var/lib/dpkg/status"
"""Where a Debian image says what is installed in it."""

Component = dict[str, Any]


def document(
    *,
    go: Path,
    binaries: Iterable[Path],
    packages: str,
    images: Mapping[str, LockedImage],
    groups: Sequence[str],
    blobs: Path,
) -> str:
    """Return the whole document.

    go: the compiler, which reads from a binary what it was built of. packages: the index of the Debian packages.
    groups: those of uv.lock that images have. blobs: folder of the images' manifests and layers, by hex digest.
    """
    found, *others = [_python(arguments) for arguments in ((), *(("--only-group", group) for group in groups))]
    components = [each for part in (found, *others) for each in part.get("components", [])]
    components += [*_modules(go, binaries), *debian(packages), *_images(images)]
    for text in _statuses(images, blobs):
        components += debian(text)
    # Binaries are built of the same modules, and images stand on the same packages: each is named once.
    found["components"] = list({each.get("purl", each["bom-ref"]): each for each in components}.values())
    return json.dumps(found, indent=1)


def modules(text: str) -> list[Component]:
    """Return the Go modules that `go version -m` names."""
    return [
        _component("library", name, version, f"pkg:golang/{quote(name, safe='/')}@{quote(version)}")
        for name, version in MODULE.findall(REPLACED.sub("", text))
    ]


def debian(text: str) -> list[Component]:
    """Return the packages of a Debian index, or of what dpkg says is installed."""
    found: list[Component] = []
    for stanza in text.split("\n\n"):
        name, version = NAME.search(stanza), VERSION.search(stanza)
        if name and version:
            purl = f"pkg:deb/debian/{quote(name.group(1))}@{quote(version.group(1))}"
            found.append(_component("library", name.group(1), version.group(1), purl))
    return found


def _python(arguments: Sequence[str]) -> dict[str, Any]:
    command = [find_uv(), "export", "-q", "--frozen", "--format", "cyclonedx1.5", "--preview-features", "sbom-export"]
    done = subprocess.run([*command, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _modules(go: Path, binaries: Iterable[Path]) -> list[Component]:
    command = [str(go), "version", "-m", *map(str, binaries)]
    return modules(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _images(images: Mapping[str, LockedImage]) -> Iterator[Component]:
    for name, image in images.items():
        yield _component("container", name, image.version, f"pkg:oci/{name}@{quote(image.digest)}")


def _statuses(images: Mapping[str, LockedImage], blobs: Path) -> Iterator[str]:
    """What dpkg says in each layer that changes it."""
    manifests = [json.loads((blobs / image.digest.removeprefix("sha256:")).read_text()) for image in images.values()]
    for digest in dict.fromkeys(layer["digest"] for manifest in manifests for layer in manifest["layers"]):
        with tarfile.open(blobs / digest.removeprefix("sha256:"), "r|gz") as layer:
            for member in layer:
                if member.name.removeprefix("./") == STATUS and (file := layer.extractfile(member)):
                    yield file.read().decode()


def _component(kind: str, name: str, version: str, purl: str) -> Component:
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}
