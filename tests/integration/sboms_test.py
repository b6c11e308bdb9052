"""The SBOMs of the running platform's images, and one who may push to its registry and forges some."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from embedded.cluster import Cluster
from embedded.toolchain.compiler import PROXY, RELEASE, SUMS
from embedded.toolchain.targets import IMAGE_TARGETS, BuildTarget, pinned_version
from modules.core.contracts import Registry
from modules.core.errors import UserError
from modules.core.images import read_images
from modules.registry import sbom
from modules.registry.attestation import fingerprint
from modules.registry.copy import copy_images
from modules.registry.images import read_sources, sha256
from modules.registry.remote import Remote
from modules.registry.sboms import attach, put_sbom, read_sbom, sbom_manifests, without_sbom
from scripts.cli.clients.cache.signing import known_keys, signing_key
from scripts.cli.clients.registry import registry_of
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.up import access_of, up_of

from .conftest import IMAGES, STACK, run

PURLS = {
    "base": "pkg:deb/debian/libc6@",
    "postgresql": "pkg:deb/debian/postgresql-15@",
    "mlflow": "pkg:pypi/mlflow@",
    "airflow": "pkg:pypi/apache-airflow-core@",
    "serving": "pkg:pypi/onnxruntime@",
    "training": "pkg:pypi/scikit-learn@",
    "gateway": "pkg:deb/debian/haproxy@",
    "storage": "pkg:golang/github.com/seaweedfs/seaweedfs@",
}
"""What each image is there for, or begins with."""
SMALLEST = "xcom"


@pytest.fixture
def registry(platform: Environment, cluster: Cluster) -> Iterator[Remote]:
    with Remote(registry_of(platform), access_of(cluster)) as remote:
        yield remote


@pytest.fixture
def copied(cluster: Cluster, registry: Remote) -> Iterator[Remote]:
    """A place in the registry to which the smallest image was copied."""
    address = f"{cluster.registry}/forged"
    with Remote(Registry(push=address, pull=address), access_of(cluster)) as remote:
        pinned = {SMALLEST: read_images(STACK)[SMALLEST]}
        forget(pinned[SMALLEST].digest, remote)  # what an earlier run left there
        copy_images(pinned, source=registry, target=remote, progress=print)
        yield remote


def document(name: str) -> dict[str, Any]:
    return json.loads(run("groundwork", "images", "sbom", name, "--stack", STACK, "--json").stdout)


@pytest.mark.usefixtures("platform")
def test_every_image_has_an_sbom_that_this_machine_signed() -> None:
    listed = json.loads(run("groundwork", "images", "sbom", "--stack", STACK, "--json").stdout)
    own = fingerprint(signing_key().public_key())
    assert {each["image"]: each["signed_by"] for each in listed} == {image.name: own for image in IMAGES}
    assert {each["image"] for each in listed if sum(each["packages"].values()) == 0} == set()
    assert "sha256:" in run("groundwork", "images", "sbom", "--stack", STACK).stdout


@pytest.mark.usefixtures("platform")
@pytest.mark.parametrize("name", PURLS)
def test_an_sbom_names_what_its_image_is_there_for(name: str) -> None:
    found = document(name)
    assert [each["purl"] for each in found["components"] if each["purl"].startswith(PURLS[name])]
    digest = read_images(STACK)[name].digest.removeprefix("sha256:")
    assert found["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": digest}]


@pytest.mark.usefixtures("platform")
@pytest.mark.parametrize("target", IMAGE_TARGETS, ids=lambda target: target.name)
def test_a_program_that_was_compiled_here_is_named_with_the_modules_that_go_mod_pins(target: BuildTarget) -> None:
    (image,) = (image for image in IMAGES if image.program == target.name)
    components = document(image.name)["components"]
    (found,) = (each for each in components if each["type"] == "application")
    assert target.pinned
    assert (found["name"], found["version"]) == (target.pinned, pinned_version(target.folder / "go.mod", target.pinned))
    facts = {each["name"]: each["value"] for each in found["properties"]}
    assert (facts["groundwork:path"], facts["groundwork:go"]) == (f"/usr/local/bin/{target.name}", RELEASE)
    modules = {each["name"]: each["version"] for each in components if each["purl"].startswith("pkg:golang/")}
    assert modules["golang.org/x/crypto"] == pinned_version(target.folder / "go.mod", "golang.org/x/crypto")


@pytest.mark.usefixtures("platform")
def test_an_image_of_a_single_program_names_that_with_its_hash() -> None:
    (program,) = document(SMALLEST)["components"]
    assert program["name"] == "/bin/busybox"


@pytest.mark.usefixtures("platform")
def test_an_image_that_was_built_without_an_sbom_gets_one_at_the_next_up_and_is_not_built(
    platform: Environment, registry: Remote
) -> None:
    pinned = {SMALLEST: read_images(STACK)[SMALLEST]}
    digest = pinned[SMALLEST].digest
    before = document(SMALLEST)
    forget(digest, registry)
    assert without_sbom(pinned, registry) == pinned
    refused = run("groundwork", "images", "sbom", "--stack", STACK, check=False)
    assert refused.returncode == 1
    assert f"the SBOM of image {SMALLEST}@{digest}" in refused.stderr
    printed: list[str] = []
    up_of(platform).images(printed.append)
    assert printed[-1] == f"{len(IMAGES)} unchanged; 1 SBOMs made"
    made = document(SMALLEST)
    # Not the inputs that it names: the same bytes may have come from others, in a version before this one.
    assert made["components"] == before["components"]
    assert made["metadata"]["component"]["purl"] == before["metadata"]["component"]["purl"]
    up_of(platform).images(printed.append)
    assert printed[-1] == f"{len(IMAGES)} unchanged"


def test_one_who_may_push_can_not_change_an_sbom(copied: Remote, tmp_path: Path) -> None:
    digest = read_images(STACK)[SMALLEST].digest
    genuine = read_sbom(SMALLEST, digest, remote=copied, keys=known_keys())
    assert genuine.document["components"]
    (manifest,) = sbom_manifests(SMALLEST, digest, copied)
    forged: dict[str, Any] = json.loads(manifest)
    content = json.dumps({**genuine.document, "components": []}).encode()
    (tmp_path / "forged").write_bytes(content)
    copied.upload(SMALLEST, sha256(content), tmp_path / "forged")
    for part in forged["layers"]:
        if part["mediaType"] == sbom.MEDIA_TYPE:
            part |= {"digest": sha256(content), "size": len(content)}
    replace(digest, json.dumps(forged).encode(), copied)
    with pytest.raises(UserError, match="it is another document than the one that was signed"):
        read_sbom(SMALLEST, digest, remote=copied, keys=known_keys())


def test_one_who_may_push_can_not_sign_an_sbom_of_their_own(copied: Remote) -> None:
    digest = read_images(STACK)[SMALLEST].digest
    forget(digest, copied)
    pinned = {SMALLEST: read_images(STACK)[SMALLEST]}
    stranger = Ed25519PrivateKey.generate()
    attach(pinned, read_sources(IMAGES), remote=copied, key=stranger)
    with pytest.raises(UserError, match="no key that is trusted here signed it"):
        read_sbom(SMALLEST, digest, remote=copied, keys=known_keys())
    assert read_sbom(SMALLEST, digest, remote=copied, keys=[stranger.public_key()])


@pytest.mark.parametrize("architecture", SUMS)
def test_the_pinned_go_is_the_one_of_the_public_log(architecture: str) -> None:
    module = f"golang.org/toolchain@v0.0.1-go{RELEASE}.linux-{architecture}"
    proxy = PROXY.partition(",")[0]  # which passes the log on
    answer = httpx.get(f"{proxy}/sumdb/sum.golang.org/lookup/{module}", timeout=60)
    version = module.replace("@", " ")
    assert f"{version} {SUMS[architecture]}\n" in answer.raise_for_status().text


def forget(digest: str, remote: Remote) -> None:
    """Lets nothing refer to the image any more, as one who may push can: the tag is written anew."""
    empty: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [],
    }
    url = f"/v2/{remote.path}/{SMALLEST}/manifests/{digest.replace(':', '-')}"
    remote.client.put(url, json=empty, headers={"Content-Type": str(empty["mediaType"])}).raise_for_status()


def replace(digest: str, manifest: bytes, remote: Remote) -> None:
    forget(digest, remote)
    put_sbom(SMALLEST, digest, manifest, remote)
