from pathlib import Path

import pytest

from modules.core.images import LockedImage
from modules.registry.resolve import Answer
from modules.registry.third_party import LIST, read_third_party
from scripts.cli.environment import Environment
from scripts.cli.lifecycle import images
from scripts.cli.lifecycle.images import NOT_BUILT, built, others, report
from tests.scripts.cli import fakes
from tests.scripts.cli.fakes import always, refused

DIGEST = f"sha256:{1:064x}"


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "third_party.yaml"
    path.write_text(LIST.read_text())
    return path


def test_a_built_image_is_listed_with_its_version_and_digest_and_others_as_not_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    locked = {"mlflow": LockedImage(digest=DIGEST, inputs=DIGEST, version="3.17.2")}
    fakes.stack(monkeypatch)
    monkeypatch.setattr(images, "read_images", always(locked))
    rows = {row.name: row for row in built(Environment("local"))}
    assert (rows["mlflow"].version, rows["mlflow"].digest) == ("3.17.2", DIGEST)
    assert rows["base"].digest == NOT_BUILT


def test_images_of_others_are_listed_with_their_source() -> None:
    rows = {row.name: row for row in others(read_third_party())}
    assert rows["jenkins"].source == "docker.io/jenkins/jenkins"


def test_what_is_told_is_written_and_what_is_not_is_said(listed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = read_third_party(listed)
    answers = {name: Answer(digest=None, problem="not reached") for name in found}
    answers["jenkins"] = Answer(digest=DIGEST, problem=None)
    said = refused(lambda: report(found, answers, listed))
    assert "2 of 3 digests are unresolved, and third_party.yaml has 1 more digests" in said
    assert "docker.io/library/python:3.11.14-bookworm: not reached" in said
    assert read_third_party(listed)["jenkins"].digest == DIGEST
    assert f"jenkins docker.io/jenkins/jenkins:2.568.2-jdk21: {DIGEST}\n" in capsys.readouterr().out


def test_where_no_registry_is_reached_nothing_is_changed(listed: Path) -> None:
    found = read_third_party(listed)
    said = refused(lambda: report(found, {name: Answer(digest=None, problem="not reached") for name in found}, listed))
    assert "third_party.yaml is unchanged" in said
    assert "simulated nodes only" in said
    assert listed.read_text() == LIST.read_text()


def test_when_every_digest_is_told_there_is_nothing_to_say_against(listed: Path) -> None:
    found = read_third_party(listed)
    report(found, {name: Answer(digest=DIGEST, problem=None) for name in found}, listed)
    assert {image.digest for image in read_third_party(listed).values()} == {DIGEST}
    report(read_third_party(listed), {}, listed)
