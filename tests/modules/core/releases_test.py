from pathlib import Path

import pytest

from modules.core import releases
from modules.core.errors import UserError
from modules.core.releases import Pin, Release, read_releases, write_releases


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


def test_the_rejections_of_an_earlier_file_are_read_and_written_by_their_new_name(folder: Path) -> None:
    path = folder / "releases.local.yaml"
    write_releases("local", {"iris": Release(**pin(1).model_dump()).rejecting(pin(2), "latency")})
    written = path.read_text()
    path.write_text(written.replace("rejected:", "refused:"))
    (rejection,) = read_releases("local")["iris"].rejected
    assert (rejection.model_version, rejection.cause) == (2, "latency")
    write_releases("local", read_releases("local"))
    assert path.read_text() == written
