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
