"""A bare cluster on Debian's own kernel, with control groups of version 2 only: some of its tests once more."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from modules.core.paths import REPOSITORY

from . import bare_cluster_test
from .machine import SHARED, last, run_in_machine

TESTS = [
    test.__name__
    for test in (
        bare_cluster_test.test_a_network_policy_is_enforced,
        bare_cluster_test.test_a_service_that_asks_for_it_is_published_at_a_port_of_this_machine,
        bare_cluster_test.test_stop_leaves_nothing_running,
    )
]
"""Each stands on a cluster that has started. In them is all that the kernel has a part in: pods, their network, and how
they end."""
FILE = Path(bare_cluster_test.__file__).relative_to(REPOSITORY)
COMMAND = f"""
uname -r >{SHARED}/kernel
cut -d' ' -f3 /proc/mounts | grep cgroup >{SHARED}/cgroups
pytest -v -p no:cacheprovider --junit-xml={SHARED}/report.xml {" ".join(f"{FILE}::{name}" for name in TESTS)}
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the virtual machine shared, once it has ended."""
    folder = tmp_path_factory.mktemp("machine")
    run_in_machine(COMMAND, folder, folder / "packages.log")
    return folder


@pytest.mark.heavy
def test_the_kernel_is_debians_and_has_control_groups_of_version_2_only(shared: Path) -> None:
    assert (shared / "kernel").read_text().strip().endswith("-amd64")
    assert (shared / "cgroups").read_text().split() == ["cgroup2"]


@pytest.mark.heavy
@pytest.mark.parametrize("name", TESTS)
def test_there_too(shared: Path, name: str) -> None:
    report = shared / "report.xml"
    assert report.exists(), last(shared / "console")
    case = next(each for each in ElementTree.parse(report).iter("testcase") if each.get("name") == name)
    assert [part.text for part in case if part.tag != "system-out"] == []
