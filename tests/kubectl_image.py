"""An image of kubectl, which runs in pods and needs no other file."""

import json
import tarfile
from pathlib import Path
from typing import Any

from embedded.cluster.image import write_image
from modules.registry.remote import Remote


def push_kubectl(registry: Remote, tools: Path, folder: Path, tag: str) -> str:
    """Put it into a registry. tools: where the program is. Return the digest of its manifest."""
    archive = folder / "kubectl.tar"
    write_image(tools / "kubectl", f"kubectl:{tag}", archive)
    with tarfile.open(archive) as layout:
        layout.extractall(folder / "image", filter="data")
    index: dict[str, Any] = json.loads((folder / "image/index.json").read_text())
    digest: str = index["manifests"][0]["digest"]

    def blob(digest: str) -> Path:
        return folder / "image/blobs" / digest.replace(":", "/")

    manifest = blob(digest).read_bytes()
    document: dict[str, Any] = json.loads(manifest)
    for each in (document["config"], *document["layers"]):
        registry.upload("kubectl", each["digest"], blob(each["digest"]))
    registry.put_manifest("kubectl", tag, manifest)
    return digest
