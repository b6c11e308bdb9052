import json
from base64 import b64encode
from pathlib import Path

import pytest

from modules.core.images import LockedImage
from modules.registry.images import sha256
from scripts.cli.lifecycle import image_copy
from scripts.cli.lifecycle.image_copy import foreign, outdated, pinned, running
from tests.scripts.cli import fakes
from tests.scripts.cli.fakes import always, refused


@pytest.mark.parametrize(
    "address",
    ["registry.example/team", "registry.example:5000/team/ml_1/x", "127.0.0.1:5000/a", "localhost/a", "docker.io/team"],
)
def test_a_registry_of_somebody_is_asked_with_this_user_s_login(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, host = tmp_path / "auth.json", address.partition("/")[0]
    path.write_text(json.dumps({"auths": {host: {"auth": b64encode(b"ml:secret").decode()}}}))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(path))
    registry, access = foreign("--to", address, None)
    assert (registry.push, registry.pull) == (address, address)
    assert access.login
    assert (access.login.username, access.login.source) == ("ml", str(path))


@pytest.mark.parametrize(
    "address",
    ["", "registry.example", "registry.example/", "team/ml", "https://registry.example/team", "registry.example/Team",
     "registry.example:port/team", "registry.example/team:1", "registry.example/team@sha256", "registry.example//team"],
)  # fmt: skip
def test_what_is_no_place_of_images_is_refused_with_an_example(address: str) -> None:
    said = refused(lambda: foreign("--to", address, None))
    assert said.startswith(f"--to: {address} is no place of images; expected HOST[:PORT]/PATH")


def test_a_stack_without_images_or_without_a_cluster_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fakes.stack(monkeypatch)
    monkeypatch.setattr(image_copy, "read_images", always(dict[str, LockedImage]()))
    assert "stacks/images.local.yaml: there are no images to copy: `scripts/up local`" in refused(
        lambda: pinned("local")
    )
    assert "stack local is not running" in refused(lambda: running("local"))


def test_images_of_other_inputs_than_this_checkout_s_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Source:
        inputs = sha256(b"now")

    monkeypatch.setattr(image_copy, "read_sources", always({"base": Source(), "mlflow": Source(), "new": Source()}))
    held = {
        name: LockedImage(digest=sha256(b""), inputs=sha256(inputs), version="1")
        for name, inputs in (("base", b"now"), ("mlflow", b"before"))
    }
    assert outdated(held, "arm64") == ["mlflow", "new"]
