"""What the account's repositories hold, of what its registry stores."""

import json
from pathlib import Path

from embedded.aws.clusters import Machine
from embedded.aws.images import Images


def stored(images: Images, repository: str, tag: str, manifest: str, number: str) -> None:
    """Put an image where a registry keeps it."""
    root = images.machine.registry / "docker/registry/v2"
    link = root / f"repositories/{repository}/_manifests/tags/{tag}/current/link"
    link.parent.mkdir(parents=True)
    link.write_text(f"sha256:{number}")
    blob = root / f"blobs/sha256/{number[:2]}/{number}/data"
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_text(manifest)


def test_a_repository_holds_its_own_images_until_it_is_deleted(tmp_path: Path) -> None:
    images = Images(Machine(folder=tmp_path / "machine", tools=tmp_path, registry=tmp_path / "registry"))
    manifest = json.dumps({"layers": []})
    for repository, tag in (("a/one", "1"), ("a/one", "2"), ("a/other", "1")):
        stored(images, repository, tag, manifest, "ab12")
    assert list(images.held("a/one")) == [("1", "sha256:ab12", manifest), ("2", "sha256:ab12", manifest)]
    images.forget("a/one")
    assert list(images.held("a/one")) == []
    assert list(images.held("a/other")) == [("1", "sha256:ab12", manifest)]


def test_a_program_is_stored_as_an_image_that_a_registry_serves_by_its_digest(tmp_path: Path) -> None:
    images = Images(Machine(folder=tmp_path / "machine", tools=tmp_path, registry=tmp_path / "registry"))
    images.layout.root.mkdir(parents=True)
    images.machine.registry.mkdir()
    (tmp_path / "coredns").write_bytes(b"program")
    digest = images.put(tmp_path / "coredns", "eks/coredns")
    assert images.put(tmp_path / "coredns", "eks/coredns") == digest
    root = images.machine.registry / "docker/registry/v2"
    home = root / "repositories/eks/coredns"
    number = digest.removeprefix("sha256:")
    assert (home / "_manifests/revisions/sha256" / number / "link").read_text() == digest
    manifest = json.loads((root / "blobs/sha256" / number[:2] / number / "data").read_text())
    for each in (manifest["config"], *manifest["layers"]):
        part = each["digest"].removeprefix("sha256:")
        assert (home / "_layers/sha256" / part / "link").read_text() == each["digest"]
        assert (root / "blobs/sha256" / part[:2] / part / "data").stat().st_size == each["size"]
