from pathlib import Path

import pytest

from modules.core.errors import UserError
from workloads import catalog


def test_each_folder_with_a_workload_yaml_is_known() -> None:
    assert catalog.known() == ["cancer", "digits", "iris", "neighbours", "screening", "wine"]


def test_an_unknown_workload_lists_the_known_ones_and_the_closest() -> None:
    with pytest.raises(
        UserError,
        match=r"'irish' is unknown; known: cancer, digits, iris, neighbours, screening, wine\. Did you mean 'iris'\?",
    ):
        catalog.load("irish")


def test_a_workload_is_not_looked_up_outside_its_folder() -> None:
    with pytest.raises(UserError, match="unknown"):
        catalog.load("../workloads/iris")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: [", "workloads/wine/workload.yaml is not YAML"),
        ("name: wine\nname: wine\n", "workloads/wine/workload.yaml, line 2: 'name' is there twice"),
        ("- name", "holds list, expected a mapping"),
        ("", "holds NoneType, expected a mapping"),
        ("name: wine", "description: missing"),
    ],
)
def test_a_broken_workload_yaml_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "wine").mkdir()
    (tmp_path / "wine" / "workload.yaml").write_text(content)
    with pytest.raises(UserError) as refused:
        catalog.load("wine", tmp_path)
    assert message in str(refused.value)


def test_a_workload_is_named_as_its_folder(tmp_path: Path) -> None:
    (tmp_path / "wine").mkdir()
    (tmp_path / "wine" / "workload.yaml").write_text((catalog.FOLDER / "iris" / "workload.yaml").read_text())
    with pytest.raises(UserError, match="name is 'iris', but the folder is 'wine'"):
        catalog.load("wine", tmp_path)
