import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from modules.core.errors import UserError
from modules.core.images import Image, Program, own_architecture
from modules.registry import images
from modules.registry.images import Source, find_uv, read_sources
from stacks.services import images as all_images

IMAGES = all_images()
SMALL = Image(
    name="small", budget_mb=1, containerfile="Containerfile", files=("code/*.py",), without="code/left_*", base=None
)
ABOVE = Image(name="above", budget_mb=1, containerfile="Containerfile", base="small")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of two small images."""
    (tmp_path / "code").mkdir()
    (tmp_path / "Containerfile").write_text("FROM scratch\nCOPY code/ /\n")
    (tmp_path / "code/a.py").write_text("a = 1\n")
    (tmp_path / "code/left_out.py").write_text("left = 1\n")
    return tmp_path


@pytest.fixture(scope="module")
def sources() -> dict[str, Source]:
    return read_sources(IMAGES)


def inputs(repository: Path, made: Sequence[Image] = (SMALL, ABOVE)) -> dict[str, str]:
    return {name: source.inputs for name, source in read_sources(made, repository).items()}


def test_the_same_files_elsewhere_give_the_same_inputs(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(repository, copy, dirs_exist_ok=True)
    assert inputs(copy) == inputs(repository)


@pytest.mark.parametrize("path", ["Containerfile", "code/a.py", "code/new.py"])
def test_a_changed_source_changes_an_image_and_what_stands_on_it(repository: Path, path: str) -> None:
    before = inputs(repository)
    (repository / path).write_text("# changed\n")
    after = inputs(repository)
    assert before["small"] != after["small"]
    assert before["above"] != after["above"]


def test_another_program_changes_an_image_and_its_version(repository: Path, tmp_path: Path) -> None:
    def build(*_: object) -> Path:
        return tmp_path

    def made(key: str, version: str) -> Image:
        return replace(SMALL, program="tool", compiled=Program(key=key, version=version, build=build))

    before = read_sources((made("1", "4.5"),), repository)["small"]
    after = read_sources((made("2", "4.6"),), repository)["small"]
    assert (before.version, after.version) == ("4.5", "4.6")
    assert before.inputs != after.inputs
    assert read_sources((made("1", "4.5"),), repository)["small"].inputs == before.inputs


def test_images_for_other_processors_have_inputs_of_their_own(repository: Path) -> None:
    found = [read_sources((SMALL, ABOVE), repository, architecture=name) for name in ("amd64", "arm64")]
    for name in ("small", "above"):
        assert len({sources[name].tag for sources in found}) == 2
    assert (
        inputs(repository)["small"]
        == read_sources((SMALL,), repository, architecture=own_architecture())["small"].inputs
    )


def test_what_is_left_out_changes_nothing(repository: Path) -> None:
    before = inputs(repository)
    (repository / "code/left_out.py").write_text("left = 2\n")
    (repository / "code/__pycache__").mkdir()
    (repository / "code/__pycache__/a.cpython-311.pyc").write_bytes(b"\0")
    assert inputs(repository) == before


def test_changed_arguments_flags_and_release_change_the_inputs(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = [inputs(repository)["small"]]
    for name, value in (("BUILD_FLAGS", ("--other",)), ("DEBIAN", "trixie")):
        monkeypatch.setattr(images, name, value)
        seen.append(inputs(repository)["small"])
    other = replace(SMALL, without=None, arguments={"X": "1"})
    seen.append(inputs(repository, (other,))["small"])
    assert len(set(seen)) == len(seen)


def test_a_pattern_that_matches_nothing_is_refused(repository: Path) -> None:
    shutil.rmtree(repository / "code")
    with pytest.raises(UserError, match=r"images\.small: no file matches 'code/\*\.py'"):
        read_sources((SMALL, ABOVE), repository)


def test_without_uv_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="uv: not on PATH: start through scripts/"):
        find_uv()


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_a_containerfile_copies_only_what_is_in_its_context(image: Image, sources: dict[str, Source]) -> None:
    source = sources[image.name]
    there = [*source.context, *([image.program] if image.program else [])]
    for line in re.findall(r"^COPY (?!--from)(.*)$", source.containerfile.decode(), re.MULTILINE):
        for copied in line.split()[:-1]:
            assert any(path == copied or path.startswith(copied) for path in there), f"{copied} is not there"


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_no_image_runs_as_root_or_keeps_uv(image: Image, sources: dict[str, Source]) -> None:
    containerfile = sources[image.name].containerfile.decode()
    last_stage = re.split(r"^FROM ", containerfile, flags=re.MULTILINE)[-1]
    users = re.findall(r"^USER (\S+)$", last_stage, re.MULTILINE)
    assert users[-1:] == ["10001:10001"] or (image.base and not users)
    assert "uv" not in last_stage.split()
    assert "python-install /" not in last_stage


@pytest.mark.parametrize("image", [image for image in IMAGES if image.group], ids=lambda image: image.name)
def test_every_package_is_pinned_with_its_hash(image: Image, sources: dict[str, Source]) -> None:
    requirements = (sources[image.name].requirements or b"").decode().replace("\\\n", "")
    lines = [line for line in requirements.splitlines() if line]
    assert lines
    assert all(re.match(r"[\w.-]+==\S+ ", line) and "--hash=sha256:" in line for line in lines)
    names = {line.split("==")[0] for line in lines}
    assert names.isdisjoint(image.prune)


def test_the_training_image_carries_every_workload_and_not_the_server(sources: dict[str, Source]) -> None:
    files = sources["training"].files
    assert "workloads/iris/train.py" in files
    assert not any(path.startswith("workloads/server/") for path in files)


def test_a_run_can_tell_what_trained_it(sources: dict[str, Source]) -> None:
    arguments = sources["training"].arguments
    assert arguments["LOCK_DIGEST"] == images.sha256(sources["training"].context["requirements.txt"])
    assert re.fullmatch("sha256:[0-9a-f]{64}", arguments["CODE_DIGEST"])


@pytest.mark.parametrize(
    ("name", "version"),
    [("storage", "4.53"), ("mlflow", "3.17.2"), ("postgresql", "15"), ("base", "bookworm"), ("serving", "0.1.0")],
)
def test_an_image_tells_the_version_of_its_software(sources: dict[str, Source], name: str, version: str) -> None:
    assert sources[name].version == version
