"""What holds for every file of the repository."""

import subprocess

import pytest

from modules.core.paths import REPOSITORY

ROOMS = {
    ".ci",
    ".github",
    "docs",
    "embedded",
    "modules",
    "policies",
    "scripts",
    "stacks",
    "tests",
    "workloads",
}
AT_THE_TOP = {
    ".gitignore",
    ".python-version",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Pulumi.yaml",
    "README.md",
    "pyproject.toml",
    "uv.lock",
}
GENERATED = {"uv.lock", "go.mod", "go.sum", "LICENSE"}
DATA = {".csv", ".json"}
MOST_LINES = 400


@pytest.fixture(scope="module")
def files() -> list[str]:
    """Committed ones."""
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.splitlines() if (REPOSITORY / name).is_file()]


def test_every_file_lies_in_a_known_directory(files: list[str]) -> None:
    strays = [name for name in files if name.split("/")[0] not in ROOMS and name not in AT_THE_TOP]
    assert strays == []


def test_no_file_is_longer_than_400_lines(files: list[str]) -> None:
    for name in files:
        path = REPOSITORY / name
        if path.name not in GENERATED and path.suffix not in DATA:
            assert len(path.read_text().splitlines()) <= MOST_LINES, name


def test_tests_mirror_the_tree(files: list[str]) -> None:
    mirrored = {"contracts", "integration", "judges", *ROOMS}
    for name in files:
        folder, *inner = name.split("/")
        if folder == "tests" and len(inner) > 1:
            assert inner[0] in mirrored, name


def test_no_generated_pin_of_a_local_environment_is_committed(files: list[str]) -> None:
    local = {"stacks/Pulumi.local.yaml", "stacks/images.local.yaml", "stacks/releases.local.yaml"}
    assert not local & set(files)
