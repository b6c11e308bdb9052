import platform

import pytest

from modules.core import images
from modules.core.contracts import Registry
from modules.core.images import (
    LockedImage,
    own_architecture,
    reference,
    repository_of,
    require_image,
    short_digest,
    unbuilt_variables,
    version_of,
    with_digest,
)

DIGEST = f"sha256:{1:064x}"
REGISTRY = Registry(push="10.80.0.1:5000/groundwork", pull="10.80.0.1:5000/groundwork")


def test_a_reference_tells_the_version_and_pins_the_digest() -> None:
    made = reference(REGISTRY, "mlflow", LockedImage(digest=DIGEST, inputs=DIGEST, version="3.17.2"))
    assert made == f"10.80.0.1:5000/groundwork/mlflow:3.17.2@{DIGEST}"
    assert (repository_of(made), version_of(made)) == ("10.80.0.1:5000/groundwork/mlflow", "3.17.2")


@pytest.mark.parametrize("name", ["mlflow", "host:5000/mlflow", "docker.io/library/python"])
@pytest.mark.parametrize("rest", ["", ":3.1", f"@{DIGEST}", f":3.1@{DIGEST}"])
def test_the_repository_is_what_comes_before_tag_and_digest(name: str, rest: str) -> None:
    assert repository_of(name + rest) == name


@pytest.mark.parametrize("name", ["mlflow", "host:5000/mlflow"])
def test_an_image_without_tag_and_digest_tells_no_version(name: str) -> None:
    with pytest.raises(ValueError, match="has no version; expected name:version@digest"):
        version_of(name)


@pytest.mark.parametrize("reference", ["host:5000/mlflow", "host:5000/mlflow:3.1", "host:5000/mlflow:3.1@sha256:2"])
def test_another_digest_of_an_image_has_that_for_its_version(reference: str) -> None:
    other = with_digest(reference, DIGEST)
    assert other == f"host:5000/mlflow@{DIGEST}"
    assert version_of(other) == short_digest(DIGEST) == DIGEST[7:23]


def test_a_machine_builds_for_its_own_architecture_as_nodes_call_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert own_architecture() == "arm64"


def test_a_preview_knows_an_image_that_is_built_after_it_and_prefers_what_is_pinned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = (LockedImage(digest=f"sha256:{digit * 64}", inputs=DIGEST, version="1") for digit in "12")
    for name, value in unbuilt_variables({"new": first, "known": first}).items():
        monkeypatch.setenv(name, value)

    def read(_: str) -> dict[str, LockedImage]:
        return {"known": second}

    monkeypatch.setattr(images, "read_images", read)
    assert require_image("dev", REGISTRY, "new") == reference(REGISTRY, "new", first)
    assert require_image("dev", REGISTRY, "known") == reference(REGISTRY, "known", second)
    assert unbuilt_variables({}) == {}
