"""What runs inside the images imports nothing that stays outside of them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.core.images import Image
from modules.core.paths import REPOSITORY
from stacks.services import images

ROOMS = ("embedded", "modules", "policies", "scripts", "stacks", "tests", "workloads")


def files_of(image: Image) -> set[str]:
    """The Python files that the image holds, relative to the repository."""
    paths = {path for pattern in image.files for path in REPOSITORY.glob(pattern) if path.suffix == ".py"}
    if image.without:
        paths -= set(REPOSITORY.glob(image.without))
    return {path.relative_to(REPOSITORY).as_posix() for path in paths}


def own_imports(path: Path) -> Iterator[str]:
    """Modules of this repository that a file imports, anywhere in it; names imported from a package as its modules."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in ROOMS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ROOMS:
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_held(module: str, files: set[str]) -> bool:
    """Whether the module, or the one that the name is taken from, is among the files."""
    path = module.replace(".", "/")
    return any(f"{name}.py" in files or f"{name}/__init__.py" in files for name in (path, path.rpartition("/")[0]))


def image(name: str) -> Image:
    return next(each for each in images() if each.name == name)


@pytest.mark.parametrize("name", ["training", "training-torch", "training-lake", "serving"])
def test_an_image_holds_all_that_its_code_imports(name: str) -> None:
    files = files_of(image(name))
    missing = [
        f"{file} imports {module}"
        for file in sorted(files)
        for module in own_imports(REPOSITORY / file)
        if not is_held(module, files)
    ]
    assert files
    assert missing == []


def test_each_workload_is_in_the_training_image() -> None:
    files = files_of(image("training"))
    trainings = {path.relative_to(REPOSITORY).as_posix() for path in REPOSITORY.glob("workloads/*/train.py")}
    assert trainings
    assert trainings <= files
