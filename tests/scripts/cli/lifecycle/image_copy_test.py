import json
from base64 import b64encode
from pathlib import Path

import pytest

from modules.core.images import LockedImage, short_digest
from modules.core.releases import Pin, Release
from modules.registry.images import sha256
from scripts.cli.clients import pins
from scripts.cli.lifecycle import image_copy
from scripts.cli.lifecycle.image_copy import foreign, outdated, pinned, running
from tests.modules.registry.fakes import FakeRegistry, connected
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

    fakes.stack(monkeypatch)

    monkeypatch.setattr(image_copy, "read_sources", always({"base": Source(), "mlflow": Source(), "new": Source()}))
    held = {
        name: LockedImage(digest=sha256(b""), inputs=sha256(inputs), version="1")
        for name, inputs in (("base", b"now"), ("mlflow", b"before"))
    }
    assert outdated("local", held, "arm64") == ["mlflow", "new"]


def stored(registry: FakeRegistry, layer: bytes, name: str = "serving") -> str:
    """Put a serving image with one layer beside others into a registry; return its digest."""
    parts = [b'{"architecture": "arm64"}', layer]
    registry.blobs.setdefault(name, {}).update({sha256(part): part for part in parts})
    configuration, *layers = ({"digest": sha256(part), "size": len(part)} for part in parts)
    manifest = json.dumps({"config": configuration, "layers": layers}).encode()
    registry.manifests.setdefault(name, {})[sha256(manifest)] = manifest
    return sha256(manifest)


def test_serving_images_that_releases_pin_go_along_under_a_tag_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = FakeRegistry(), FakeRegistry()
    today, served, earlier = (stored(source, layer) for layer in (b"today", b"served", b"earlier"))
    of_skops, lost = stored(source, b"skops", "serving-skops"), sha256(b"lost")

    def pin(image: str, repository: str = "serving") -> Pin:
        return Pin(
            release=1, model_name="iris", model_version=1, model_uri="s3://b/k", model_digest=today, run="r",
            serving_image=image, serving_repository=repository,
        )  # fmt: skip

    history = (pin(earlier), pin(of_skops, "serving-skops"), pin(today), pin(lost))
    release = Release(**pin(served).model_dump(), history=history)
    locked = {"serving": LockedImage(digest=today, inputs=sha256(b"inputs"), version="1")}
    fakes.stack(monkeypatch)
    monkeypatch.setattr(image_copy, "read_images", always(locked))
    monkeypatch.setattr(pins, "released", always({"iris": release}))
    for expected in ({today, served, earlier, of_skops}, set[str]()):
        with connected(source) as origin, connected(target) as to:
            steps = image_copy.Copy("local", to=to, origin=origin)
            steps.run(fakes.quiet)
            assert to.find({"serving": served}) == to.find({"serving": short_digest(served)}) == {"serving": served}
            assert to.find({"serving-skops": of_skops}) == {"serving-skops": of_skops}
        assert steps.copied == expected
        assert {image.digest for _, image in steps.rows()} == {today, served, earlier, of_skops}
        assert (steps.lacking, steps.architecture) == ([lost], "arm64")
