"""In folders that look like the kernel's; its own are used by the integration tests."""

from pathlib import Path

import pytest

from embedded.cluster.cgroups import Cgroups, pids
from modules.core.errors import UserError


@pytest.fixture
def first_version(tmp_path: Path) -> Path:
    for name in ("cpuset", "memory", "cpuacct"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").write_text("1\n")
    (tmp_path / "cpu").symlink_to("cpuacct")
    (tmp_path / "cpuset" / "cpuset.cpus").write_text("0-1")
    (tmp_path / "cpuset" / "cpuset.mems").write_text("0")
    return tmp_path


@pytest.fixture
def second_version(tmp_path: Path) -> Path:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids")
    return tmp_path


def test_with_many_hierarchies_the_group_is_made_in_each_once(first_version: Path) -> None:
    group = Cgroups("groundwork-test", first_version)
    assert not group.exists()
    group.create()
    assert not group.unified
    assert [path.parent.name for path in group.folders()] == ["cpuacct", "cpuset", "memory"]
    assert all(path.is_dir() for path in group.folders())
    assert group.pods() == first_version / "memory/groundwork-test/kubepods"


def test_a_group_is_removed_with_those_in_it(first_version: Path) -> None:
    group = Cgroups("groundwork-test", first_version)
    group.create()
    (first_version / "memory/groundwork-test/kubepods/burstable/pod1").mkdir(parents=True)
    group.remove()
    assert not group.exists()
    group.remove()


def test_a_group_in_use_is_not_removed_and_its_processes_are_named(first_version: Path) -> None:
    group = Cgroups("groundwork-test", first_version)
    group.create()
    (first_version / "memory/groundwork-test/cgroup.procs").write_text("4242\n")
    with pytest.raises(OSError, match="4242"):
        group.remove(wait_s=0)


def test_with_one_hierarchy_every_controller_is_handed_down(
    second_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[str] = []

    def note(path: Path, text: str) -> int:
        handed.append(f"{path.relative_to(second_version)} {text}")
        return len(text)

    group = Cgroups("groundwork-test", second_version)
    (second_version / "groundwork-test").mkdir()
    (second_version / "groundwork-test" / "cgroup.controllers").write_text("memory")
    monkeypatch.setattr(Path, "write_text", note)
    group.create()
    assert group.unified
    assert group.folders() == [second_version / "groundwork-test"]
    assert "cgroup.subtree_control +cpuset" in handed
    assert "cgroup.subtree_control +pids" in handed
    assert handed[-1] == "groundwork-test/cgroup.subtree_control +memory"


@pytest.mark.parametrize(("controller", "matters"), [("memory", True), ("io", False)])
def test_only_a_controller_that_the_kubelet_needs_may_not_be_refused(
    second_version: Path, monkeypatch: pytest.MonkeyPatch, controller: str, matters: bool
) -> None:
    def refuse(_: Path, text: str) -> int:
        if text == f"+{controller}":
            raise OSError("refused")
        return len(text)

    group = Cgroups("groundwork-test", second_version)
    (second_version / "groundwork-test").mkdir()
    (second_version / "groundwork-test" / "cgroup.controllers").write_text("")
    monkeypatch.setattr(Path, "write_text", refuse)
    if matters:
        with pytest.raises(OSError, match="refused"):
            group.create()
    else:
        group.create()


def test_a_controller_without_a_hierarchy_is_named(first_version: Path) -> None:
    with pytest.raises(UserError, match="control groups: pids missing"):
        Cgroups("groundwork-test", first_version).check()
    (first_version / "pids").mkdir()
    (first_version / "pids/cgroup.procs").write_text("1\n")
    Cgroups("groundwork-test", first_version).check()


def test_with_one_hierarchy_a_controller_that_the_kernel_lacks_is_named(second_version: Path) -> None:
    (second_version / "cgroup.controllers").write_text("cpuset cpu io pids")
    with pytest.raises(UserError, match="control groups: memory missing"):
        Cgroups("groundwork-test", second_version).check()


@pytest.mark.parametrize(
    ("kernels_own", "processes", "handed", "accepted"),
    [
        (True, "1\n", "", True),
        (False, "", "", True),
        (False, "", "cpuset cpu memory pids", True),
        (False, "1\n7\n", "", False),
    ],
)
def test_a_containers_root_must_be_able_to_hand_its_controllers_on(
    second_version: Path, kernels_own: bool, processes: str, handed: str, accepted: bool
) -> None:
    (second_version / "cgroup.procs").write_text(processes)
    (second_version / "cgroup.subtree_control").write_text(handed)
    if not kernels_own:
        (second_version / "cgroup.type").write_text("domain\n")
    group = Cgroups("groundwork-test", second_version)
    if accepted:
        group.check()
    else:
        with pytest.raises(UserError, match="Move them first"):
            group.check()


def test_processes_are_those_of_all_groups_below(first_version: Path) -> None:
    pod = first_version / "memory/groundwork-test/kubepods/pod1/container"
    pod.mkdir(parents=True)
    (pod / "cgroup.procs").write_text("7\n8\n")
    (pod.parent / "cgroup.procs").write_text("9\n")
    assert sorted(pids(first_version / "memory/groundwork-test")) == [7, 8, 9]
