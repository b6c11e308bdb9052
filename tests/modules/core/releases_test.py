from pathlib import Path

import pytest

from modules.core import releases
from modules.core.errors import UserError
from modules.core.releases import Pin, Release, read_releases, same_model, same_release, write_releases


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def place(environment: str) -> Path:
        return tmp_path / f"releases.{environment}.yaml"

    monkeypatch.setattr(releases, "release_file", place)
    return tmp_path


def pin(number: int) -> Pin:
    return Pin(
        release=number,
        model_name="iris",
        model_version=number,
        model_uri=f"s3://local-artifacts/mlflow/{number}",
        model_digest=f"sha256:{number:064x}",
        run=f"run{number}",
        serving_image=f"sha256:{number + 100:064x}",
    )


def test_what_is_written_is_read_again() -> None:
    release = Release(**pin(3).model_dump(), history=(pin(1), pin(2)))
    write_releases("local", {"iris": release})
    assert read_releases("local") == {"iris": release}


def test_an_environment_without_a_file_has_no_releases() -> None:
    assert read_releases("local") == {}


def test_nothing_but_the_file_is_left_behind(folder: Path) -> None:
    write_releases("local", {"iris": Release(**pin(1).model_dump())})
    assert [path.name for path in folder.iterdir()] == ["releases.local.yaml"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("releases: {iris: {release: 0}}", "releases.iris.release is 0"),
        ("releases: {iris: {rolease: 1}}", "releases.iris"),
        ("something: else", "releases"),
        ("{", "not YAML"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_to_do(folder: Path, text: str, message: str) -> None:
    (folder / "releases.local.yaml").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_releases("local")
    assert "release again" in str(caught.value)


def test_a_serving_image_is_pinned_by_digest_alone() -> None:
    reference = f"registry.example/serving@sha256:{1:064x}"
    write_releases("local", {"iris": Release(**pin(1).model_dump()).model_copy(update={"serving_image": reference})})
    with pytest.raises(UserError, match=f"releases.iris.serving_image is '{reference}'"):
        read_releases("local")


def test_a_pin_of_before_they_named_the_serving_image_is_read(folder: Path) -> None:
    write_releases("local", {"iris": Release(**pin(1).model_dump(), history=(pin(2),)).rejecting(pin(3), "latency")})
    path = folder / "releases.local.yaml"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "serving_image" not in line))
    read = read_releases("local")["iris"]
    assert [each.serving_image for each in (read, *read.history, *read.rejected)] == ["", "", ""]


def test_a_version_in_two_images_is_rejected_in_each() -> None:
    other = pin(2).model_copy(update={"serving_image": pin(1).serving_image})
    release = Release(**pin(1).model_dump()).rejecting(pin(2), "a").rejecting(other, "b").rejecting(pin(2), "c")
    assert [(each.serving_image, each.cause) for each in release.rejected] == [
        (other.serving_image, "b"),
        (pin(2).serving_image, "c"),
    ]


@pytest.mark.parametrize(
    ("changed", "model", "release"),
    [
        ({}, True, True),
        ({"serving_image": pin(2).serving_image}, True, False),
        ({"serving_image": ""}, True, False),
        ({"model_version": 2}, False, False),
        ({"model_digest": pin(2).model_digest}, False, False),
    ],
)
def test_releases_are_the_same_by_model_and_serving_image(
    changed: dict[str, object], model: bool, release: bool
) -> None:
    other = pin(1).model_copy(update=changed)
    assert (same_model(pin(1), other), same_release(pin(1), other)) == (model, release)
    assert not same_release(other.model_copy(update={"serving_image": ""}), other)


def test_the_rejections_of_an_earlier_file_are_read_and_written_by_their_new_name(folder: Path) -> None:
    path = folder / "releases.local.yaml"
    write_releases("local", {"iris": Release(**pin(1).model_dump()).rejecting(pin(2), "latency")})
    written = path.read_text()
    path.write_text(written.replace("rejected:", "refused:"))
    (rejection,) = read_releases("local")["iris"].rejected
    assert (rejection.model_version, rejection.cause) == (2, "latency")
    write_releases("local", read_releases("local"))
    assert path.read_text() == written
