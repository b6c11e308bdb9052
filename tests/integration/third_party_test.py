"""`groundwork images resolve` against a real registry on this machine."""

import hashlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from modules.core.errors import UserError
from modules.registry.third_party import read_third_party
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.images import resolve_list
from tests.processes import running

INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(scope="module")
def registry(platform: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address, host:port."""
    folder = tmp_path_factory.mktemp("registry")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    configuration = folder / "registry.yaml"
    storage = {"filesystem": {"rootdirectory": str(folder / "storage")}}
    configuration.write_text(yaml.safe_dump({"version": "0.1", "storage": storage, "http": {"addr": address}}))
    command = [str(platform.tools / "registry"), "serve", str(configuration)]
    with (folder / "log").open("w") as log, running(command, stdout=log, stderr=log):
        await_answer(address)
        yield address


def await_answer(address: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            httpx.get(f"http://{address}/v2/", trust_env=False).raise_for_status()
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


def push(address: str, repository: str, tag: str) -> str:
    """An index without images in it; returns its digest."""
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
    url = f"http://{address}/v2/{repository}/manifests/{tag}"
    httpx.put(url, content=index, headers={"Content-Type": INDEX}, trust_env=False).raise_for_status()
    return f"sha256:{hashlib.sha256(index).hexdigest()}"


def write_list(path: Path, **sources: str) -> Path:
    images = {name: {"source": source, "tag": "1", "digest": "unresolved"} for name, source in sources.items()}
    path.write_text("# A comment that stays.\n" + yaml.safe_dump({"images": images}, sort_keys=False))
    return path


def test_the_digest_of_the_tag_is_filled_in(registry: str, tmp_path: Path) -> None:
    digest = push(registry, "team/one", "1")
    path = write_list(tmp_path / "list.yaml", one=f"{registry}/team/one")
    resolve_list(path)
    assert read_third_party(path)["one"].digest == digest
    assert path.read_text().startswith("# A comment that stays.\n")


def test_an_image_that_the_registry_lacks_stays_unresolved_beside_one_that_it_has(
    registry: str, tmp_path: Path
) -> None:
    digest = push(registry, "team/one", "1")
    path = write_list(tmp_path / "list.yaml", one=f"{registry}/team/one", two=f"{registry}/team/two")
    with pytest.raises(UserError, match=r"1 of 2 digests are unresolved, and list\.yaml has 1 more") as caught:
        resolve_list(path)
    assert f"{registry}/team/two:1: http://{registry}/v2/team/two/manifests/1 answered 404" in str(caught.value)
    found = read_third_party(path)
    assert (found["one"].digest, found["two"].digest) == (digest, "unresolved")
