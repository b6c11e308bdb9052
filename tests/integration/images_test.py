"""The images as the registry of the running platform holds them."""

import re
import ssl
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from embedded.cluster import Cluster
from modules.core.contracts import Registry
from modules.core.images import read_images
from modules.registry.access import RegistryAuth
from modules.registry.build import image_sizes
from modules.registry.buildah import Buildah, Log
from modules.registry.builder import Builder
from modules.registry.images import read_sources
from scripts.cli.lifecycle.up import access_of

from .conftest import IMAGES, STACK

NAMES = [image.name for image in IMAGES]
UNWANTED = re.compile(
    r"(usr/)?bin/(gcc|cc|g\+\+|c\+\+|clang|ld|make|cargo|go|pip\d*|uv|uvx)$"
    r"|opt/venv/bin/(pip\d*|uv)$"
    r"|var/lib/apt/lists/.|var/cache/(apt|uv|debconf|ldconfig)/."
    r"|root/\.cache/.|tmp/.|run/secrets/.|usr/share/(doc|man|locale)/."
    r"|var/log/.*\.log$|etc/machine-id$|etc/apt/apt\.conf\.d/99build-host$|.*\.key$"
    r"|.*/site-packages/.*/tests/.|.*/__pycache__/.*\.pyc\.\d+$"
)
"""What has no place in an image: compilers, package managers' caches, secrets of the build, documents, tests."""


class Layers:
    """A way to read what an image is made of from its registry."""

    def __init__(self, cluster: Cluster) -> None:
        self.client = httpx.Client(
            base_url=f"https://{cluster.registry}/v2/{STACK}",
            auth=RegistryAuth(cluster.registry, access_of(cluster).login),
            verify=ssl.create_default_context(cafile=cluster.ca),
            trust_env=False,
            timeout=60,
        )

    def manifest(self, name: str) -> dict[str, Any]:
        accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
        digest = read_images(STACK)[name].digest
        return self.client.get(f"/{name}/manifests/{digest}", headers=accept).raise_for_status().json()

    def config(self, name: str) -> dict[str, Any]:
        digest = self.manifest(name)["config"]["digest"]
        return self.client.get(f"/{name}/blobs/{digest}").raise_for_status().json()["config"]

    def own_files(self, name: str, folder: Path) -> list[tarfile.TarInfo]:
        """What the image adds to its base; the whole of the base."""
        below = [] if name == "base" else [layer["digest"] for layer in self.manifest("base")["layers"]]
        found: list[tarfile.TarInfo] = []
        for layer in self.manifest(name)["layers"]:
            if layer["digest"] in below:
                continue
            path = folder / "layer.tar.gz"
            with self.client.stream("GET", f"/{name}/blobs/{layer['digest']}") as answer, path.open("wb") as blob:
                for chunk in answer.raise_for_status().iter_bytes():
                    blob.write(chunk)
            with tarfile.open(path) as archive:
                found += archive.getmembers()
        return found


@pytest.fixture(scope="module")
def layers(cluster: Cluster) -> Iterator[Layers]:
    opened = Layers(cluster)
    with opened.client:
        yield opened


def registry_of(cluster: Cluster, path: str = STACK) -> Registry:
    return Registry(push=f"{cluster.registry}/{path}", pull=f"{cluster.registry}/{path}")


def test_every_image_is_within_its_budget(cluster: Cluster) -> None:
    budgets = {image.name: image.budget_mb for image in IMAGES}
    sizes = image_sizes(STACK, registry_of(cluster), access_of(cluster))
    assert sizes.keys() == budgets.keys()
    assert {name: size for name, size in sizes.items() if size.uncompressed > budgets[name]} == {}


@pytest.mark.parametrize("name", NAMES)
def test_an_image_runs_as_its_own_user(layers: Layers, name: str) -> None:
    assert layers.config(name)["User"] == "10001:10001"


@pytest.mark.parametrize("name", NAMES)
def test_an_image_holds_no_tools_caches_secrets_or_privileged_programs(
    layers: Layers, name: str, tmp_path: Path
) -> None:
    files = layers.own_files(name, tmp_path)
    assert files
    assert [file.name for file in files if UNWANTED.match(file.name.removeprefix("./")) and not file.isdir()] == []
    assert [file.name for file in files if file.isfile() and file.mode & 0o6000] == []
    assert {file.mtime for file in files} == {0}


def test_two_builds_from_nothing_give_the_same_digests(cluster: Cluster, tmp_path: Path) -> None:
    sources = {name: source for name, source in read_sources(IMAGES).items() if name in {"base", "storage"}}
    digests: list[dict[str, str]] = []
    for attempt in ("first", "second"):
        folder = tmp_path / attempt / "build"
        folder.mkdir(parents=True)
        with Buildah(tmp_path / attempt, Log(tmp_path / "log")) as buildah:
            builder = Builder(
                buildah=buildah,
                registry=registry_of(cluster, "reproduction"),
                access=access_of(cluster),
                folder=folder,
                progress=print,
            )
            builder.build(sources, {})
        digests.append({name: image.digest for name, image in builder.done.items()})
    assert digests[0] == digests[1]
