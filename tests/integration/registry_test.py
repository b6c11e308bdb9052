"""The embedded cluster's registry: nothing without its login, no deletes with it, and no tag is believed."""

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from embedded.cluster import Cluster
from modules.core.contracts import Registry
from modules.core.images import lock_file, read_images, reference
from modules.registry import build
from modules.registry.build import build_images
from modules.registry.images import Source, read_sources, sha256
from modules.registry.record import read_record
from modules.registry.remote import Remote
from scripts.cli.clients.cache.signing import SBOM_KEYS
from scripts.cli.clients.registry import SHARED_PATH, held_image, registry_of
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.up import access_of
from tests.scripts.cli.fakes import always

from .conftest import IMAGES, STACK
from .pods import eventually, kubectl, pod, run_pod

TRY = """
import json, ssl, sys, urllib.error, urllib.request
given = json.load(sys.stdin)
image, tag, digest, blob = (given[key] for key in ("image", "tag", "digest", "blob"))
KIND = "application/vnd.oci.image.manifest.v1+json"
context = ssl._create_unverified_context()
content = b"{}"
def ask(method, path, data=None):
    global content
    headers = {"Accept": KIND, "Content-Type": KIND, **given["headers"]}
    request = urllib.request.Request(given["url"] + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:
            content = answer.read() if "/manifests/" in path and method == "GET" else content
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
print(json.dumps({
    "catalog": ask("GET", "/v2/_catalog"),
    "tags": ask("GET", f"/v2/{image}/tags/list"),
    "pull": ask("GET", f"/v2/{image}/manifests/{digest}"),
    "pull a layer": ask("GET", f"/v2/{image}/blobs/{blob}"),
    "push a layer": ask("POST", f"/v2/{image}/blobs/uploads/", b""),
    "overwrite": ask("PUT", f"/v2/{image}/manifests/{tag}", content),
    "delete": ask("DELETE", f"/v2/{image}/manifests/{digest}"),
    "delete a tag": ask("DELETE", f"/v2/{image}/manifests/{tag}"),
    "delete a layer": ask("DELETE", f"/v2/{image}/blobs/{blob}"),
}))
"""
ALLOWED = {"catalog": 200, "tags": 200, "pull": 200, "pull a layer": 200, "push a layer": 202, "overwrite": 201}
REFUSED = ("delete", "delete a tag", "delete a layer")
PLACES = ("a pod", "this machine")
"""The latter is root, which has files with the login but shows none: others do not get as far (neighbours_test.py)."""
OTHER = "registry-test"
"""Another stack, which has no images of its own."""


@pytest.fixture(scope="module")
def remote(platform: Environment, cluster: Cluster) -> Iterator[Remote]:
    """The registry as this machine's root comes to it, with the login."""
    with Remote(registry_of(platform), access_of(cluster)) as opened:
        yield opened


@pytest.fixture(scope="module")
def asker(platform: Environment, cluster: Cluster) -> Iterator[str]:
    """A pod with Python, in a namespace whose pods no policy restricts."""
    image = reference(registry_of(platform), "serving", read_images(STACK)["serving"])
    kubectl(cluster, "create", "namespace", OTHER)
    account = ("get", "serviceaccount", "default", "-n", OTHER, "--ignore-not-found", "-oname")
    assert eventually(lambda: bool(kubectl(cluster, *account)))
    document = pod("asker", "-c", "import time; time.sleep(600)", namespace=OTHER, image=image)
    document["spec"]["containers"][0]["command"] = ["python"]
    run_pod(cluster, document)
    yield "asker"
    kubectl(cluster, "delete", "namespace", OTHER)


@pytest.fixture
def attempt(remote: Remote, cluster: Cluster) -> dict[str, Any]:
    """What is asked for: the image that serves, at a tag of the test's own."""
    image = read_images(STACK)["serving"]
    manifest = json.loads(remote.manifest("serving", image.digest))
    return {
        "url": f"https://{cluster.registry}",
        "image": f"{STACK}/serving",
        "digest": image.digest,
        "tag": OTHER,
        "blob": manifest["config"]["digest"],
        "headers": {},
    }


def tried(cluster: Cluster, place: str, attempt: dict[str, Any], pod_name: str) -> dict[str, int]:
    """The registry's answers, as HTTP status codes, to who stands at a place."""
    if place == "a pod":
        command = [str(cluster.spec.bin_dir / "kubectl"), f"--kubeconfig={cluster.kubeconfig}"]
        command += ["exec", "-i", "-n", OTHER, pod_name, "--", "python", "-c", TRY]
    else:
        command = ["python3", "-c", TRY]
    done = subprocess.run(command, input=json.dumps(attempt), capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def header(cluster: Cluster) -> dict[str, str]:
    """The header of the login that the cluster made."""
    document = json.loads(cluster.layout.registry_login.read_text())
    return {"Authorization": f"Basic {document['auths'][cluster.registry]['auth']}"}


@pytest.mark.parametrize("place", PLACES)
def test_nobody_lists_pulls_pushes_or_deletes_without_the_login(
    cluster: Cluster, remote: Remote, asker: str, attempt: dict[str, Any], place: str
) -> None:
    serving = read_images(STACK)["serving"]
    guessed = {"Authorization": "Basic Z3JvdW5kd29yazpncm91bmR3b3Jr"}
    for headers in ({}, guessed):
        asked = {**attempt, "tag": serving.tag, "headers": headers}
        assert set(tried(cluster, place, asked, asker).values()) == {401}
    assert remote.find({"serving": serving.tag}) == {"serving": serving.digest}


@pytest.mark.parametrize("place", PLACES)
def test_with_the_login_the_same_attempts_succeed_and_deletes_are_refused_all_the_same(
    cluster: Cluster, asker: str, attempt: dict[str, Any], place: str
) -> None:
    found = tried(cluster, place, {**attempt, "headers": header(cluster)}, asker)
    assert found == {**ALLOWED, **dict.fromkeys(REFUSED, 405)}


def test_no_user_of_this_machine_reads_the_login(cluster: Cluster) -> None:
    hosts = cluster.layout.config / "registries" / cluster.registry / "hosts.toml"
    for file in (cluster.layout.registry_login, cluster.layout.registry_hashes, hosts):
        assert file.read_text()
        read = ["setpriv", "--reuid=nobody", "--clear-groups", "cat", str(file)]
        assert subprocess.run(read, capture_output=True, check=False).returncode != 0, file


def next_sources() -> dict[str, Source]:
    """Those of a next version, which no machine built before: one comment in the Containerfile of what serves makes
    it another."""
    now = read_sources(IMAGES)
    changed = now["serving"].containerfile + f"\n# The next version: {uuid.uuid4()}.\n".encode()
    after = replace(now["serving"], containerfile=changed, inputs=sha256(now["serving"].inputs.encode() + changed))
    return {"base": now["base"], "serving": after}


@pytest.fixture
def other_stack(cluster: Cluster) -> Iterator[None]:
    """Nothing of it is there before or after, in the registry neither, which only this machine's root empties."""
    repositories = cluster.spec.registry_dir / "docker/registry/v2/repositories" / OTHER
    shutil.rmtree(repositories, ignore_errors=True)
    yield
    lock_file(OTHER).unlink(missing_ok=True)
    shutil.rmtree(repositories, ignore_errors=True)


@pytest.mark.usefixtures("other_stack")
def test_an_image_that_was_planted_under_the_next_versions_tag_is_not_deployed(
    platform: Environment, cluster: Cluster, remote: Remote, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not even where somebody had the login."""
    sources = next_sources()
    planted, tag = read_images(STACK)["base"].digest, sources["serving"].tag
    assert remote.take("serving", tag, planted, f"{STACK}/base")
    assert remote.find({"serving": tag}) == {"serving": planted}
    monkeypatch.setattr(build, "read_sources", always(sources))
    said: list[str] = []
    build_images(
        OTHER,
        (),
        registry=registry_of(platform),
        access=access_of(cluster),
        progress=said.append,
        log=tmp_path / "log",
        keys=SBOM_KEYS,
    )
    assert said[-1].startswith("1 built, 1 unchanged")
    pinned = read_images(OTHER)["serving"]
    assert pinned.inputs == sources["serving"].inputs
    assert pinned.digest != planted
    assert read_record()[pinned.inputs].digest == pinned.digest
    assert remote.find({"serving": tag}) == {"serving": pinned.digest}


@pytest.mark.usefixtures("other_stack")
def test_another_stack_has_a_path_of_its_own_and_takes_what_is_built_already(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(build, "Builder", None)
    own = Registry(push=f"{cluster.registry}/{OTHER}", pull=f"{cluster.registry}/{OTHER}")
    access, said = access_of(cluster), list[str]()
    build_images(OTHER, IMAGES, registry=own, access=access, progress=said.append, log=tmp_path / "log", keys=SBOM_KEYS)
    pinned = read_images(STACK)
    assert said[-1].startswith(f"{len(pinned)} unchanged")
    assert read_images(OTHER) == pinned
    with Remote(own, access) as opened:
        assert opened.sizes({name: image.digest for name, image in pinned.items()}).keys() == pinned.keys()


def test_the_image_of_a_run_from_before_stacks_had_paths_is_still_found(
    platform: Environment, cluster: Cluster
) -> None:
    digest, before = read_images(STACK)["base"].digest, f"{cluster.registry}/{SHARED_PATH}"
    with Remote(Registry(push=before, pull=before), access_of(cluster)) as opened:
        assert opened.take(OTHER, "1", digest, f"{STACK}/base")
    recorded = f"{registry_of(platform).pull}/{OTHER}@{digest}"
    assert held_image(platform, recorded) == f"{before}/{OTHER}@{digest}"
