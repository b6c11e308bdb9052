"""Whatever happens to the runs that make the platform, the account ends with the same one, and nothing is left."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.processes import serving

from .crash_test import kill_after
from .on_account import IN_ACCOUNT, OnAccount

pytestmark = pytest.mark.heavy

KILLS = 10
MADE = 17
"""Of some 200 resources on the account, by how many more each run comes before it is killed, up to 64 others being on
their way: the last one comes nearly to the end. A run may come further while the signal is on its way; and it reports
a resource a moment before the state has it, on a busy machine so many of them before, which the next run makes up."""
GONE = 50
"""Those that a run reports as deleted before it is killed."""
FAULTY = str(Path(__file__).parent / "faulty.py")


class Undisturbed(NamedTuple):
    """A platform that came up in one run."""

    project: OnAccount
    address: str
    kinds: Counter[str]


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
def undisturbed(toolchain: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    with serving("-I", "-m", "embedded.aws") as (address,):
        project = OnAccount(tmp_path_factory.mktemp("undisturbed"), toolchain, "aws-dev", address)
        project.up()
        yield Undisturbed(project, address, kinds(project, address))


def test_runs_that_are_killed_at_ten_points_end_in_the_same_platform(
    tmp_path: Path, toolchain: Path, undisturbed: Undisturbed
) -> None:
    with serving("-I", "-m", "embedded.aws") as (address,):
        project = OnAccount(tmp_path, toolchain, "aws-dev", address)
        made = [0]
        for aim in range(MADE, MADE * KILLS + 1, MADE):
            kill_after(project, max(aim - made[-1], MADE // 2), about=" aws:.* created ")
            noted = project.ids()
            go_on(project)
            assert project.ids() == noted
            made.append(len(noted))
        assert made == sorted(made)
        assert made[-1] > MADE * KILLS // 2
        project.up()
        project.run("preview", "--expect-no-changes")
        assert kinds(project, address) == undisturbed.kinds
        project.run("destroy", "--yes", "--skip-preview")
        assert kinds(project, address) == Counter()


def test_an_account_that_throttles_and_fails_ends_with_the_same_platform(
    tmp_path: Path, toolchain: Path, undisturbed: Undisturbed
) -> None:
    with serving(FAULTY) as (faulty, plain):
        project = OnAccount(tmp_path, toolchain, "aws-dev", faulty)
        project.up()
        project.run("preview", "--expect-no-changes")
        project.run("refresh", "--yes", "--skip-preview", "--expect-no-changes", *IN_ACCOUNT)
        assert kinds(project, plain) == undisturbed.kinds
        assert kinds(project, faulty) == undisturbed.kinds
        project.run("destroy", "--yes", "--skip-preview")
        assert kinds(project, plain) == Counter()


def test_a_destroy_that_is_killed_is_gone_on_with_and_leaves_nothing(undisturbed: Undisturbed) -> None:
    """The last one: the platform that the others are compared with goes."""
    project, address, _ = undisturbed
    for _ in range(3):
        kill_after(project, GONE, "destroy", " aws:.* deleted ")
        go_on(project)
    project.run("destroy", "--yes", "--skip-preview")
    assert kinds(project, address) == Counter()
