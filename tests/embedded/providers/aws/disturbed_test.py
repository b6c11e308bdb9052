"""Whatever happens to the runs that make the platform, the account ends with the same one, and nothing is left."""

from collections import Counter
from pathlib import Path

import pytest

from tests.processes import serving

from .crash_test import kill_after
from .on_account import IN_ACCOUNT, OnAccount

pytestmark = pytest.mark.heavy

KILLS = 10
LINES = 55
"""Of some 650 about creations, that a run prints before it is killed: the last one is killed near the end."""
FAULTY = str(Path(__file__).parent / "faulty.py")


def kinds(project: OnAccount, address: str) -> Counter[str]:
    """How many things of each kind AWS has of the platform."""
    _, there = project.leftovers(address)
    assert there["unread"] == []
    return Counter(each["kind"] for each in there["left"])


def go_on(project: OnAccount) -> None:
    """What a person does after a run that was killed."""
    project.run("cancel", "--yes")
    project.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates", *IN_ACCOUNT)


@pytest.fixture(scope="module")
def undisturbed(toolchain: Path, tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    """What an account has of a platform that came up in one run."""
    with serving("-I", "-m", "embedded.aws") as (address,):
        project = OnAccount(tmp_path_factory.mktemp("undisturbed"), toolchain, "aws-dev", address)
        project.up()
        return kinds(project, address)


def test_runs_that_are_killed_at_ten_points_end_in_the_same_platform(
    tmp_path: Path, toolchain: Path, undisturbed: Counter[str]
) -> None:
    with serving("-I", "-m", "embedded.aws") as (address,):
        project = OnAccount(tmp_path, toolchain, "aws-dev", address)
        made = list[int]()
        for _ in range(KILLS):
            kill_after(project, LINES)
            go_on(project)
            made.append(len(project.ids()))
        assert made == sorted(set(made))
        project.up()
        project.run("preview", "--expect-no-changes")
        assert kinds(project, address) == undisturbed
        project.run("destroy", "--yes", "--skip-preview")
        assert kinds(project, address) == Counter()


def test_a_destroy_that_is_killed_is_gone_on_with_and_leaves_nothing(tmp_path: Path, toolchain: Path) -> None:
    with serving("-I", "-m", "embedded.aws") as (address,):
        project = OnAccount(tmp_path, toolchain, "aws-dev", address)
        project.up()
        for _ in range(3):
            kill_after(project, LINES * 2, "destroy", " delet")
            go_on(project)
        project.run("destroy", "--yes", "--skip-preview")
        assert kinds(project, address) == Counter()


def test_an_account_that_throttles_and_fails_ends_with_the_same_platform(
    tmp_path: Path, toolchain: Path, undisturbed: Counter[str]
) -> None:
    with serving(FAULTY) as (faulty, plain):
        project = OnAccount(tmp_path, toolchain, "aws-dev", faulty)
        project.up()
        project.run("preview", "--expect-no-changes")
        project.run("refresh", "--yes", "--skip-preview", "--expect-no-changes", *IN_ACCOUNT)
        assert kinds(project, plain) == undisturbed
        assert kinds(project, faulty) == undisturbed
        project.run("destroy", "--yes", "--skip-preview")
        assert kinds(project, plain) == Counter()
