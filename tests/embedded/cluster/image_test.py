import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from embedded.cluster.image import write_image


@pytest.fixture
def archive(tmp_path: Path) -> dict[str, bytes]:
    (tmp_path / "pause").write_bytes(b"a program")
    write_image(tmp_path / "pause", "groundwork.dev/pause:1", tmp_path / "image.tar")
    return unpacked((tmp_path / "image.tar").read_bytes())


def unpacked(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar if entry.isfile()}  # pyright: ignore[reportOptionalMemberAccess]


def blob(archive: dict[str, bytes], descriptor: dict[str, Any]) -> bytes:
    content = archive[f"blobs/{descriptor['digest'].replace(':', '/')}"]
    assert len(content) == descriptor["size"]
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == descriptor["digest"]
    return content


def test_the_image_is_an_oci_layout_whose_digests_hold(archive: dict[str, bytes]) -> None:
    assert json.loads(archive["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    named = json.loads(archive["index.json"])["manifests"][0]
    assert named["annotations"] == {"io.containerd.image.name": "groundwork.dev/pause:1"}
    manifest = json.loads(blob(archive, named))
    config = json.loads(blob(archive, manifest["config"]))
    layer = blob(archive, manifest["layers"][0])
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert unpacked(layer) == {"pause": b"a program"}


def test_the_program_runs_as_nobody_in_particular(archive: dict[str, bytes]) -> None:
    manifest = json.loads(blob(archive, json.loads(archive["index.json"])["manifests"][0]))
    config = json.loads(blob(archive, manifest["config"]))["config"]
    assert config["Entrypoint"] == ["/pause"]
    assert config["User"] == "65535:65535"


def test_the_same_program_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "pause").write_bytes(b"a program")
    for name in ("one", "two"):
        write_image(tmp_path / "pause", "groundwork.dev/pause:1", tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
